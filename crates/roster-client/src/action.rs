//! Sending commands: batches of ten, one after another, and an answer for each command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use roster_core::command::Command;

use crate::batch::Batcher;
use crate::error::{ClientError, excerpt};
use crate::observe::{Event, Signal};
use crate::transport::{Answer, Ask, Client};

/// Numbers for request ids, shared by the batchers of one process.
#[derive(Debug, Clone, Default)]
pub struct Numbering(Arc<AtomicU64>);

impl Numbering {
    pub(crate) fn next(&self) -> u64 {
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
    /// The server refused at least one step, or does not count the command as carried out; others may have been.
    Refused {
        /// One for each refused step. A command that the server neither names nor counts as carried out has one with the code
        /// [`UNCONFIRMED`]; a step that it names without a code has `unknown`.
        errors: Vec<StepError>,
        /// What else the server remarked.
        warnings: Vec<Warning>,
    },
    /// The request it was in got no usable answer: it may or may not have been carried out.
    Lost(ClientError),
}

/// The code of what a server neither names nor counts as carried out.
pub const UNCONFIRMED: &str = "unconfirmed";

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
        Batcher::new(self.clone(), numbering)
    }
}

/// The address that an account has once a command is carried out, where it is not the one that the command names.
pub(crate) fn moves(command: &Value) -> Option<(String, Option<String>)> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let (user, domain) = (text(command, "user")?, text(command, "domain"));
    let update = command
        .get("do")?
        .as_array()?
        .iter()
        .find_map(|step| step.get("update"))?;
    let key = if domain.is_some() { "username" } else { "email" };
    let name = text(update, key).filter(|name| !name.eq_ignore_ascii_case(&user))?;
    Some((name, domain))
}

/// The body of a request.
pub(crate) fn body(commands: &[&Value]) -> Result<Bytes, ClientError> {
    let bytes = serde_json::to_vec(commands);
    let bytes =
        bytes.map_err(|e| ClientError::Settings(format!("a command cannot be written as JSON: {e}")))?;
    Ok(Bytes::from(bytes))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActionAnswer {
    result: Option<String>,
    /// How many commands were not carried out, where the server says so.
    #[serde(default, deserialize_with = "count")]
    not_completed: Option<usize>,
    /// How many were.
    #[serde(default, deserialize_with = "count")]
    completed: Option<usize>,
    /// How many would have been, if the server did not only test.
    #[serde(default, deserialize_with = "count")]
    completed_in_test_mode: Option<usize>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) errors: Vec<Entry>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) warnings: Vec<Entry>,
    /// What it looked like.
    #[serde(skip)]
    pub(crate) excerpt: String,
}

/// What an answer says of all commands at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Success,
    Partial,
    Error,
}

impl ActionAnswer {
    fn word(&self) -> Option<Word> {
        let result = self.result.as_deref()?.to_ascii_lowercase();
        match result.as_str() {
            "success" => Some(Word::Success),
            "partial" => Some(Word::Partial),
            "error" => Some(Word::Error),
            _ => None,
        }
    }

    /// How many commands the server counts as carried out. A test is not the thing itself.
    fn done(&self, test_mode: bool) -> Option<usize> {
        match (test_mode, self.completed, self.completed_in_test_mode) {
            (true, done, tested) => done.max(tested),
            (false, None, Some(1..)) => Some(0),
            (false, done, _) => done,
        }
    }

    /// Whether it says anything of what became of the commands.
    fn says_something(&self, test_mode: bool) -> bool {
        self.word().is_some()
            || self.done(test_mode).is_some()
            || self.not_completed.is_some()
            || !self.errors.is_empty()
    }

    /// Whether it lacks the word for how it went.
    pub(crate) fn lacks_word(&self) -> bool {
        self.word().is_none()
    }

