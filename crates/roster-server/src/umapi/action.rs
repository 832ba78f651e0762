//! `POST action/{org}`: a batch of commands (umapi.md 4).

use roster_core::command::Command;
use roster_core::decide::{Mode, Outcome};
use roster_umapi::action::{self, Limits, Malformed};
use roster_umapi::code;
use roster_umapi::request::RequestError;

use super::change::{Asked, decide, rehearse};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::observe::Trace;
use crate::reply::Reply;
use crate::request::Payload;

/// Carries out or rehearses a batch.
pub(crate) async fn post(
    call: Call<'_>,
    caller: &Caller,
    body: &mut Payload,
    trace: &mut Trace,
) -> Result<Reply, ApiError> {
    let mode = if call.query.flag("testOnly", false)? {
        Mode::TestOnly
    } else {
        Mode::Live
    };
    let limits = Limits {
        max_list_entries: call.app.config.max_list_entries,
        ..Limits::default()
    };
    let body = call
        .app
        .read_body(body, limits.max_body)
        .await?
        .ok_or(RequestError::Malformed(Malformed::TooLarge {
            max: limits.max_body,
        }))?;
    let _turn = call.app.turn_for(mode == Mode::Live)?;
    let batch = action::parse(&body.bytes, &limits).map_err(RequestError::Malformed)?;
    drop(body);
    let env = call.app.env(mode);
    let outcomes = match mode {
        Mode::Live => {
            let asked = batch.entries.iter().map(Asked::sent).collect();
            decide(call, caller, asked, env).await?
        }
        Mode::TestOnly => {
            let commands: Vec<Command> = batch.commands().into_iter().cloned().collect();
            rehearse(call, caller, &commands, &env).await?
        }
    };
    for outcome in outcomes.iter().flat_map(|outcome| &outcome.refusals) {
        call.app.numbers.refused("command", code::code(&outcome.refusal));
    }
    for problem in batch
        .entries
        .iter()
        .filter_map(|entry| entry.command.as_ref().err())
        .flatten()
    {
        call.app
            .numbers
            .refused("command", code::syntax_code(&problem.kind));
    }
    let refused = batch.entries.len() - completed(&outcomes);
    trace.commands = Some((completed(&outcomes), refused));
    Ok(Reply::ok(action::render(&batch, &outcomes, mode)))
}

fn completed(outcomes: &[Outcome]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| outcome.refusals.is_empty())
        .count()
}
