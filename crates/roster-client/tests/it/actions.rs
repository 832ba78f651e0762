//! Sending commands.

use roster_client::{Client, Command, Numbering, Outcome};
use roster_core::command::{Action, GroupEntry, GroupList, GroupSelection, Target};
use serde_json::json;

use crate::server::{Reply, Request, Server};

/// Everything that was asked is done.
fn fine(request: &Request) -> Reply {
    let count = request.json().as_array().map_or(0, Vec::len);
    let (done, tested) = if request.line.ends_with("testOnly=true") {
        (0, count)
    } else {
        (count, 0)
    };
    let answer =
        json!({"result": "success", "completed": done, "notCompleted": 0, "completedInTestMode": tested});
    Reply::json(&answer.to_string())
}

fn join(name: &str, groups: usize) -> Command {
    let entry = |n| GroupEntry {
        name: format!("G{n}"),
        list: GroupList::Any,
    };
    Command {
        target: Target::User {
            user: format!("{name}@x.com"),
            domain: None,
            use_adobe_id: false,
        },
        steps: vec![Action::JoinGroups(GroupSelection::Named((0..groups).map(entry).collect())).into()],
    }
}

fn people(count: usize) -> Vec<Command> {
    (0..count).map(|n| join(&format!("p{n}"), 1)).collect()
}

#[tokio::test]
async fn commands_go_out_ten_at_a_time_with_numbers() {
    let server = Server::start(|_, request| fine(request)).await;
    let outcomes = server.client().apply(&people(23)).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Accepted { .. }))
    );
    let sent: Vec<usize> = server
        .requests()
        .iter()
        .map(|r| r.json().as_array().unwrap().len())
        .collect();
    assert_eq!(sent, [10, 10, 3]);
    let requests = server.requests();
    assert_eq!(requests[2].json()[2]["requestID"], "action_23");
    assert_eq!(requests[0].line, "POST /v2/usermanagement/action/ORG@AdobeOrg");
}

#[tokio::test]
async fn test_mode_is_asked_for_with_every_request() {
    let server = Server::start(|_, request| fine(request)).await;
    let mut config = server.config();
    config.test_mode = true;
    Client::new(config).unwrap().apply(&people(11)).await;
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.line.ends_with("?testOnly=true"))
    );
}

#[tokio::test]
async fn an_error_belongs_to_the_command_and_step_it_names() {
    let server = Server::start(|_, _| {
        Reply::json(
            r#"{"result":"partial","completed":2,"notCompleted":1,"errors":[
                {"index":1,"step":0,"requestID":"action_2","user":"p1@x.com","errorCode":"error.group.not_found","message":"G0 is not there"}],
                "warnings":[{"index":0,"warningCode":"warning.x","message":"hm"}]}"#,
        )
    })
    .await;
    let outcomes = server.client().apply(&people(3)).await;
    let Outcome::Accepted { warnings } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(warnings[0].code, "warning.x");
    let Outcome::Refused { errors, .. } = &outcomes[1] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(errors[0].code, "error.group.not_found");
    assert_eq!(errors[0].step, Some(json!({"add": {"group": ["G0"]}})));
    assert_eq!(
        errors[0].frame,
        json!({"user": "p1@x.com", "requestID": "action_2"})
    );
    assert!(matches!(outcomes[2], Outcome::Accepted { .. }));
}

#[tokio::test]
async fn an_error_in_a_later_piece_belongs_to_the_whole_command() {
    let server = Server::start(|number, request| match number {
        2 => Reply::json(
            r#"{"result":"partial","errors":[{"index":0,"step":1,"errorCode":"e","message":"m"}]}"#,
        ),
        _ => fine(request),
    })
    .await;
    let outcomes = server.client().apply(&[join("ada", 115), join("eve", 1)]).await;
    let Outcome::Refused { errors, .. } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(errors[0].step.as_ref().unwrap()["add"]["group"][0], "G110");
    assert!(matches!(outcomes[1], Outcome::Accepted { .. }), "{outcomes:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "pieces of one command never share a request");
    assert_eq!(requests[1].json()[0]["requestID"], "action_1");
    assert_eq!(requests[1].json()[1]["user"], "eve@x.com");
}

#[tokio::test]
async fn a_request_without_a_usable_answer_loses_its_commands_and_no_others() {
    let server = Server::start(|number, request| match number {
        1 => Reply::json("<html>"),
        2 => Reply::status(403, ""),
        _ => fine(request),
    })
    .await;
    let outcomes = server.client().apply(&people(25)).await;
    let lost = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Lost(_)))
        .count();
    assert_eq!(lost, 20);
    assert!(matches!(outcomes[24], Outcome::Accepted { .. }));
}