    /// How many of so many commands were not carried out, as far as the server says that they were: its count, or where
    /// it has none, its word.
    pub(crate) fn failed(&self, commands: usize, test_mode: bool) -> usize {
        let counted = self.not_completed.unwrap_or_default();
        let unnamed = usize::from(self.errors.is_empty());
        let rest = match (self.done(test_mode), self.word()) {
            (Some(done), Some(Word::Partial | Word::Error)) => commands.saturating_sub(done).max(unnamed),
            (Some(done), _) => commands.saturating_sub(done),
            (None, Some(Word::Success)) => 0,
            (None, Some(Word::Partial)) => unnamed,
            (None, Some(Word::Error) | None) => commands,
        };
        counted.max(rest).min(commands)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) index: Option<Value>,
    pub(crate) step: Option<Value>,
    #[serde(rename = "requestID")]
    pub(crate) request_id: Option<String>,
    pub(crate) message: Option<String>,
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
    #[serde(rename = "warningCode")]
    warning_code: Option<String>,
}

impl Entry {
    pub(crate) fn code(&self) -> String {
        self.error_code
            .clone()
            .or_else(|| self.warning_code.clone())
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// A number, or a text of digits; anything else counts nothing.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    Ok(Option::<Value>::deserialize(deserializer)?
        .as_ref()
        .and_then(number))
}

/// A number from 0 on, as such or as a text of digits.
pub(crate) fn number(value: &Value) -> Option<usize> {
    let plain = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(plain).ok()
}

fn null_is_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    Ok(Option::<Vec<Entry>>::deserialize(deserializer)?.unwrap_or_default())
}

impl Client {
    /// Sends commands. `again` has them where doing them a second time would do something else: then it is found out
    /// what became of the first time before there is a second.
    pub(crate) async fn post(
        &self,
        body: Bytes,
        again: Option<Vec<Value>>,
        signal: Option<Signal>,
    ) -> Result<ActionAnswer, ClientError> {
        let mut url = format!("{}/action/{}", self.api_url(), self.config().organization);
        if self.config().test_mode {
            url.push_str("?testOnly=true");
        }
        let mut again = again.filter(|_| !self.config().test_mode);
        let mut ask = Ask {
            name: format!("POST {url}"),
            url,
            body: Some(body),
            signal,
            once: again.is_some(),
        };
        let (mut unsure, mut internal) = (1, false);
        loop {
            match self.send(&ask).await {
                Err(ClientError::Unsure { .. }) if unsure < self.config().attempts => unsure += 1,
                // Commands may be repeated, so an internal error is worth one more try.
                Ok(answer) if answer.status >= 500 && !internal => {
                    internal = true;
                    self.observe(&Event::Throttled {
                        status: answer.status,
                        attempt: 1,
                    });
                }
                Ok(answer) => return self.read_actions(&answer, &ask.name),
                Err(error) => return Err(error),
            }
            self.wait_once().await;
            if let Some(commands) = &mut again {
                for command in commands.iter_mut() {
                    self.follow(command).await?;
                }
                ask.body = Some(self::body(&commands.iter().collect::<Vec<_>>())?);
            }
        }
    }

    /// Addresses a command to where its account is now, if the command itself has moved it there.
    async fn follow(&self, command: &mut Value) -> Result<(), ClientError> {
        let Some((name, domain)) = moves(command) else {
            return Ok(());
        };
        let old = command.get("user").and_then(Value::as_str).unwrap_or_default();
        let old_domain = command.get("domain").and_then(Value::as_str);
        let has_moved = self.user(old, old_domain).await?.is_none()
            && self.user(&name, domain.as_deref()).await?.is_some();
        if has_moved && let Value::Object(frame) = command {
            frame.insert("user".to_owned(), Value::String(name));
        }
        Ok(())
    }

    /// Reads an answer. One that says nothing of what became of the commands is no answer to them.
    fn read_actions(&self, answer: &Answer, request: &str) -> Result<ActionAnswer, ClientError> {
        if !matches!(answer.status, 200 | 201 | 204) {
            return Err(answer.refusal(request));
        }
        let not_understood = |problem: String| ClientError::NotUnderstood {
            request: request.to_owned(),
            status: answer.status,
            problem,
            excerpt: excerpt(&answer.body),
        };
        let mut read: ActionAnswer =
            serde_json::from_slice(&answer.body).map_err(|e| not_understood(e.to_string()))?;
        if !read.says_something(self.config().test_mode) {
            return Err(not_understood(
                "it does not say what became of the commands".to_owned(),
            ));
        }
        read.excerpt = excerpt(&answer.body);
        Ok(read)
    }
}
