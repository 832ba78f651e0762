//! The form of commands: what is refused with which code, and what is read from what passes.

use expect_test::{Expect, expect};
use roster_umapi::action::{Limits, Syntax, parse};
use roster_umapi::code::{syntax_code, syntax_message};

/// Parses a batch and tells every entry in a line or more.
fn check(body: &str, expected: &Expect) {
    expected.assert_eq(&told(body.as_bytes()));
}

fn told(body: &[u8]) -> String {
    let batch = match parse(body, &Limits::default()) {
        Ok(batch) => batch,
        Err(malformed) => return format!("malformed: {malformed}"),
    };
    let mut lines = Vec::new();
    for (n, entry) in batch.entries.iter().enumerate() {
        match &entry.command {
            Ok(command) => {
                lines.push(format!("{n}: {:?}", command.target));
                for step in &command.steps {
                    let old = step
                        .deprecated
                        .map(|old| format!(" ({old:?})"))
                        .unwrap_or_default();
                    lines.push(format!("   {:?}{old}", step.action));
                }
            }
            Err(problems) => {
                for problem in problems {
                    let (code, message) = (syntax_code(&problem.kind), syntax_message(&problem.kind));
                    lines.push(format!("{n}.{}: {code}: {message}", problem.step));
                }
            }
        }
    }
    lines.join("\n")
}

