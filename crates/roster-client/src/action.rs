//! Sending commands: batches of ten, one after another, and an answer for each command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use roster_core::command::Command;

use crate::error::{ClientError, excerpt};
use crate::observe::{Event, Signal};
use crate::transport::{Answer, Ask, Client};
use crate::wire::{COMMANDS_PER_REQUEST, pieces};

/// Numbers for request ids, shared by the batchers of one process.
#[derive(Debug, Clone, Default)]
pub struct Numbering(Arc<AtomicU64>);

impl Numbering {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What became of one command.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The server carried it out, perhaps with remarks.
    Accepted {
        /// What the server remarked.
        warnings: Vec<Warning>,
    },
    /// The server refused at least one step; others may have been carried out.
    Refused {
        /// One for each refused step.
        errors: Vec<StepError>,
        /// What else the server remarked.
        warnings: Vec<Warning>,
    },
    /// The request it was in got no usable answer: it may or may not have been carried out.
    Lost(ClientError),
}

/// A step that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The code, such as `error.user.nonexistent`.
    pub code: String,
    /// The server's sentence.
    pub message: String,
    /// The command as it was sent, without its steps.
    pub frame: Value,
    /// The step as it was sent, where the answer names one.
    pub step: Option<Value>,
}

/// A remark of the server about a command that it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The code.
    pub code: String,
    /// The server's sentence.
    pub message: String,
}

/// A command that is through, by the number that is in its request id (`action_N`).
#[derive(Debug, Clone)]
pub struct Done {
    /// The N of `action_N`.
    pub number: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Client {
    /// Carries out commands and answers in their order. One that is refused or lost does not keep back the others.
    pub async fn apply(&self, commands: &[Command]) -> Vec<Outcome> {
        let mut batcher = self.batcher(Numbering::default());
        let mut numbers = Vec::with_capacity(commands.len());
        let mut done = Vec::with_capacity(commands.len());
        for command in commands {
            let (number, more) = batcher.push(command).await;
            numbers.push(number);
            done.extend(more);
        }
        done.extend(batcher.finish().await);
        let mut by_number: BTreeMap<u64, Outcome> = done.into_iter().map(|d| (d.number, d.outcome)).collect();
        let nothing = || Outcome::Accepted { warnings: Vec::new() };
        numbers
            .into_iter()
            .map(|number| by_number.remove(&number).unwrap_or_else(nothing))
            .collect()
    }

    /// Collects commands one by one and sends them ten at a time.
    pub fn batcher(&self, numbering: Numbering) -> Batcher {
        Batcher {
            client: self.clone(),
            numbering,
            waiting: Vec::new(),
            open: BTreeMap::new(),
            sent: 0,
            lost_in_a_row: 0,
        }
    }
}

/// Collects commands and sends them ten at a time. Pieces of one command go in requests of their own, in order,
/// because a server need not keep the order within a request.
#[derive(Debug)]
pub struct Batcher {
    client: Client,
    numbering: Numbering,
    waiting: Vec<Piece>,
    open: BTreeMap<u64, Open>,
    sent: u64,
    lost_in_a_row: u32,
}

#[derive(Debug)]
struct Piece {
    number: u64,
    last: bool,
    json: Value,
}

/// A command some of whose pieces are not answered.
#[derive(Debug, Default)]
struct Open {
    errors: Vec<StepError>,
    warnings: Vec<Warning>,
    lost: Option<ClientError>,
}

impl Batcher {
    /// Takes a command; returns its number, and what became of commands that were sent to make room.
    /// A command without steps is not sent and never answered.
    pub async fn push(&mut self, command: &Command) -> (u64, Vec<Done>) {
        let number = self.numbering.next();
        let mut done = Vec::new();
        let parts = pieces(command, &format!("action_{number}"));
        let count = parts.len();
        for (index, json) in parts.into_iter().enumerate() {
            if index > 0 || self.waiting.len() >= COMMANDS_PER_REQUEST {
                done.extend(self.send(None).await);
            }
            if index > 0 && self.open.get(&number).is_none_or(|open| open.lost.is_some()) {
                break;
            }
            self.open.entry(number).or_default();
            self.waiting.push(Piece {
                number,
                last: index + 1 == count,
                json,
            });
        }
        (number, done)
    }

    /// Sends what waits.
    pub async fn flush(&mut self) -> Vec<Done> {
        self.send(None).await
    }

    /// Sends what waits as the end of a run.
    pub async fn finish(&mut self) -> Vec<Done> {
        let signal = (self.sent > 0).then_some(Signal::End);
        self.send(signal).await
    }

    /// How many requests in a row brought no usable answer, the last one included.
    pub fn lost_in_a_row(&self) -> u32 {
        self.lost_in_a_row
    }

    /// How many commands wait to be sent.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets what waits: nothing of it is sent. Returns the numbers of the commands.
    pub fn give_up(&mut self) -> Vec<u64> {
        self.waiting.clear();
        std::mem::take(&mut self.open).into_keys().collect()
    }

