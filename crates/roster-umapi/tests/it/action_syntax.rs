//! The form of batches and commands: what is refused with which code, and what the limits are.

use expect_test::expect;
use roster_umapi::action::{Limits, parse};

use crate::support::{all, check, group_step_problem, problem, step_problem, told};

#[test]
fn what_is_no_batch_is_malformed_and_says_why() {
    for (body, message) in [
        ("", "Request body is empty"),
        (" \n\t", "Request body is empty"),
        ("[]", "No commands in request"),
        ("{}", "Request body must be a JSON array of commands"),
        ("null", "Request body must be a JSON array of commands"),
        (r#""text""#, "Request body must be a JSON array of commands"),
        (
            "[{]",
            "Request body is not valid JSON: key must be a string at line 1 column 3",
        ),
        (
            "[] []",
            "Request body is not valid JSON: trailing characters at line 1 column 4",
        ),
        (
            "[1,]",
            "Request body is not valid JSON: trailing comma at line 1 column 4",
        ),
        (
            r#"[{"user":"a"}"#,
            "Request body is not valid JSON: EOF while parsing a list at line 1 column 13",
        ),
        (
            r#"["\ud800"]"#,
            "Request body is not valid JSON: unexpected end of hex escape at line 1 column 9",
        ),
        (
            "[1e999]",
            "Request body is not valid JSON: number out of range at line 1 column 6",
        ),
        (
            "\u{feff}[]",
            "Request body is not valid JSON: expected value at line 1 column 1",
        ),
    ] {
        assert_eq!(told(body.as_bytes()), format!("malformed: {message}"), "{body:?}");
    }
    assert!(told(b"[\"\xff\"]").starts_with("malformed: Request body is not valid JSON"));
    assert!(told(b"[\"a\0b\"]").starts_with("malformed: Request body is not valid JSON"));
}

#[test]
fn numbers_of_any_size_are_no_text() {
    for number in ["0", "-1", "99999999999999999999999999", "1e308", "-0.0"] {
        let body = format!(r#"[{{"user":{number},"do":[]}}]"#);
        assert_eq!(problem(&body).1, "error.command.string_expected", "{number}");
    }
}

#[test]
fn deep_nesting_is_malformed_wherever_it_is() {
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    for body in [
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        format!("[{}]", deep("[", "]")),
        format!(
            r#"[{{"user":"a@b.example","do":[{{"update":{}}}]}}]"#,
            deep(r#"[{"x":"#, "}]")
        ),
        format!("[{}{}]", "0,".repeat(10), deep("[", "]")),
        "[".repeat(1_000_000),
    ] {
        assert!(
            told(body.as_bytes()).starts_with("malformed: "),
            "{}",
            &body[..40]
        );
    }
    let fine = format!(
        r#"[{{"usergroup":"x","do":[{{"deleteUserGroup":{{"x":{}1{}}}}}]}}]"#,
        "[".repeat(50),
        "]".repeat(50)
    );
    assert_eq!(
        told(fine.as_bytes()),
        "0: UserGroup { name: \"x\" }\n   DeleteGroup"
    );
}

#[test]
fn ten_commands_and_a_megabyte_are_the_limits() {
    let body = |commands: usize| format!("[{}]", vec!["5"; commands].join(","));
    assert_eq!(
        told(body(11).as_bytes()),
        "malformed: Too many commands in request: max is 10"
    );
    assert_eq!(told(body(10).as_bytes()).lines().count(), 10);
    let padded = |size: usize| {
        let body = body(1);
        let pad = " ".repeat(size - body.len());
        body + &pad
    };
    assert_eq!(
        told(padded(1_048_577).as_bytes()),
        "malformed: Request body too large: max is 1048576 bytes"
    );
    assert!(told(padded(1_048_576).as_bytes()).starts_with("0.0: error.command.illegal_entry"));
}

#[test]
fn a_bad_command_spoils_only_itself() {
    check(
        r#"[{"user":"a@b.example","do":[{"update":{}}]}, 7, {"user":"c@b.example","do":[{"dance":{}},{"update":{}},{"add":5}]}]"#,
        &expect![[r#"
            0: User { user: "a@b.example", domain: None, use_adobe_id: false }
               UpdateUser(UpdateUser { email: None, username: None, firstname: None, lastname: None, country: None })
            1.0: error.command.illegal_entry: Illegal entry: a command must be an object
            2.0: error.command.step.unknown: Unknown step: dance
            2.2: error.command.add_remove.list: Object or "all" expected for step: add"#]],
    );
}

#[test]
fn roots_have_their_own_problems() {
    let missing = "Command must contain user or usergroup";
    all(
        problem,
        &[
            r#"[{"do":[]}]"#,
            "[{}]",
            r#"[{"usergroup":null,"do":[]}]"#,
            r#"[{"usergroup":" ","do":[]}]"#,
        ],
        "error.command.user_usergroup.missing",
        missing,
    );
    all(
        problem,
        &[
            r#"[{"user":null,"do":[]}]"#,
            r#"[{"user":"","do":[]}]"#,
            r#"[{"user":" \t\u00a0","do":[]}]"#,
        ],
        "error.command.user.missing",
        "User is missing",
    );
    for (body, field) in [
        (r#"[{"user":5,"do":[]}]"#, "user"),
        (r#"[{"usergroup":["x"],"do":[]}]"#, "usergroup"),
        (r#"[{"user":"a@b.example","requestID":7,"do":[]}]"#, "requestID"),
    ] {
        all(
            problem,
            &[body],
            "error.command.string_expected",
            &format!("String expected for field: {field}"),
        );
    }
    all(
        problem,
        &[r#"[{"user":"p1","domain":5,"do":[]}]"#],
        "error.command.domain.string_expected",
        "String expected for field: domain",
    );
    all(
        problem,
        &[r#"[{"user":"a@b.example","useAdobeID":"yes","do":[]}]"#],
        "error.command.boolean_expected",
        "Boolean expected for field: useAdobeID",
    );
    all(
        problem,
        &[
            r#"[{"user":"a"}]"#,
            r#"[{"user":"a","do":null}]"#,
            r#"[{"user":"a","do":{"update":{}}}]"#,
        ],
        "error.command.steps.malformed",
        "Steps must be a JSON array",
    );
}

#[test]
fn what_a_command_does_not_know_is_an_illegal_entry() {
    for (body, what) in [
        (
            r#"[{"user":"a","useAdobeId":true,"do":[]}]"#,
            "unknown key: useAdobeId",
        ),
        (r#"[{"user":"a","user":"b","do":[]}]"#, "repeated key: user"),
        (
            r#"[{"user":"a","usergroup":"b","do":[]}]"#,
            "both user and usergroup",
        ),
        (
            r#"[{"usergroup":"b","domain":"x.example","do":[]}]"#,
            "unknown key: domain",
        ),
        (
            r#"[{"usergroup":"b","useAdobeID":false,"do":[]}]"#,
            "unknown key: useAdobeID",
        ),
        (
            r#"[{"user":"a","do":[{"update":{},"add":{"group":[]}}]}]"#,
            "a step must have exactly one key, not 2",
        ),
        (
            r#"[{"user":"a","do":[{"add":"all","add":"all"}]}]"#,
            "a step must have exactly one key, not 2",
        ),
        (
            r#"[{"user":"a","do":[{}]}]"#,
            "a step must have exactly one key, not 0",
        ),
        (r#"[{"user":"a","do":["update"]}]"#, "a step must be an object"),
        (
            r#"[{"user":"a","do":[{"update":5}]}]"#,
            "update must be an object",
        ),
        (
            r#"[{"user":"a","do":[{"removeFromOrg":null}]}]"#,
            "removeFromOrg must be an object",
        ),
        (
            r#"[{"user":"a","do":[{"removeFromDomain":[]}]}]"#,
            "removeFromDomain must be an object",
        ),
        (
            r#"[{"user":"a","do":[{"resetPassword":true}]}]"#,
            "resetPassword must be an object",
        ),
        (
            r#"[{"usergroup":"a","do":[{"updateUserGroup":5}]}]"#,
            "updateUserGroup must be an object",
        ),
        (
            r#"[{"usergroup":"a","do":[{"deleteUserGroup":5}]}]"#,
            "deleteUserGroup must be an object",
        ),
        (
            r#"[{"user":"a","do":[{"update":{"colour":1}}]}]"#,
            "unknown key: colour",
        ),
        (
            r#"[{"user":"a","do":[{"update":{"email":"a","email":"b"}}]}]"#,
            "repeated key: email",
        ),
        (
            r#"[{"user":"a","do":[{"createFederatedID":{"email":"a","email":"b"}}]}]"#,
            "repeated key: email",
        ),
        (
            r#"[{"usergroup":"a","do":[{"updateUserGroup":{"colour":1}}]}]"#,
            "unknown key: colour",
        ),
    ] {
        all(
            problem,
            &[body],
            "error.command.illegal_entry",
            &format!("Illegal entry: {what}"),
        );
    }
}

#[test]
fn absent_null_and_empty_are_told_apart_only_where_it_matters() {
    check(
        r#"[{"user":" a@b.example ","domain":" ","useAdobeID":null,"requestID":"","do":[
             {"createFederatedID":{"email":" a@b.example ","country":"","firstname":" ","lastname":null,"option":""}},
             {"update":{"email":"","username":null,"firstname":"","option":null}},
             {"removeFromDomain":{"domain":"","removedDomain":" b.example"}}]},
           {"user":"p1","domain":" B.example","useAdobeID":true,"do":[]},
           {"usergroup":" Design ","domain":null,"do":[
             {"createUserGroup":{"name":"ignored","description":"","option":"errorIfAlreadyExists"}},
             {"updateUserGroup":{"name":" ","description":""}},
             {"updateUserGroup":{"name":null,"description":null}}]}]"#,
        &expect![[r#"
            0: User { user: "a@b.example", domain: None, use_adobe_id: false }
               CreateUser(CreateUser { kind: Federated, email: "a@b.example", country: None, firstname: None, lastname: None, on_conflict: Refuse })
               UpdateUser(UpdateUser { email: Some(""), username: None, firstname: Some(""), lastname: None, country: None })
               RemoveFromDomain { domain: Some("b.example") }
            1: User { user: "p1", domain: Some("B.example"), use_adobe_id: true }
            2: UserGroup { name: "Design" }
               CreateGroup { description: None, on_conflict: Refuse }
               UpdateGroup { name: Some(""), description: Some("") }
               UpdateGroup { name: None, description: None }"#]],
    );
}

#[test]
fn limits_count_characters_and_name_the_field() {
    let long = |n: usize| "é".repeat(n);
    let too_long = |field: &str, max: usize| {
        (
            0,
            "error.command.string.too_long".to_owned(),
            format!("String too long in command for field: {field}, max length {max}"),
        )
    };
    let fine = |body: &str| {
        let batch = parse(body.as_bytes(), &Limits::default()).unwrap();
        assert!(batch.entries[0].command.is_ok(), "{body:.200}");
    };
    for (template, field, max) in [
        (r#"[{"user":" LONG ","do":[]}]"#, "user", 250),
        (r#"[{"user":"p","domain":" LONG ","do":[]}]"#, "domain", 250),
        (r#"[{"user":"p","requestID":"LONG","do":[]}]"#, "requestID", 250),
        (
            r#"[{"user":"p","do":[{"update":{"username":" LONG "}}]}]"#,
            "username",
            250,
        ),
        (
            r#"[{"user":"p","do":[{"update":{"lastname":" LONG "}}]}]"#,
            "lastname",
            250,
        ),
        (
            r#"[{"user":"p","do":[{"update":{"country":"LONG"}}]}]"#,
            "country",
            2,
        ),
        (
            r#"[{"user":"p","do":[{"createFederatedID":{"firstname":"LONG"}}]}]"#,
            "firstname",
            250,
        ),
        (
            r#"[{"user":"p","do":[{"createFederatedID":{"country":"LONG"}}]}]"#,
            "country",
            2,
        ),
        (
            r#"[{"user":"p","do":[{"removeFromDomain":{"domain":"LONG"}}]}]"#,
            "domain",
            250,
        ),
        (
            r#"[{"usergroup":"g","do":[{"createUserGroup":{"description":"LONG"}}]}]"#,
            "description",
            4000,
        ),
        (
            r#"[{"usergroup":"g","do":[{"updateUserGroup":{"description":"LONG"}}]}]"#,
            "description",
            4000,
        ),
    ] {
        fine(&template.replace("LONG", &long(max)));
        assert_eq!(
            problem(&template.replace("LONG", &long(max + 1))),
            too_long(field, max)
        );
    }
    // What these mean when they are too long is decided by rules.
    fine(&format!(
        r#"[{{"usergroup":"{}","do":[{{"createUserGroup":{{}}}}]}}]"#,
        long(256)
    ));
    fine(&format!(
        r#"[{{"usergroup":"g","do":[{{"updateUserGroup":{{"name":"{}"}}}}]}}]"#,
        long(256)
    ));
    fine(&format!(
        r#"[{{"user":"p","do":[{{"update":{{"email":"{}"}}}}]}}]"#,
        long(300)
    ));

    let name = |name: &str| step_problem(&format!(r#"[{{"add":{{"group":["{name}"]}}}}]"#)).1;
    assert_eq!(
        name(&long(256)),
        "error.command.add_remove.group_or_product_name_too_long"
    );
    assert_eq!(
        name(&format!("_admin_{}", long(256))),
        "error.command.add_remove.group_or_product_name_too_long"
    );
    fine(&format!(
        r#"[{{"user":"p","do":[{{"add":{{"group":["_Admin_{}"]}}}}]}}]"#,
        long(255)
    ));
    let person = format!(r#"[{{"add":{{"user":["{}@b.example"]}}}}]"#, long(250));
    assert_eq!(group_step_problem(&person).1, "error.user.user_list.invalid");
}

#[test]
fn lists_and_steps_have_ten_places() {
    let names = |n: usize| vec![r#""x""#; n].join(",");
    let steps = |n: usize| format!("[{}]", vec![r#"{"update":{}}"#; n].join(","));
    let people = |n: usize| {
        (0..n)
            .map(|n| format!(r#""u{n}@b.example""#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let full = "Too many products, users or groups in Add or Remove: max is 10";
    all(
        step_problem,
        &[&format!(r#"[{{"add":{{"group":[{}]}}}}]"#, names(11))],
        "error.command.add_remove.list_too_long",
        full,
    );
    all(
        group_step_problem,
        &[&format!(r#"[{{"add":{{"user":[{}]}}}}]"#, people(11))],
        "error.command.add_remove.list_too_long",
        full,
    );
    all(
        step_problem,
        &[&steps(11)],
        "error.command.add_remove.list_too_long",
        "Too many steps in command: max is 10",
    );
    let body = format!(
        r#"[{{"user":"a@b.example","do":{}}},{{"user":"a@b.example","do":[{{"add":{{"group":[{n}],"product":[{n}]}}}}]}},
            {{"usergroup":"g","do":[{{"add":{{"user":[{}]}}}}]}}]"#,
        steps(10),
        people(10),
        n = names(10),
    );
    assert_eq!(
        parse(body.as_bytes(), &Limits::default())
            .unwrap()
            .commands()
            .len(),
        3
    );
}

#[test]
fn many_unknown_keys_are_read_in_reasonable_time() {
    let keys: Vec<String> = (0..60_000).map(|n| format!(r#""k{n}":0"#)).collect();
    let body = format!(r#"[{{"user":"a","do":[{{"update":{{{}}}}}]}}]"#, keys.join(","));
    let start = std::time::Instant::now();
    assert_eq!(problem(&body).2, "Illegal entry: unknown key: k0");
    assert!(start.elapsed().as_secs() < 5, "not quadratic");
}

#[test]
fn what_was_sent_is_kept_for_the_log_without_its_blanks() {
    let body = r#"[ {"user" : "Ana é\n" , "do":[ {"update":{"lastname":null, "x":[1,-2.5,true,{}]}} ] , "user":"b"}, 5 ]"#;
    let batch = parse(body.as_bytes(), &Limits::default()).unwrap();
    let texts: Vec<&str> = batch.entries.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"user":"Ana é\n","do":[{"update":{"lastname":null,"x":[1,-2.5,true,{}]}}],"user":"b"}"#,
            "5"
        ]
    );
}