#[tokio::test]
async fn an_internal_error_is_tried_once_more() {
    let server = Server::start(|number, request| match number {
        1 => Reply::status(500, ""),
        _ => fine(request),
    })
    .await;
    let outcomes = server.client().apply(&people(1)).await;
    assert!(matches!(outcomes[0], Outcome::Accepted { .. }));
    let stubborn = Server::start(|_, _| Reply::status(500, "")).await;
    let outcomes = stubborn.client().apply(&people(1)).await;
    assert!(matches!(outcomes[0], Outcome::Lost(_)));
    assert_eq!(stubborn.requests().len(), 2);
}

#[tokio::test]
async fn signals_mark_the_beginning_the_first_write_and_the_end() {
    let server = Server::start(|number, request| {
        if request.line.starts_with("POST") {
            return fine(request);
        }
        let body = format!(
            r#"{{"result":"success","lastPage":{},"users":[{{}}]}}"#,
            number == 3
        );
        let headers = format!("X-Page-Count: 3\r\nX-Current-Page: {}\r\n", number - 1);
        Reply {
            headers,
            ..Reply::json(&body)
        }
    })
    .await;
    let mut config = server.config();
    config.sync_signals = true;
    let client = Client::new(config).unwrap();
    let mut pages = client.users(&roster_client::UserQuery::everybody());
    while pages.next().await.unwrap().is_some() {}
    let mut batcher = client.batcher(Numbering::default());
    for command in people(21) {
        batcher.push(&command).await;
    }
    batcher.finish().await;
    let signals: Vec<String> = server
        .requests()
        .iter()
        .map(|r| r.header("pragma").unwrap_or("-").replace("umapi-sync-", ""))
        .collect();
    assert_eq!(signals, ["start", "-", "end", "start", "-", "end"]);
}

