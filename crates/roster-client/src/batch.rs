//! Collecting commands and sending them ten at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use serde_json::Value;
use tokio::task::{Id, JoinSet};

use roster_core::command::Command;

use crate::action::{
    ActionAnswer, Done, Numbering, Outcome, StepError, UNCONFIRMED, Warning, body, moves, number,
};
use crate::error::ClientError;
use crate::observe::{Event, Signal};
use crate::transport::Client;
use crate::wire::{COMMANDS_PER_REQUEST, pieces};

/// Collects commands and sends them ten at a time, several requests at once if asked to. Pieces of one command go in
/// requests of their own, one after the other, because a server need not keep the order within a request.
#[derive(Debug)]
pub struct Batcher {
    client: Client,
    numbering: Numbering,
    waiting: Vec<Piece>,
    open: BTreeMap<u64, Open>,
    /// Requests on their way, and what is in them.
    under_way: JoinSet<Result<ActionAnswer, ClientError>>,
    batches: HashMap<Id, Vec<Piece>>,
    at_once: usize,
    /// Whether the server has answered a request of this batcher.
    warm: bool,
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
    pub(crate) fn new(client: Client, numbering: Numbering) -> Self {
        Self {
            client,
            numbering,
            waiting: Vec::new(),
            open: BTreeMap::new(),
            under_way: JoinSet::new(),
            batches: HashMap::new(),
            at_once: 1,
            warm: false,
            sent: 0,
            lost_in_a_row: 0,
        }
    }

    /// Lets up to `count` requests be under way at once, after the first has been answered. When the server says that it
    /// is too much, or does not answer in time, it is half as many; with every round of answers it is one more. Commands
    /// of which one needs the other must then not be pushed without a [`flush`](Self::flush) between them.
    #[must_use]
    pub fn at_once(mut self, count: usize) -> Self {
        self.at_once = count.max(1);
        self
    }

    /// Takes a command; returns its number, and what became of commands that were sent before.
    /// A command without steps is not sent and never answered.
    pub async fn push(&mut self, command: &Command) -> (u64, Vec<Done>) {
        let number = self.numbering.next();
        let mut done = Vec::new();
        let parts = pieces(command, &format!("action_{number}"));
        let count = parts.len();
        for (index, json) in parts.into_iter().enumerate() {
            if index > 0 {
                done.extend(self.flush().await);
                if self.open.get(&number).is_none_or(|open| open.lost.is_some()) {
                    break;
                }
            } else if self.waiting.len() >= COMMANDS_PER_REQUEST {
                done.extend(self.send(None).await);
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

    /// Sends what waits, and waits for all answers.
    pub async fn flush(&mut self) -> Vec<Done> {
        let mut done = self.send(None).await;
        done.extend(self.settle().await);
        done
    }

    /// Sends what waits as the end of a run, and waits for all answers.
    pub async fn finish(&mut self) -> Vec<Done> {
        let mut done = self.settle().await;
        let signal = (self.sent > 0).then_some(Signal::End);
        done.extend(self.send(signal).await);
        done.extend(self.settle().await);
        done
    }

    /// Waits for the answers to what has been sent, without sending more.
    pub async fn settle(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        while !self.under_way.is_empty() {
            done.extend(self.one_answer().await);
        }
        done
    }

    /// How many requests in a row brought no usable answer, the last one included.
    pub fn lost_in_a_row(&self) -> u32 {
        self.lost_in_a_row
    }

    /// Forgets what waits: nothing of it is sent. Returns the numbers of the commands that will not be answered.
    pub fn give_up(&mut self) -> Vec<u64> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut numbers: Vec<u64> = waiting.into_iter().map(|piece| piece.number).collect();
        numbers.dedup();
        for number in &numbers {
            self.open.remove(number);
        }
        numbers
    }

    async fn send(&mut self, signal: Option<Signal>) -> Vec<Done> {
        let batch = std::mem::take(&mut self.waiting);
        let mut done = Vec::new();
        if batch.is_empty() {
            return done;
        }
        let at_once = match self.client.most_at_once() {
            _ if !self.warm => 1,
            Some(most) => most.clamp(1, self.at_once),
            None => self.at_once,
        };
        while self.under_way.len() >= at_once {
            done.extend(self.one_answer().await);
        }
        self.sent += 1;
        let commands: Vec<&Value> = batch.iter().map(|piece| &piece.json).collect();
        match body(&commands) {
            Ok(body) => {
                let again = commands.iter().any(|command| moves(command).is_some());
                let again = again.then(|| commands.into_iter().cloned().collect());
                let task = self
                    .under_way
                    .spawn(post(self.client.clone(), body, again, signal));
                self.batches.insert(task.id(), batch);
            }
            Err(error) => done.extend(self.answered(&batch, Err(error))),
        }
        if at_once == 1 {
            done.extend(self.settle().await);
        }
        done
    }

    async fn one_answer(&mut self) -> Vec<Done> {
        let (id, answer) = match self.under_way.join_next_with_id().await {
            None => return Vec::new(),
            Some(Ok((id, answer))) => (id, answer),
            Some(Err(error)) => (
                error.id(),
                Err(ClientError::Settings(format!(
                    "a request was broken off: {error}"
                ))),
            ),
        };
        let batch = self.batches.remove(&id).unwrap_or_default();
        self.answered(&batch, answer)
    }

    fn answered(&mut self, batch: &[Piece], answer: Result<ActionAnswer, ClientError>) -> Vec<Done> {
        match answer {
            Ok(answer) => {
                self.warm = true;
                self.lost_in_a_row = 0;
                self.note(batch, answer);
            }
            Err(error) => {
                // Who was asked to stop has not been left without an answer.
                self.lost_in_a_row += u32::from(!matches!(error, ClientError::Stopped { .. }));
                for piece in batch {
                    self.open.entry(piece.number).or_default().lost = Some(error.clone());
                }
            }
        }
        let mut done = Vec::new();
        for piece in batch {
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
        let mut blamed = BTreeSet::new();
        let failed = answer.failed(batch.len(), self.client.config().test_mode);
        let lacks_word = answer.lacks_word();
        for entry in answer.errors {
            let code = entry.code();
            let message = entry.message.unwrap_or_default();
            for piece in attributed(batch, entry.index.as_ref(), entry.request_id.as_deref()) {
                blamed.insert(piece.number);
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
        let unnamed = failed > blamed.len();
        if unnamed || lacks_word {
            self.client.observe(&Event::Odd {
                excerpt: answer.excerpt,
            });
        }
        // More failed than the server names: each of the others may be one of them.
        if unnamed {
            let size = batch.len();
            let message = match size - failed {
                0 => format!("the server counts none of the {size} commands of a request as carried out"),
                done => format!(
                    "the server counts only {done} of the {size} commands of a request as carried out, and does not say which \
                     failed"
                ),
            };
            let others = batch.iter().filter(|piece| !blamed.contains(&piece.number));
            for piece in others {
                let mut frame = piece.json.clone();
                if let Value::Object(map) = &mut frame {
                    map.remove("do");
                }
                let error = StepError {
                    code: UNCONFIRMED.to_owned(),
                    message: message.clone(),
                    frame,
                    step: None,
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

async fn post(
    client: Client,
    body: Bytes,
    again: Option<Vec<Value>>,
    signal: Option<Signal>,
) -> Result<ActionAnswer, ClientError> {
    client.post(body, again, signal).await
}
