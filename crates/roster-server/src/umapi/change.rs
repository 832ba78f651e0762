//! Deciding and saving: how commands of any endpoint reach the store.

use roster_core::command::Command;
use roster_core::decide::{Env, Mode, Outcome, decide_batch};
use roster_core::refusal::Refusal;
use roster_core::scope::Scope;
use roster_core::value::OrgNo;
use roster_store::{Decision, Entry};
use roster_umapi::code;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;

/// A command and what the audit log keeps of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) command: Command,
    /// JSON, without secrets.
    pub(crate) text: String,
}

impl Asked {
    /// A command that did not come as one; the log keeps it in the form in which it would have been sent.
    pub(crate) fn new(command: Command) -> Self {
        let mut text = Vec::new();
        roster_umapi::action::write_command(&mut text, None, &command);
        Self {
            command,
            text: String::from_utf8_lossy(&text).into_owned(),
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

/// Decides commands in their order and saves what they change, all in one transaction.
pub(crate) async fn decide(
    call: Call<'_>,
    caller: &Caller,
    asked: Vec<Asked>,
    env: Env,
) -> Result<Vec<Outcome>, ApiError> {
    run(call, caller, asked, env, |_| true).await
}

/// The same, all or nothing: when anything is refused, nothing is saved.
pub(crate) async fn decide_whole(
    call: Call<'_>,
    caller: &Caller,
    asked: Vec<Asked>,
) -> Result<Vec<Outcome>, ApiError> {
    let nothing_refused = |outcomes: &[Outcome]| outcomes.iter().all(|o| o.refusals.is_empty());
    run(call, caller, asked, call.app.env(Mode::Live), nothing_refused).await
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
    log_bugs(call, &outcomes);
    Ok(outcomes)
}

async fn run(
    call: Call<'_>,
    caller: &Caller,
    asked: Vec<Asked>,
    env: Env,
    save: impl Fn(&[Outcome]) -> bool + Send + 'static,
) -> Result<Vec<Outcome>, ApiError> {
    let origin = Origin {
        org: caller.org(),
        at: call.app.config.clock.now_ms(),
        actor: caller.actor().to_owned(),
        client: caller.client_id().to_owned(),
        request_id: call.request_id.to_owned(),
    };
    let (commands, texts): (Vec<Command>, Vec<String>) =
        asked.into_iter().map(|asked| (asked.command, asked.text)).unzip();
    let scope = Scope::of(caller.org(), &commands);
    let outcomes = call
        .app
        .store
        .transact(scope, move |set| {
            let outcomes = decide_batch(set, &commands, &env);
            let entries = if save(&outcomes) {
                texts
                    .iter()
                    .zip(&outcomes)
                    .map(|(text, outcome)| origin.entry(text, outcome))
                    .collect()
            } else {
                Vec::new()
            };
            Decision {
                entries,
                answer: outcomes,
            }
        })
        .await?;
    log_bugs(call, &outcomes);
    Ok(outcomes)
}

/// A rule that looked outside what was loaded is a bug of ours: it is answered like any refusal, and logged.
fn log_bugs(call: Call<'_>, outcomes: &[Outcome]) {
    for refusal in outcomes.iter().flat_map(|outcome| &outcome.refusals) {
        if let Refusal::OutsideScope { what } = &refusal.refusal {
            tracing::error!(
                target: "roster::request",
                what,
                request.id = call.request_id,
                "a rule looked at {what}, which was not loaded"
            );
        }
    }
}

impl Origin {
    fn entry(&self, text: &str, outcome: &Outcome) -> Entry {
        Entry {
            org: Some(self.org),
            at: self.at,
            actor: self.actor.clone(),
            client: Some(self.client.clone()),
            request_id: self.request_id.clone(),
            command: with_refusals(text, outcome),
            changes: outcome.changes.clone(),
        }
    }
}

/// The command's text, and beside it what was refused.
fn with_refusals(text: &str, outcome: &Outcome) -> String {
    if outcome.refusals.is_empty() {
        return text.to_owned();
    }
    let refused: Vec<serde_json::Value> = outcome
        .refusals
        .iter()
        .map(|met| serde_json::json!({"step": met.step, "code": code::code(&met.refusal)}))
        .collect();
    let refused = serde_json::Value::Array(refused);
    match text.strip_suffix('}') {
        Some("{") => format!("{{\"refused\":{refused}}}"),
        Some(open) => format!("{open},\"refused\":{refused}}}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use roster_core::refusal::StepRefusal;

    use super::*;

    #[test]
    fn the_log_says_what_was_refused() {
        let refused = Outcome {
            refusals: vec![StepRefusal {
                step: 1,
                refusal: Refusal::UserGroupNotFound,
            }],
            ..Outcome::default()
        };
        assert_eq!(
            with_refusals(r#"{"usergroup":"x","do":[]}"#, &refused),
            r#"{"usergroup":"x","do":[],"refused":[{"code":"error.usergroup.not_found","step":1}]}"#
        );
        assert_eq!(with_refusals("{}", &Outcome::default()), "{}");
    }
}