/// A server that holds requests back until as many as may be are there, so that the machine's mood does not matter, and
/// says 429 to those that `refuses` names by their number from 1. Returns how many were there when each came.
async fn crowd(expected: usize, refuses: fn(usize) -> bool) -> Vec<usize> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    let now = AtomicUsize::new(0);
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let server = Server::start(move |number, request| {
        let here = now.fetch_add(1, Ordering::SeqCst) + 1;
        seen.lock().unwrap().push(here);
        let patience = std::time::Instant::now() + std::time::Duration::from_millis(300);
        let all_here = || now.load(Ordering::SeqCst) >= expected;
        while number > 1 && !all_here() && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        // Nobody leaves before everybody has looked around.
        std::thread::sleep(std::time::Duration::from_millis(10));
        now.fetch_sub(1, Ordering::SeqCst);
        if refuses(number) {
            return Reply::status(429, "");
        }
        fine(request)
    })
    .await;
    let mut batcher = server.client().batcher(Numbering::default()).at_once(4);
    let mut done = Vec::new();
    for command in people(200) {
        done.extend(batcher.push(&command).await.1);
    }
    done.extend(batcher.finish().await);
    assert_eq!(done.len(), 200);
    assert!(
        done.iter()
            .all(|done| matches!(done.outcome, Outcome::Accepted { .. })),
        "{done:?}"
    );
    let seen = kept.lock().unwrap();
    seen.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn several_requests_are_under_way_once_the_first_is_answered() {
    let seen = crowd(4, |_| false).await;
    assert_eq!(seen[0], 1, "the first alone");
    assert_eq!(seen.iter().copied().max(), Some(4), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn after_too_many_requests_half_as_many_are_under_way_and_then_more_again() {
    // Of the four that come after the first, one is told so.
    let seen = crowd(4, |number| number == 3).await;
    // More may arrive while the answer is on its way.
    let full = seen.iter().position(|&here| here == 4).unwrap();
    let before = seen[full..].iter().take_while(|&&here| here == 4).count();
    let rest = &seen[full + before..];
    let again = rest.iter().position(|&here| here == 4).unwrap();
    assert!(
        again >= 4 && rest[..again].iter().filter(|&&here| here > 2).count() <= 4,
        "two until there were two good answers, three until there were three: {seen:?}"
    );
    let alone = crowd(1, |number| number == 1).await;
    assert_eq!(&alone[..2], [1, 1], "{alone:?}");
    assert!(alone.iter().any(|&here| here > 1), "it comes back: {alone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_wait_that_one_request_is_told_holds_for_all() {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};
    let came: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let kept = Arc::clone(&came);
    let server = Server::start(move |number, request| {
        came.lock().unwrap().push(Instant::now());
        match number {
            3 => Reply::status(429, "Retry-After: 1\r\n"),
            _ => fine(request),
        }
    })
    .await;
    let mut batcher = server.client().batcher(Numbering::default()).at_once(4);
    for command in people(300) {
        batcher.push(&command).await;
    }
    batcher.finish().await;
    let came = kept.lock().unwrap();
    assert_eq!(came.len(), 31, "each once, and the refused one twice");
    let told = came[2];
    // Those that had left already may still arrive.
    let early = came.iter().filter(|&&at| at > told + Duration::from_millis(200));
    assert!(
        early.clone().all(|&at| at >= told + Duration::from_millis(900)),
        "{:?}",
        early.map(|at| at.duration_since(told)).collect::<Vec<_>>()
    );
    assert!(
        came.iter()
            .filter(|&&at| at < told + Duration::from_millis(900))
            .count()
            <= 8
    );
}

/// A change of address, and somebody else who joins a group.
fn move_and_join() -> Vec<Command> {
    use roster_core::command::UpdateUser;
    let mut moving = join("old", 1);
    moving.steps.insert(
        0,
        Action::UpdateUser(UpdateUser {
            email: Some("new@x.com".into()),
            ..UpdateUser::default()
        })
        .into(),
    );
    vec![moving, join("eve", 1)]
}

#[tokio::test]
async fn a_change_of_address_is_not_repeated_where_it_may_have_been_made() {
    for lost in [0, 500, 502, 504] {
        for made in [true, false] {
            let server = Server::start(move |number, request| {
                let found = |found: bool, email: &str| {
                    if found {
                        Reply::json(&format!(r#"{{"result":"success","user":{{"email":"{email}"}}}}"#))
                    } else {
                        Reply::status(404, "")
                    }
                };
                match number {
                    1 => Reply::status(lost, ""),
                    _ if request.line.ends_with("/users/old@x.com") => found(!made, "old@x.com"),
                    _ if request.line.ends_with("/users/new@x.com") => found(made, "new@x.com"),
                    _ => fine(request),
                }
            })
            .await;
            let outcomes = server.client().apply(&move_and_join()).await;
            assert!(
                outcomes.iter().all(|o| matches!(o, Outcome::Accepted { .. })),
                "{lost} {made}: {outcomes:?}"
            );
            let requests = server.requests();
            let posts: Vec<_> = requests.iter().filter(|r| r.line.starts_with("POST")).collect();
            assert_eq!(posts.len(), 2, "{lost} {made}");
            assert_eq!(posts[0].json()[0]["user"], "old@x.com");
            let expected = if made { "new@x.com" } else { "old@x.com" };
            assert_eq!(posts[1].json()[0]["user"], expected, "{lost} {made}");
            assert_eq!(posts[0].json()[0]["do"], posts[1].json()[0]["do"]);
            assert_eq!(posts[0].json()[1], posts[1].json()[1]);
        }
    }
    // What the server has not taken is simply sent again.
    for refused in [429, 503] {
        let server = Server::start(move |number, request| match number {
            1 => Reply::status(refused, ""),
            _ => fine(request),
        })
        .await;
        server.client().apply(&move_and_join()).await;
        let lines: Vec<String> = server.requests().into_iter().map(|r| r.line).collect();
        assert!(
            lines.len() == 2 && lines.iter().all(|line| line.starts_with("POST")),
            "{lines:?}"
        );
    }
    let silent = Server::start(|_, request| {
        let status = if request.line.starts_with("POST") { 0 } else { 404 };
        Reply::status(status, "")
    })
    .await;
    let outcomes = silent.client().apply(&move_and_join()).await;
    assert!(matches!(outcomes[0], Outcome::Lost(_)), "{outcomes:?}");
    let posts = silent
        .requests()
        .iter()
        .filter(|r| r.line.starts_with("POST"))
        .count();
    assert_eq!(posts, 3, "as often as anything else");
}

/// Which of two commands are accepted after an answer, and which of them count as lost.
async fn taken(status: u16, answer: &'static str, test_mode: bool) -> (Vec<bool>, Vec<bool>) {
    let server = Server::start(move |_, _| Reply {
        status,
        ..Reply::json(answer)
    })
    .await;
    let mut config = server.config();
    config.test_mode = test_mode;
    let outcomes = Client::new(config).unwrap().apply(&move_and_join()).await;
    let is = |fits: fn(&Outcome) -> bool| outcomes.iter().map(fits).collect();
    (
        is(|outcome| matches!(outcome, Outcome::Accepted { .. })),
        is(|outcome| matches!(outcome, Outcome::Lost(_))),
    )
}

#[tokio::test]
async fn what_failed_and_is_not_named_may_be_any_of_the_request() {
    // The answer to two commands, and which of them may have been carried out.
    for (answer, accepted) in [
        (
            r#"{"completed":0,"notCompleted":2,"result":"error"}"#,
            [false, false],
        ),
        (
            r#"{"completed":0,"notCompleted":2,"result":"success"}"#,
            [false, false],
        ),
        (r#"{"result":"error","errors":[]}"#, [false, false]),
        (r#"{"result":"partial","errors":null}"#, [false, false]),
        (
            r#"{"completed":0,"notCompleted":2,"result":"error","errors":[{"index":0,"errorCode":"error.x"}]}"#,
            [false, false],
        ),
        (
            r#"{"completed":1,"notCompleted":1,"result":"partial","errors":[{"index":0,"errorCode":"error.x"}]}"#,
            [false, true],
        ),
        (
            r#"{"result":"error","errors":[{"index":0,"errorCode":"error.x"}]}"#,
            [false, false],
        ),
        (
            r#"{"completed":0,"result":"error","errors":[{"index":1,"errorCode":"error.x"}]}"#,
            [false, false],
        ),
        (
            r#"{"completed":1,"notCompleted":1,"result":"error","errors":[{"index":0,"errorCode":"error.x"}]}"#,
            [false, true],
        ),
        (
            r#"{"completed":2,"notCompleted":0,"result":"success"}"#,
            [true, true],
        ),
        (r#"{"result":"success","notCompleted":null}"#, [true, true]),
    ] {
        let (is_accepted, _) = taken(200, answer, false).await;
        assert_eq!(is_accepted, accepted, "{answer}");
    }
}

#[tokio::test]
async fn what_a_server_does_not_count_as_done_is_not_done() {
    let none = [false, false];
    let both = [true, true];
    // The answer, and what is accepted of two commands: in a run, and in one that only tests.
    for (answer, run, test) in [
        (r#"{"result":"success"}"#, both, both),
        (r#"{"result":"SUCCESS"}"#, both, both),
        (r#"{"result":"success","completed":"2"}"#, both, both),
        (r#"{"completed":2,"notCompleted":0}"#, both, both),
        (
            r#"{"completed":0,"notCompleted":0,"completedInTestMode":2,"result":"success"}"#,
            none,
            both,
        ),
        (r#"{"result":"success","completedInTestMode":2}"#, none, both),
        (
            r#"{"completed":0,"completedInTestMode":1,"result":"error","errors":[{"index":1,"errorCode":"error.x"}]}"#,
            none,
            [true, false],
        ),
        (
            r#"{"result":"success","completed":0,"notCompleted":0}"#,
            none,
            none,
        ),
        (
            r#"{"result":"success","completed":1,"notCompleted":0}"#,
            none,
            none,
        ),
        (
            r#"{"result":"success","completed":"1","notCompleted":"0"}"#,
            none,
            none,
        ),
        (
            r#"{"result":"success","completed":2,"notCompleted":"2"}"#,
            none,
            none,
        ),
        (r#"{"result":"ERROR"}"#, none, none),
        (r#"{"result":"Partial"}"#, none, none),
        (r#"{"result":"error","completed":2,"notCompleted":0}"#, none, none),
        (r#"{"notCompleted":0}"#, none, none),
        (
            r#"{"result":"done","errors":[{"index":0,"errorCode":"error.x"}]}"#,
            none,
            none,
        ),
    ] {
        for (test_mode, accepted) in [(false, run), (true, test)] {
            let (is_accepted, is_lost) = taken(200, answer, test_mode).await;
            assert_eq!(is_accepted, accepted, "{answer}, test mode {test_mode}");
            assert_eq!(is_lost, none, "{answer}, test mode {test_mode}");
        }
    }
    // What says nothing of the commands is no answer to them.
    for (status, answer) in [
        (204, ""),
        (200, "{}"),
        (200, r#"{"error_code":"500","message":"boom"}"#),
        (200, r#"{"result":"queued","completed":-1,"errors":[]}"#),
        (200, "[]"),
    ] {
        let (is_accepted, is_lost) = taken(status, answer, false).await;
        assert_eq!(is_accepted, none, "{status} {answer}");
        assert_eq!(is_lost, both, "{status} {answer}");
    }
}

#[test]
fn calls_can_be_spawned() {
    fn sendable<T: Send>(_: &T) {}
    let client = Client::new(roster_client::Config::oauth("o", "i", "s")).unwrap();
    sendable(&client.apply(&[]));
    sendable(&client.user("a", None));
    sendable(&client.users(&roster_client::UserQuery::everybody()).next());
}
