//! The answer to a batch, byte for byte.

use expect_test::{Expect, expect};
use roster_core::decide::{Mode, Outcome};
use roster_core::refusal::{Refusal, StepRefusal, StepWarning};
use roster_umapi::action::{Entry, Limits, parse, render};

fn check(body: &str, outcomes: &[Outcome], mode: Mode, expected: &Expect) {
    let batch = parse(body.as_bytes(), &Limits::default()).unwrap();
    let answer = String::from_utf8(render(&batch, outcomes, mode)).unwrap();
    serde_json::from_str::<serde_json::Value>(&answer).unwrap();
    expected.assert_eq(&answer);
}

fn refused(refusals: Vec<(usize, Refusal)>) -> Outcome {
    Outcome {
        refusals: refusals
            .into_iter()
            .map(|(step, refusal)| StepRefusal { step, refusal })
            .collect(),
        ..Outcome::default()
    }
}

const TWO: &str = r#"[{"user":"a@b.example","do":[]},{"user":"c@b.example","requestID":"r-2","do":[{"update":{}},{"add":{"product":["Nope"]}}]}]"#;

#[test]
fn success_has_neither_errors_nor_warnings() {
    check(
        TWO,
        &[Outcome::default(), Outcome::default()],
        Mode::Live,
        &expect![[r#"{"completed":2,"notCompleted":0,"completedInTestMode":0,"result":"success"}"#]],
    );
    check(
        TWO,
        &[Outcome::default(), Outcome::default()],
        Mode::TestOnly,
        &expect![[r#"{"completed":0,"notCompleted":0,"completedInTestMode":2,"result":"success"}"#]],
    );
}

#[test]
fn refusals_and_warnings_name_their_command_and_step() {
    let mut second = refused(vec![
        (1, Refusal::GroupNotFound { name: "Nope".into() }),
        (
            1,
            Refusal::GroupNotFound {
                name: "Ne\"ver".into(),
            },
        ),
    ]);
    second.warnings.push(StepWarning {
        step: 1,
        warning: roster_core::command::Deprecated::Product,
    });
    check(
        TWO,
        &[Outcome::default(), second],
        Mode::Live,
        &expect![[
            r#"{"completed":1,"notCompleted":1,"completedInTestMode":0,"result":"partial","errors":[{"index":1,"step":1,"requestID":"r-2","message":"Group Nope was not found","user":"c@b.example","errorCode":"error.group.not_found"},{"index":1,"step":1,"requestID":"r-2","message":"Group Ne\"ver was not found","user":"c@b.example","errorCode":"error.group.not_found"}],"warnings":[{"warningCode":"warning.command.deprecated","requestID":"r-2","index":1,"step":1,"message":"'product' command is deprecated. Please use productConfiguration.","user":"c@b.example"}]}"#
        ]],
    );
}

#[test]
fn syntax_errors_count_and_echo_what_could_be_read() {
    check(
        r#"[5,{"user":" A@b.example","requestID":"r","do":[{"dance":{}},{"add":5}]},{"usergroup":"G","do":{}},{"user":"x@b.example","do":[]},
            {"user":7,"usergroup":"G","requestID":5,"do":[]}]"#,
        &[Outcome::default()],
        Mode::TestOnly,
        &expect![[
            r#"{"completed":0,"notCompleted":4,"completedInTestMode":1,"result":"partial","errors":[{"index":0,"step":0,"message":"Illegal entry: a command must be an object","errorCode":"error.command.illegal_entry"},{"index":1,"step":0,"requestID":"r","message":"Unknown step: dance","user":" A@b.example","errorCode":"error.command.step.unknown"},{"index":1,"step":1,"requestID":"r","message":"Object or \"all\" expected for step: add","user":" A@b.example","errorCode":"error.command.add_remove.list"},{"index":2,"step":0,"message":"Steps must be a JSON array","user":"G","errorCode":"error.command.steps.malformed"},{"index":4,"step":0,"message":"Illegal entry: both user and usergroup","user":"G","errorCode":"error.command.illegal_entry"}]}"#
        ]],
    );
}

#[test]
fn all_failed_is_error() {
    check(
        r#"[{"usergroup":"G","requestID":"g","do":[{"deleteUserGroup":{}}]}]"#,
        &[refused(vec![(0, Refusal::UserGroupNotFound)])],
        Mode::Live,
        &expect![[
            r#"{"completed":0,"notCompleted":1,"completedInTestMode":0,"result":"error","errors":[{"index":0,"step":0,"requestID":"g","message":"UserGroup not found","user":"G","errorCode":"error.usergroup.not_found"}]}"#
        ]],
    );
}

/// R180: both old names in one step warn, though a step carries only one of them through core.
#[test]
fn every_old_name_of_a_step_warns() {
    let outcome = Outcome {
        warnings: vec![StepWarning {
            step: 0,
            warning: roster_core::command::Deprecated::Users,
        }],
        ..Outcome::default()
    };
    check(
        r#"[{"usergroup":"G","do":[{"remove":{"users":[],"product":[]}},{"add":{"users":[]}}]}]"#,
        &[outcome],
        Mode::Live,
        &expect![[
            r#"{"completed":1,"notCompleted":0,"completedInTestMode":0,"result":"success","warnings":[{"warningCode":"warning.command.deprecated","index":0,"step":0,"message":"'users' command is deprecated. Please use user.","user":"G"},{"warningCode":"warning.command.deprecated","index":0,"step":0,"message":"'product' command is deprecated. Please use productConfiguration.","user":"G"}]}"#
        ]],
    );
}

#[test]
fn a_command_without_an_outcome_is_never_told_as_done() {
    check(
        TWO,
        &[Outcome::default()],
        Mode::Live,
        &expect![[
            r#"{"completed":1,"notCompleted":1,"completedInTestMode":0,"result":"partial","errors":[{"index":1,"step":0,"requestID":"r-2","message":"Severe exception: the command was not decided","user":"c@b.example","errorCode":"error.internal.exceptionflys"}]}"#
        ]],
    );
}

#[test]
fn an_entry_of_our_own_reads_like_one_that_was_sent() {
    let body =
        r#"[{"user":"c@b.example","requestID":"r-2","do":[{"update":{}},{"add":{"product":["Nope"]}}]}]"#;
    let sent = parse(body.as_bytes(), &Limits::default())
        .unwrap()
        .entries
        .remove(0);
    let own = Entry::new(Some("r-2".to_owned()), sent.command.clone().unwrap());
    assert_eq!(own, sent);
}
