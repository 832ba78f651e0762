//! The form of steps: what is refused with which code, and what is read from what passes.

use expect_test::expect;

use crate::support::{all, check, group_step_problem, step_problem};

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
