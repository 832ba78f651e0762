//! Answers as a client reads them: ours, and those of servers with other habits.

use roster_core::decide::{Mode, Outcome};
use roster_core::listing::{GroupLabel, GroupRow, UserRow};
use roster_core::org::GroupKind;
use roster_core::refusal::{Refusal, StepRefusal};
use roster_core::value::{GroupId, IdentityType, Status};
use roster_umapi::action::{Limits, parse, render};
use roster_umapi::query::groups::{GroupsPage, write_no_such_page};
use roster_umapi::query::users::{UsersPage, write_single_user};
use roster_umapi::read;
use roster_umapi::request::{DeprecatedError, RequestError};
use roster_umapi::token::TokenError;

#[test]
fn our_own_answers_are_read() {
    let batch = parse(
        br#"[{"user":"a@b.example","requestID":"r","do":[{"update":{}}]},{"user":"c@b.example","do":[]}]"#,
        &Limits::default(),
    )
    .unwrap();
    let refusal = Refusal::UserNotFound {
        user: "a@b.example".to_owned(),
    };
    let outcomes = [
        Outcome {
            refusals: vec![StepRefusal { step: 0, refusal }],
            ..Outcome::default()
        },
        Outcome::default(),
    ];
    let answer = read::action(&render(&batch, &outcomes, Mode::Live)).unwrap();
    assert_eq!(
        (answer.completed, answer.not_completed, answer.result.as_str()),
        (1, 1, "partial")
    );
    let error = &answer.errors[0];
    assert_eq!((error.index, error.step), (Some(0), Some(0)));
    assert_eq!(
        (error.request_id.as_deref(), error.user.as_deref()),
        (Some("r"), Some("a@b.example"))
    );
    assert_eq!(error.error_code, "error.user.nonexistent");

    let row = UserRow {
        id: "1@AdobeID",
        email: "a@b.example",
        status: Status::Active,
        username: "a@b.example",
        domain: "b.example",
        firstname: Some("A"),
        lastname: None,
        country: "UD",
        kind: IdentityType::AdobeId,
        groups: &[GroupLabel {
            kind: GroupKind::SystemAdmin,
            name: "",
        }],
    };
    let mut body = Vec::new();
    let mut page = UsersPage::begin(&mut body);
    page.row(&row);
    page.end(true, Some("G"));
    let page = read::users(&body).unwrap();
    assert_eq!((page.last_page, page.group_name.as_deref()), (true, Some("G")));
    assert_eq!(page.users[0].groups, ["_org_admin"]);
    assert_eq!(page.users[0].identity_type(), Some(IdentityType::AdobeId));
    assert_eq!(page.users[0].lastname, None);
    let mut body = Vec::new();
    write_single_user(&mut body, &row);
    assert_eq!(read::user(&body).unwrap(), page.users[0]);

    let group = GroupRow {
        id: GroupId(7),
        label: GroupLabel {
            kind: GroupKind::UserGroup,
            name: "G",
        },
        description: None,
        members: 3,
        read_only: false,
        admins: Some((GroupId(8), 2)),
        product: None,
        profile: None,
    };
    let mut body = Vec::new();
    let mut page = GroupsPage::begin(&mut body);
    page.row(&group);
    page.end(false);
    let page = read::groups(&body).unwrap();
    assert!(!page.last_page);
    assert_eq!((page.groups[0].id, page.groups[0].member_count), (Some(7), 3));
    assert_eq!(page.groups[0].admin_group_name.as_deref(), Some("_admin_G"));
    let mut body = Vec::new();
    write_no_such_page(&mut body);
    assert!(read::groups(&body).unwrap().last_page);
}

#[test]
fn other_habits_are_understood() {
    let answer = read::action(
        br#"{"completed":0,"notCompleted":1,"result":"error","errors":[{"index":"2","step":"1","errorCode":"e","new":1},{"index":-1,"step":null,"message":null}],"warnings":null,"x":{}}"#,
    )
    .unwrap();
    assert_eq!(
        (answer.errors[0].index, answer.errors[0].step),
        (Some(2), Some(1))
    );
    assert_eq!((answer.errors[1].index, answer.errors[1].step), (None, None));
    assert!(answer.warnings.is_empty());
    let page = read::users(
        br#"{"users":[{"email":"a","type":"unknown","groups":null,"tags":["x"]}],"result":"success"}"#,
    )
    .unwrap();
    assert!(!page.last_page);
    assert_eq!(page.users[0].identity_type(), None);
}

#[test]
fn what_cannot_be_understood_is_no_empty_list() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"lastPage":true,"result":"success"}"#,
        r#"{"users":[{}],"groups":[{}]}"#,
    ] {
        assert!(read::users(body.as_bytes()).is_err(), "{body}");
        assert!(read::groups(body.as_bytes()).is_err(), "{body}");
        assert!(read::user(body.as_bytes()).is_err(), "{body}");
        assert!(read::action(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn failures_of_every_form_are_read() {
    for (body, code, message) in [
        (RequestError::Throttled.body(), "429050", "Too many requests"),
        (
            RequestError::KeyInvalid.body(),
            "error.apikey.invalid",
            "Api Key is invalid",
        ),
        (
            RequestError::InvalidNumber {
                value: "x".to_owned(),
            }
            .body(),
            "INVALID_PARAMETER",
            "For input string: \"x\"",
        ),
        (
            DeprecatedError::GroupNotFound.body(),
            "GROUP_NOT_FOUND",
            "GROUP_NOT_FOUND",
        ),
        (
            TokenError::InvalidSecret.body(),
            "invalid_client",
            "invalid client_secret parameter",
        ),
    ] {
        let failure = read::failure(&body);
        assert_eq!(
            (failure.code.as_deref(), failure.message.as_deref()),
            (Some(code), Some(message))
        );
    }
    assert_eq!(read::failure(b"<html>"), read::Failure::default());
}