    async fn send(&mut self, signal: Option<Signal>) -> Vec<Done> {
        let batch = std::mem::take(&mut self.waiting);
        if batch.is_empty() {
            return Vec::new();
        }
        self.sent += 1;
        match self.client.post(&batch, signal).await {
            Ok(answer) => {
                self.lost_in_a_row = 0;
                self.note(&batch, answer);
            }
            Err(error) => {
                self.lost_in_a_row += 1;
                for piece in &batch {
                    self.open.entry(piece.number).or_default().lost = Some(error.clone());
                }
            }
        }
        let mut done = Vec::new();
        for piece in &batch {
            let lost = self
                .open
                .get(&piece.number)
                .is_some_and(|open| open.lost.is_some());
            if !piece.last && !lost {
                continue;
            }
            if let Some(open) = self.open.remove(&piece.number) {
                done.push(Done {
                    number: piece.number,
                    outcome: open.outcome(),
                });
            }
        }
        done
    }

    fn note(&mut self, batch: &[Piece], answer: ActionAnswer) {
        for entry in answer.errors {
            let code = entry.code();
            let message = entry.message.unwrap_or_default();
            for piece in attributed(batch, entry.index.as_ref(), entry.request_id.as_deref()) {
                let step = entry
                    .step
                    .as_ref()
                    .and_then(number)
                    .and_then(|at| piece.json.get("do")?.get(at).cloned());
                let mut frame = piece.json.clone();
                if let Value::Object(map) = &mut frame {
                    map.remove("do");
                }
                let error = StepError {
                    code: code.clone(),
                    message: message.clone(),
                    frame,
                    step,
                };
                self.open.entry(piece.number).or_default().errors.push(error);
            }
        }
        for entry in answer.warnings {
            let warning = Warning {
                code: entry.code(),
                message: entry.message.unwrap_or_default(),
            };
            for piece in attributed(batch, entry.index.as_ref(), entry.request_id.as_deref()) {
                self.open
                    .entry(piece.number)
                    .or_default()
                    .warnings
                    .push(warning.clone());
            }
        }
    }
}

impl Open {
    fn outcome(self) -> Outcome {
        match self {
            Self {
                lost: Some(error), ..
            } => Outcome::Lost(error),
            Self { errors, warnings, .. } if errors.is_empty() => Outcome::Accepted { warnings },
            Self { errors, warnings, .. } => Outcome::Refused { errors, warnings },
        }
    }
}

/// The pieces an entry of an answer speaks of: by index, else by request id, else all of them.
fn attributed<'b>(batch: &'b [Piece], index: Option<&Value>, request_id: Option<&str>) -> Vec<&'b Piece> {
    if let Some(piece) = index.and_then(number).and_then(|at| batch.get(at)) {
        return vec![piece];
    }
    let named: Vec<&Piece> = batch
        .iter()
        .filter(|piece| {
            request_id.is_some() && piece.json.get("requestID").and_then(Value::as_str) == request_id
        })
        .collect();
    if named.is_empty() {
        batch.iter().collect()
    } else {
        named
    }
}

/// A position, as a number or as a text of digits.
fn number(value: &Value) -> Option<usize> {
    let plain = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    usize::try_from(plain).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionAnswer {
    result: Option<String>,
    #[serde(default, deserialize_with = "null_is_none")]
    errors: Vec<Entry>,
    #[serde(default, deserialize_with = "null_is_none")]
    warnings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<Value>,
    step: Option<Value>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    message: Option<String>,
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
    #[serde(rename = "warningCode")]
    warning_code: Option<String>,
}

impl Entry {
    fn code(&self) -> String {
        self.error_code
            .clone()
            .or_else(|| self.warning_code.clone())
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

fn null_is_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    Ok(Option::<Vec<Entry>>::deserialize(deserializer)?.unwrap_or_default())
}

impl Client {
    async fn post(&self, batch: &[Piece], signal: Option<Signal>) -> Result<ActionAnswer, ClientError> {
        let mut url = format!("{}/action/{}", self.api_url(), self.config().organization);
        if self.config().test_mode {
            url.push_str("?testOnly=true");
        }
        let commands: Vec<&Value> = batch.iter().map(|piece| &piece.json).collect();
        let body = serde_json::to_vec(&commands)
            .map_err(|e| ClientError::Settings(format!("a command cannot be written as JSON: {e}")))?;
        let ask = Ask {
            name: format!("POST {url}"),
            url,
            body: Some(Bytes::from(body)),
            signal,
        };
        let mut answer = self.send(&ask).await?;
        // Commands may be repeated, so an internal error is worth one more try.
        if answer.status >= 500 {
            self.observe(&Event::Throttled {
                status: answer.status,
                attempt: 1,
            });
            self.wait_once().await;
            answer = self.send(&ask).await?;
        }
        self.read_actions(&answer, &ask.name)
    }

    fn read_actions(&self, answer: &Answer, request: &str) -> Result<ActionAnswer, ClientError> {
        match answer.status {
            200 | 201 => {}
            204 => {
                return Ok(ActionAnswer {
                    result: None,
                    errors: Vec::new(),
                    warnings: Vec::new(),
                });
            }
            _ => return Err(answer.refusal(request)),
        }
        let read: ActionAnswer =
            serde_json::from_slice(&answer.body).map_err(|e| ClientError::NotUnderstood {
                request: request.to_owned(),
                status: answer.status,
                problem: e.to_string(),
                excerpt: excerpt(&answer.body),
            })?;
        if read.errors.is_empty() && read.result.as_deref() != Some("success") {
            self.observe(&Event::Odd {
                excerpt: excerpt(&answer.body),
            });
        }
        Ok(read)
    }
}
