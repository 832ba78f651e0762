//! Deciding and saving: how commands of any endpoint reach the store.

use std::borrow::Cow;

use roster_core::change::Change;
use roster_core::command::Command;
use roster_core::decide::{Env, Mode, Outcome, decide_batch};
use roster_core::refusal::Refusal;
use roster_core::scope::Scope;
use roster_core::value::OrgNo;
use roster_store::{Decision, Entry, StoreError, Writer};
use roster_umapi::action::{self, SyntaxError};
use roster_umapi::code;
use roster_umapi::query::bodies;
use roster_umapi::request::DeprecatedError;
use serde_json::Value;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::request::WholeBody;

/// The most bytes that the log keeps of a command whose form is wrong: one that is right has bounds of its own.
const MAX_KEPT: usize = 8 * 1024;
/// The most bytes that it keeps of a path.
const MAX_PATH: usize = 1024;

/// A command and what the audit log keeps of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The command, or what is wrong with its form: that is recorded, and never decided.
    command: Result<Command, Vec<Refused>>,
    /// JSON, without secrets.
    text: String,
}

/// What was refused, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
struct Refused {
    code: &'static str,
    step: usize,
}

impl Asked {
    /// A command that did not come as one; the log keeps it in the form in which it would have been sent.
    pub(crate) fn new(command: Command) -> Self {
        let mut text = Vec::new();
        roster_umapi::action::write_command(&mut text, None, &command);
        Self {
            command: Ok(command),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// An element of a batch.
    pub(crate) fn sent(entry: &action::Entry) -> Self {
        let refused = |problem: &SyntaxError| Refused {
            code: code::syntax_code(&problem.kind),
            step: problem.step,
        };
        Self {
            command: match &entry.command {
                Ok(command) => Ok(command.clone()),
                Err(problems) => Err(problems.iter().map(refused).collect()),
            },
            text: entry.text.clone(),
        }
    }
}

/// Who asked, for the audit log; the moment is read once per request.
#[derive(Debug, Clone)]
struct Origin {
    org: OrgNo,
    at: i64,
    actor: String,
    client: String,
    request_id: String,
}

/// Decides commands in their order and saves what they change, all in one transaction. The outcomes are those of the
/// commands whose form was right, in their order; the log has an entry for every one.
pub(crate) async fn decide(
    call: Call<'_>,
    caller: &Caller,
    asked: Vec<Asked>,
    env: Env,
) -> Result<Vec<Outcome>, ApiError> {
    let origin = Origin::of(call, caller);
    let commands: Vec<Command> = asked
        .iter()
        .filter_map(|asked| asked.command.clone().ok())
        .collect();
    let scope = Scope::of(caller.org(), &commands);
    let outcomes = call
        .app
        .store
        .transact(scope, move |set| {
            let mut outcomes = decide_batch(set, &commands, &env);
            Decision {
                entries: origin.entries(&asked, &mut outcomes, true),
                answer: outcomes,
            }
        })
        .await?;
    log_bugs(call.request_id, &outcomes);
    Ok(outcomes)
}

/// Decides commands on what is stored and saves nothing.
pub(crate) async fn rehearse(
    call: Call<'_>,
    caller: &Caller,
    commands: &[Command],
    env: &Env,
) -> Result<Vec<Outcome>, ApiError> {
    let set = call.app.store.load(Scope::of(caller.org(), commands)).await?;
    let outcomes = decide_batch(set, commands, env);
    log_bugs(call.request_id, &outcomes);
    Ok(outcomes)
}

/// A rule that looked outside what was loaded is a bug of ours: it is answered like any refusal, and logged.
fn log_bugs(request_id: &str, outcomes: &[Outcome]) {
    for refusal in outcomes.iter().flat_map(|outcome| &outcome.refusals) {
        if let Refusal::OutsideScope { what } = &refusal.refusal {
            tracing::error!(
                target: "roster::request",
                what,
                request.id = request_id,
                "a rule looked at {what}, which was not loaded"
            );
        }
    }
}

impl Origin {
    fn of(call: Call<'_>, caller: &Caller) -> Self {
        Self {
            org: caller.org(),
            at: call.app.config.clock.now_ms(),
            actor: caller.actor().to_owned(),
            client: caller.client_id().to_owned(),
            request_id: call.request_id.to_owned(),
        }
    }

    fn entry(&self, command: String, changes: Vec<Change>) -> Entry {
        Entry {
            org: Some(self.org),
            at: self.at,
            actor: self.actor.clone(),
            client: Some(self.client.clone()),
            request_id: self.request_id.clone(),
            command,
            changes,
        }
    }

    /// One entry for each command, with the changes of its outcome, which loses them; those of a request that is not saved
    /// change nothing.
    fn entries(&self, asked: &[Asked], outcomes: &mut [Outcome], save: bool) -> Vec<Entry> {
        let mut outcomes = outcomes.iter_mut();
        let entry = |asked: &Asked| {
            let (text, refused, changes) = if let Err(problems) = &asked.command {
                (bounded(&asked.text), problems.clone(), Vec::new())
            } else {
                let outcome = outcomes.next()?;
                let changes = std::mem::take(&mut outcome.changes);
                let changes = if save { changes } else { Vec::new() };
                (Cow::Borrowed(asked.text.as_str()), refused(outcome), changes)
            };
            Some(self.entry(kept(&text, &refused, save), changes))
        };
        asked.iter().filter_map(entry).collect()
    }
}

/// A deprecated call: found, decided and saved in one transaction, as a whole or not at all. An id means the same group all
/// the while, whoever gives its name to another one in between.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    origin: Origin,
    env: Env,
    /// Method and path, as the log names a call that is no command.
    asked: String,
    /// What the log keeps of the body of such a call.
    sent: Option<String>,
}

/// Why a deprecated call is not carried out.
#[derive(Debug)]
pub(crate) enum Stop {
    /// There is nothing to decide: what the path names is not there, or the body cannot be read.
    NoCommand(DeprecatedError),
    /// A rule says no, and the log says so already.
    Decided(DeprecatedError),
    /// Nothing can be read or saved.
    Store(StoreError),
}

impl From<DeprecatedError> for Stop {
    fn from(error: DeprecatedError) -> Self {
        Self::NoCommand(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Whole {
    /// A call of this path, below that of the organization, with this body.
    pub(crate) fn new(call: Call<'_>, caller: &Caller, path: &str, body: Option<&WholeBody>) -> Self {
        let path = path.get(..path.floor_char_boundary(MAX_PATH)).unwrap_or_default();
        Self {
            origin: Origin::of(call, caller),
            env: call.app.env(Mode::Live),
            asked: format!("{} {path}", call.method()),
            sent: body.and_then(|body| bodies::kept(&body.bytes)),
        }
    }

    /// Does `work` in a transaction that nobody else's changes come in between; it may be asked more than once.
    pub(crate) async fn carry_out<T: Send + 'static>(
        self,
        call: Call<'_>,
        mut work: impl FnMut(&Self, &mut Writer<'_>) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _turn = call.app.turn_for(true)?;
        let orgs = vec![self.origin.org];
        let done = call.app.store.write(orgs, move |writer| {
            let error = match work(&self, writer) {
                Ok(done) => return Ok(Ok(done)),
                Err(Stop::Store(error)) => return Err(error),
                Err(Stop::Decided(error)) => error,
                Err(Stop::NoCommand(error)) => {
                    let command = no_command(&self.asked, self.sent.as_deref(), error);
                    writer.apply(&self.origin.entry(command, Vec::new()))?;
                    error
                }
            };
            Ok(Err(error))
        });
        Ok(done.await??)
    }

    /// Decides commands in their order and saves what they change, or nothing when one is refused: `refused` says what the
    /// first refusal is called, of the command at this place.
    pub(crate) fn decide(
        &self,
        writer: &mut Writer<'_>,
        commands: Vec<Command>,
        refused: impl Fn(usize, &Refusal) -> DeprecatedError,
    ) -> Result<(), Stop> {
        let set = writer.load_locked(&Scope::of(self.origin.org, &commands))?;
        let mut outcomes = decide_batch(set, &commands, &self.env);
        log_bugs(&self.origin.request_id, &outcomes);
        let error = outcomes
            .iter()
            .enumerate()
            .find_map(|(n, outcome)| Some(refused(n, &outcome.refusals.first()?.refusal)));
        let asked: Vec<Asked> = commands.into_iter().map(Asked::new).collect();
        writer.apply_all(&self.origin.entries(&asked, &mut outcomes, error.is_none()))?;
        error.map_or(Ok(()), |error| Err(Stop::Decided(error)))
    }
}

/// What the log keeps of a call that is no command: what was asked, the body as far as it is known, and the refusal.
fn no_command(asked: &str, sent: Option<&str>, error: DeprecatedError) -> String {
    let (asked, code) = (Value::from(asked), Value::from(error.code()));
    let sent = match sent {
        Some(sent) if sent.len() <= MAX_KEPT => format!(",\"sent\":{sent}"),
        Some(sent) => {
            let start = Value::from(sent.get(..sent.floor_char_boundary(MAX_KEPT)));
            format!(",\"sent\":{start},\"bytes\":{}", sent.len())
        }
        None => String::new(),
    };
    format!("{{\"call\":{asked}{sent},\"refused\":[{{\"code\":{code}}}]}}")
}

fn refused(outcome: &Outcome) -> Vec<Refused> {
    let met = outcome.refusals.iter();
    met.map(|met| Refused {
        code: code::code(&met.refusal),
        step: met.step,
    })
    .collect()
}

/// What came in place of a command: an object that is not too long as it is, anything else as a text, with its length.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.starts_with('{') && text.len() <= MAX_KEPT {
        return Cow::Borrowed(text);
    }
    let start = serde_json::Value::from(text.get(..text.floor_char_boundary(MAX_KEPT)));
    Cow::Owned(format!("{{\"sent\":{start},\"bytes\":{}}}", text.len()))
}

/// A command's text, and beside it what was refused, and whether it was left undone for the sake of another one.
fn kept(text: &str, refused: &[Refused], saved: bool) -> String {
    let mut notes = serde_json::Map::new();
    if !refused.is_empty() {
        notes.insert("refused".to_owned(), serde_json::json!(refused));
    } else if !saved {
        notes.insert("undone".to_owned(), true.into());
    }
    let open = text.strip_suffix('}').unwrap_or(text);
    if notes.is_empty() {
        return text.to_owned();
    }
    let comma = if open.ends_with('{') { "" } else { "," };
    let notes = serde_json::Value::Object(notes).to_string();
    format!("{open}{comma}{}", notes.trim_start_matches('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_FOUND: Refused = Refused {
        code: "error.usergroup.not_found",
        step: 1,
    };

    #[test]
    fn the_log_says_what_was_refused() {
        let kept = |text: &str, refused: &[Refused]| kept(text, refused, true);
        assert_eq!(kept("{}", &[]), "{}");
        assert_eq!(
            kept(r#"{"usergroup":"x","do":[]}"#, &[NOT_FOUND]),
            r#"{"usergroup":"x","do":[],"refused":[{"code":"error.usergroup.not_found","step":1}]}"#
        );
        assert_eq!(
            kept("{}", &[NOT_FOUND]),
            r#"{"refused":[{"code":"error.usergroup.not_found","step":1}]}"#
        );
    }

    #[test]
    fn only_what_is_no_command_is_cut() {
        assert_eq!(bounded(r#"{"user":5}"#), r#"{"user":5}"#);
        assert_eq!(bounded("[5]"), r#"{"sent":"[5]","bytes":3}"#);
        let text = format!("{{\"x\":\"{}\"}}", "é".repeat(50_000));
        let cut = bounded(&text);
        assert!(cut.len() < MAX_KEPT + 200, "{}", cut.len());
        let cut: serde_json::Value = serde_json::from_str(&cut).expect("JSON");
        assert_eq!(cut["bytes"], 100_008);
        let whole = kept(&text, &[NOT_FOUND], true);
        let whole: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        assert_eq!(whole["x"].as_str().map(str::len), Some(100_000));
        assert_eq!(whole["refused"][0]["step"], 1);
    }

    #[test]
    fn the_log_says_what_was_left_undone() {
        assert_eq!(
            kept(r#"{"user":"a"}"#, &[], false),
            r#"{"user":"a","undone":true}"#
        );
    }
}