/// The one problem of a command on a person with this `do`.
fn step_problem(steps: &str) -> (usize, String, String) {
    problem(&format!(r#"[{{"user":"a@b.example","do":{steps}}}]"#))
}

fn group_step_problem(steps: &str) -> (usize, String, String) {
    problem(&format!(r#"[{{"usergroup":"Design","do":{steps}}}]"#))
}

fn problem(body: &str) -> (usize, String, String) {
    let batch = parse(body.as_bytes(), &Limits::default()).unwrap();
    let problems = batch.entries[0].command.as_ref().expect_err(body);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let kind: &Syntax = &problems[0].kind;
    (
        problems[0].step,
        syntax_code(kind).to_owned(),
        syntax_message(kind),
    )
}

/// Each of `bodies` has this code and message at step 0.
fn all(find: fn(&str) -> (usize, String, String), bodies: &[&str], code: &str, message: &str) {
    for body in bodies {
        assert_eq!(find(body), (0, code.to_owned(), message.to_owned()), "{body}");
    }
}

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
fn every_step_of_a_person_is_read() {
    check(
        r#"[{"user":"a@b.example","do":[
             {"addEnterpriseID":{"email":"a@b.example","country":"FR","firstname":"A","lastname":"B","option":"updateIfAlreadyExists"}},
             {"add":{"usergroup":["U"],"product":[" P "],"group":["G","G"]}},
             {"remove":{"productConfiguration":[]}},
             {"add":"all"},{"remove":"all"},
             {"addRoles":{"productAdmin":["P"],"admin":["org","support"]}},
             {"removeRoles":{"admin":[]}},
             {"resetPassword":{}},
             {"removeFromOrg":{"removedDomain":"x"}}]},
           {"user":"a@b.example","do":[{"addAdobeID":{"option":"ignoreIfAlreadyExists"}},{"removeFromOrg":{"deleteAccount":true}}]}]"#,
        &expect![[r#"
            0: User { user: "a@b.example", domain: None, use_adobe_id: false }
               CreateUser(CreateUser { kind: Enterprise, email: "a@b.example", country: Some("FR"), firstname: Some("A"), lastname: Some("B"), on_conflict: Update })
               JoinGroups(Named([GroupEntry { name: "U", list: UserGroups }, GroupEntry { name: "P", list: Profiles }, GroupEntry { name: "G", list: Any }, GroupEntry { name: "G", list: Any }])) (Product)
               LeaveGroups(Named([]))
               JoinGroups(All)
               LeaveGroups(All)
               AddRoles([ProductAdmin("P"), Admin("org"), Admin("support")]) (AddRoles)
               RemoveRoles([]) (RemoveRoles)
               ResetPassword
               RemoveFromOrg { delete_account: false }
            1: User { user: "a@b.example", domain: None, use_adobe_id: false }
               CreateUser(CreateUser { kind: AdobeId, email: "", country: None, firstname: None, lastname: None, on_conflict: Ignore })
               RemoveFromOrg { delete_account: true }"#]],
    );
}

#[test]
fn every_step_of_a_group_is_read() {
    check(
        r#"[{"usergroup":"Design","do":[
             {"createUserGroup":{"option":"ignoreIfAlreadyExists","description":" Designers "}},
             {"add":{"user":[" Ana@b.example","ben@b.example"],"productConfiguration":["P","p"]}},
             {"remove":{"users":[],"product":["P"]}},
             {"add":"all"},{"remove":"all"},
             {"updateUserGroup":{"name":" New ","description":"d"}},
             {"deleteUserGroup":{"what":"ever"}}]}]"#,
        &expect![[r#"
            0: UserGroup { name: "Design" }
               CreateGroup { description: Some(" Designers "), on_conflict: Ignore }
               AddToGroup(Named { users: ["Ana@b.example", "ben@b.example"], profiles: ["P", "p"] })
               RemoveFromGroup(Named { users: [], profiles: ["P"] }) (Users)
               AddToGroup(All)
               RemoveFromGroup(All)
               UpdateGroup { name: Some("New"), description: Some("d") }
               DeleteGroup"#]],
    );
}

#[test]
fn steps_belong_to_their_root() {
    for (find, step) in [
        (step_problem as fn(&str) -> _, "createUserGroup"),
        (step_problem, "Update"),
        (group_step_problem, "removeFromOrg"),
        (group_step_problem, "createFederatedID"),
        (group_step_problem, ""),
    ] {
        let found = find(&format!(r#"[{{"{step}":{{}}}}]"#));
        assert_eq!(found.1, "error.command.step.unknown");
        assert_eq!(found.2, format!("Unknown step: {step}"));
    }
}

#[test]
fn create_steps_have_their_own_codes() {
    all(
        step_problem,
        &[
            r#"[{"createFederatedID":[]}]"#,
            r#"[{"createFederatedID":null}]"#,
            r#"[{"createFederatedID":"all"}]"#,
        ],
        "error.command.create.object_expected",
        "Object expected for step: createFederatedID",
    );
    all(
        step_problem,
        &[r#"[{"addEnterpriseID":{"colour":5}}]"#],
        "error.command.create.key.unknown",
        "Unknown key in addEnterpriseID: colour",
    );
    for field in ["email", "country", "firstname", "lastname", "option"] {
        all(
            step_problem,
            &[&format!(r#"[{{"addAdobeID":{{"{field}":5}}}}]"#)],
            "error.command.create.string_expected",
            &format!("String expected for field: {field}"),
        );
    }
    all(
        step_problem,
        &[r#"[{"addAdobeID":{"option":"IgnoreIfAlreadyExists"}}]"#],
        "error.option.illegal",
        "Illegal option: IgnoreIfAlreadyExists",
    );
    for field in ["name", "description"] {
        all(
            group_step_problem,
            &[&format!(r#"[{{"createUserGroup":{{"{field}":[]}}}}]"#)],
            "error.command.create.string_expected",
            &format!("String expected for field: {field}"),
        );
    }
}

#[test]
fn a_create_step_is_the_first_and_the_only_one() {
    let create = r#"{"addAdobeID":{"email":"a@b.example"}}"#;
    let code = |steps: String| {
        let (step, code, _) = step_problem(&steps);
        (step, code)
    };
    assert_eq!(
        code(format!("[{create},{create}]")),
        (1, "error.command.create.more_than_one".to_owned())
    );
    assert_eq!(
        code(format!(r#"[{{"update":{{}}}},{create}]"#)),
        (1, "error.command.create.not_first".to_owned())
    );
    let (step, code, _) = group_step_problem(r#"[{"updateUserGroup":{}},{"createUserGroup":{}}]"#);
    assert_eq!((step, code.as_str()), (1, "error.command.create.not_first"));
}

#[test]
fn what_ends_a_command_is_its_last_step() {
    for (steps, step, name) in [
        (r#"[{"removeFromOrg":{}},{"update":{}}]"#, 0, "removeFromOrg"),
        (
            r#"[{"removeFromOrg":{}},{"removeFromOrg":{}}]"#,
            0,
            "removeFromOrg",
        ),
        (
            r#"[{"update":{}},{"removeFromDomain":{}},{"add":"all"}]"#,
            1,
            "removeFromDomain",
        ),
    ] {
        let expected = (
            step,
            "error.command.removefromorg.not_last".to_owned(),
            format!("{name} must be the last step"),
        );
        assert_eq!(step_problem(steps), expected);
    }
    all(
        step_problem,
        &[
            r#"[{"removeFromOrg":{"deleteAccount":"x"}}]"#,
            r#"[{"removeFromOrg":{"deleteAccount":null}}]"#,
        ],
        "error.command.boolean_expected",
        "Boolean expected for field: deleteAccount",
    );
    for step in ["removeFromOrg", "removeFromDomain", "resetPassword"] {
        all(
            step_problem,
            &[&format!(r#"[{{"{step}":{{"colour":1}}}}]"#)],
            "error.command.object_not_empty",
            &format!("Object must be empty for step: {step}"),
        );
    }
}

#[test]
fn update_takes_no_option_and_only_texts() {
    all(
        step_problem,
        &[
            r#"[{"update":{"option":"ignoreIfAlreadyExists"}}]"#,
            r#"[{"update":{"option":5}}]"#,
        ],
        "error.command.update.option.no",
        "Option is not allowed in update",
    );
    for field in ["email", "username", "firstname", "lastname", "country"] {
        all(
            step_problem,
            &[&format!(r#"[{{"update":{{"{field}":false}}}}]"#)],
            "error.command.string_expected",
            &format!("String expected for field: {field}"),
        );
    }
}

#[test]
fn lists_of_a_person_have_their_own_codes() {
    for step in ["add", "remove"] {
        let of = |value: &str| format!(r#"[{{"{step}":{value}}}]"#);
        for value in ["5", "[]", "null", r#""everything""#, r#""ALL""#] {
            all(
                step_problem,
                &[&of(value)],
                "error.command.add_remove.list",
                &format!("Object or \"all\" expected for step: {step}"),
            );
        }
        for (value, code, message) in [
            ("{}", "missing_list", format!("No list given for step: {step}")),
            (
                r#"{"groups":[]}"#,
                "key.unknown",
                format!("Unknown key in {step}: groups"),
            ),
            (
                r#"{"group":"x"}"#,
                "list_not_array",
                "Array expected for: group".to_owned(),
            ),
            (
                r#"{"group":null}"#,
                "list_not_array",
                "Array expected for: group".to_owned(),
            ),
            (
                r#"{"group":[],"group":[]}"#,
                "duplicate.group_list",
                "Duplicate list: group".to_owned(),
            ),
            (
                r#"{"usergroup":[],"group":[],"usergroup":[]}"#,
                "duplicate.group_list",
                "Duplicate list: usergroup".to_owned(),
            ),
            (
                r#"{"product":[],"product":[]}"#,
                "duplicate.product_list",
                "Duplicate list: product".to_owned(),
            ),
            (
                r#"{"product":[],"productConfiguration":[]}"#,
                "duplicate.product_list",
                "Duplicate list: productConfiguration".to_owned(),
            ),
        ] {
            all(
                step_problem,
                &[&of(value)],
                &format!("error.command.add_remove.{code}"),
                &message,
            );
        }
    }
    for entry in ["null", "5", r#""""#, r#"" ""#, "[]"] {
        all(
            step_problem,
            &[&format!(r#"[{{"add":{{"product":["x",{entry}]}}}}]"#)],
            "error.group.invalid_list",
            "Invalid entry in list: product",
        );
    }
}

#[test]
fn roles_have_the_codes_of_lists() {
    for (value, code) in [
        ("{}", "error.command.add_remove.missing_list"),
        (r#""all""#, "error.command.add_remove.list"),
        (r#"{"group":[]}"#, "error.command.add_remove.key.unknown"),
        (
            r#"{"admin":[],"admin":[]}"#,
            "error.command.add_remove.duplicate.group_list",
        ),
        (
            r#"{"productAdmin":[],"productAdmin":[]}"#,
            "error.command.add_remove.duplicate.productadmin_list",
        ),
        (
            r#"{"productAdmin":["P"," p"]}"#,
            "error.command.add_remove.duplicate.productadmin_list",
        ),
        (r#"{"admin":[null]}"#, "error.group.invalid_list"),
    ] {
        assert_eq!(
            step_problem(&format!(r#"[{{"addRoles":{value}}}]"#)).1,
            code,
            "{value}"
        );
        assert_eq!(
            step_problem(&format!(r#"[{{"removeRoles":{value}}}]"#)).1,
            code,
            "{value}"
        );
    }
}

#[test]
fn lists_of_a_group_have_their_own_codes() {
    for (value, code, message) in [
        (
            "{}",
            "error.usergroup.command.missing.arguments",
            "No users or product profiles given",
        ),
        (
            "5",
            "error.command.add_remove.list",
            "Object or \"all\" expected for step: add",
        ),
        (
            r#"{"group":[]}"#,
            "error.command.add_remove.key.unknown",
            "Unknown key in add: group",
        ),
        (
            r#"{"users":"x"}"#,
            "error.command.add_remove.list_not_array",
            "Array expected for: users",
        ),
        (
            r#"{"user":[],"users":[]}"#,
            "error.command.add_remove.duplicate.user_list",
            "Duplicate entry: users",
        ),
        (
            r#"{"product":[],"productConfiguration":[]}"#,
            "error.command.add_remove.duplicate.product_list",
            "Duplicate list: productConfiguration",
        ),
        (
            r#"{"user":["a@b.example"," A@B.example"]}"#,
            "error.command.add_remove.duplicate.user_list",
            "Duplicate entry: A@B.example",
        ),
        (
            r#"{"user":[null]}"#,
            "error.usergroup.user_list.invalid",
            "Invalid entry in list: user",
        ),
        (
            r#"{"users":[" "]}"#,
            "error.usergroup.user_list.invalid",
            "Invalid entry in list: user",
        ),
        (
            r#"{"user":["plain"]}"#,
            "error.user.user_list.invalid",
            "Invalid user in list: plain",
        ),
        (
            r#"{"user":["a\u0001@b.c"]}"#,
            "error.user.user_list.invalid",
            "Invalid user in list: a\u{1}@b.c",
        ),
        (
            r#"{"product":[5]}"#,
            "error.group.invalid_list",
            "Invalid entry in list: product",
        ),
    ] {
        all(
            group_step_problem,
            &[&format!(r#"[{{"add":{value}}}]"#)],
            code,
            message,
        );
    }
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
