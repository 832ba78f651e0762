//! User-group commands (umapi.md 6) and test mode (7).

use roster_core::value::{IdentityType, Key, OrgNo};
use roster_testkit::sample::{ACME, DESIGN, TRUSTEE};

use crate::support::{Scene, create, group, user};

fn named(scene: &Scene, org: OrgNo, name: &str) -> Option<(String, Option<String>)> {
    let found = scene
        .world
        .groups
        .values()
        .find(|g| g.org == org && g.kind.has_own_name() && g.key() == Key::new(name));
    found.map(|group| (group.name.clone(), group.description.clone()))
}

fn refused(batch: &str, expected: &str) {
    let mut scene = Scene::with(&create("ada@example.com"));
    let before = scene.world.clone();
    let said = scene.act(batch);
    assert!(said.starts_with(&format!("0.0 {expected}")), "{batch}\n{said}");
    assert_eq!(scene.world, before);
}

/// R171.
#[test]
fn the_root_is_the_name_of_a_new_group() {
    let scene = Scene::with(&group(
        " Fresh / new ",
        r#"{"createUserGroup":{"name":"Other","description":"d"}}"#,
    ));
    assert_eq!(
        named(&scene, ACME, "fresh / NEW"),
        Some(("Fresh / new".to_owned(), Some("d".to_owned())))
    );
    assert_eq!(named(&scene, ACME, "Other"), None);
}

/// R172.
#[test]
fn a_taken_name_follows_the_option() {
    let with = |option: &str| {
        group(
            "DESIGN team",
            &format!(r#"{{"createUserGroup":{{"description":"d"{option}}}}}"#),
        )
    };
    refused(
        &with(""),
        "error.usergroup.already_exists: UserGroup already exists: DESIGN team",
    );
    refused(
        &with(r#","option":"errorIfAlreadyExists""#),
        "error.usergroup.already_exists",
    );
    let mut scene = Scene::new();
    assert_eq!(scene.act(&with(r#","option":"ignoreIfAlreadyExists""#)), "0 done");
    assert_eq!(
        named(&scene, ACME, "Design Team"),
        Some(("Design Team".to_owned(), None))
    );
    assert_eq!(scene.act(&with(r#","option":"updateIfAlreadyExists""#)), "0 done");
    assert_eq!(
        named(&scene, ACME, "Design Team"),
        Some(("Design Team".to_owned(), Some("d".to_owned())))
    );
}

/// R173, R174.
#[test]
fn some_names_no_group_may_have() {
    let step = r#"{"createUserGroup":{"option":"ignoreIfAlreadyExists"}}"#;
    for name in ["_mine", "_admin_Design Team", &"x".repeat(256)] {
        refused(&group(name, step), "error.group.invalid_name");
    }
    Scene::with(&group(&"ж".repeat(255), step));
    for option in [
        "",
        r#""option":"ignoreIfAlreadyExists""#,
        r#""option":"updateIfAlreadyExists""#,
    ] {
        refused(
            &group("video extra", &format!(r#"{{"createUserGroup":{{{option}}}}}"#)),
            "error.usergroup.already_exists",
        );
    }
}

/// R175, R176.
#[test]
fn a_rename_is_seen_by_the_steps_behind_it() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(
        scene.act(&group("Design Team", r#"{"updateUserGroup":{}}"#)),
        "0 done"
    );
    let steps =
        r#"{"updateUserGroup":{"name":"Drawing","description":"d"}},{"add":{"user":["ada@example.com"]}}"#;
    assert_eq!(scene.act(&group("Design Team", steps)), "0 done");
    assert_eq!(scene.groups(scene.federated("ada@example.com").id), ["Drawing"]);
    assert_eq!(
        scene.act(&group("Drawing", r#"{"updateUserGroup":{"name":"DRAWING"}}"#)),
        "0 done",
        "only letter case"
    );
    assert_eq!(
        named(&scene, ACME, "drawing"),
        Some(("DRAWING".to_owned(), Some("d".to_owned())))
    );
    assert_eq!(
        scene.act(&group(
            "Drawing",
            r#"{"updateUserGroup":{"name":"","description":""}}"#
        )),
        "0 done"
    );
    assert_eq!(named(&scene, ACME, "drawing"), Some(("DRAWING".to_owned(), None)));
    refused(
        &group("Design Team", r#"{"updateUserGroup":{"name":"Video Extra"}}"#),
        "error.usergroup.already_exists",
    );
    refused(
        &group("Design Team", r#"{"updateUserGroup":{"name":"_x"}}"#),
        "error.group.invalid_name",
    );
}

/// R177.
#[test]
fn a_rename_takes_the_admin_group_along() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(
        scene.act(&user(
            "ada@example.com",
            r#"{"add":{"group":["_admin_Design Team"]}}"#
        )),
        "0 done"
    );
    assert_eq!(
        scene.act(&group("Design Team", r#"{"updateUserGroup":{"name":"Drawing"}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.groups(scene.federated("ada@example.com").id),
        ["_admin_Drawing"]
    );
    assert_eq!(
        scene.act(&user(
            "ada@example.com",
            r#"{"remove":{"group":["_admin_drawing"]}}"#
        )),
        "0 done"
    );
    assert!(scene.groups(scene.federated("ada@example.com").id).is_empty());
}

/// R178.
#[test]
fn deleting_ends_the_command_without_error() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(
        scene.act(&user(
            "ada@example.com",
            r#"{"add":{"group":["Design Team","_admin_Design Team"]}}"#
        )),
        "0 done"
    );
    let steps =
        r#"{"deleteUserGroup":{}},{"add":{"user":["ada@example.com"]}},{"updateUserGroup":{"name":"x"}}"#;
    assert_eq!(scene.act(&group("Design Team", steps)), "0 done");
    assert!(!scene.world.groups.contains_key(&DESIGN));
    assert!(scene.groups(scene.federated("ada@example.com").id).is_empty());
    let names: Vec<String> = (0..10).map(|n| format!("Group {n}")).collect();
    let all = |step: &str| {
        let commands: Vec<String> = names
            .iter()
            .map(|n| format!(r#"{{"usergroup":"{n}","do":[{{"{step}":{{}}}}]}}"#))
            .collect();
        format!("[{}]", commands.join(","))
    };
    let done = (0..10)
        .map(|n| format!("{n} done"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(scene.act(&all("createUserGroup")), done);
    assert_eq!(scene.act(&all("deleteUserGroup")), done);
    assert_eq!(named(&scene, ACME, "Group 7"), None);
}

/// R179.
#[test]
fn a_group_command_needs_a_user_group() {
    for name in ["Nope", "Video Extra", "_admin_Nope", "_developer_Design Team"] {
        refused(
            &group(name, r#"{"add":{"user":["ada@example.com"]}}"#),
            "error.usergroup.not_found: UserGroup not found",
        );
    }
    refused(
        &group("_org_admin", r#"{"add":{"user":["ada@example.com"]}}"#),
        "error.group.invalid_name",
    );
    refused(
        &group("_support_admin", r#"{"deleteUserGroup":{}}"#),
        "error.usergroup.not_found",
    );
    refused(
        &group(
            "_support_admin",
            r#"{"add":{"productConfiguration":["Video Extra"]}}"#,
        ),
        "error.usergroup.not_found",
    );
}

/// R180, R181.
#[test]
fn people_and_profiles_come_and_go_in_one_step() {
    let mut scene = Scene::with(&create("ada@example.com"));
    let both = r#"{"add":{"user":["ADA@example.com"],"productConfiguration":["video extra","Video Extra"]}}"#;
    assert_eq!(scene.act(&group("Design Team", both)), "0 done");
    assert_eq!(
        scene.groups(scene.federated("ada@example.com").id),
        ["Design Team"]
    );
    assert_eq!(scene.world.links.len(), 1);
    let old = r#"{"remove":{"users":["ada@example.com"],"product":["Video Extra"]}}"#;
    let said = scene.act(&group("Design Team", old));
    assert!(
        said.contains("'users' command is deprecated. Please use user."),
        "{said}"
    );
    assert!(said.ends_with("0 done"), "{said}");
    assert!(scene.world.links.is_empty());
    for empty in [
        r#"{"user":[]}"#,
        r#"{"productConfiguration":[]}"#,
        r#"{"user":[],"productConfiguration":[]}"#,
    ] {
        assert_eq!(
            scene.act(&group(
                "Design Team",
                &format!(r#"{{"add":{empty}}},{{"remove":{empty}}}"#)
            )),
            "0 done"
        );
    }
    refused(
        &group("Design Team", r#"{"add":{}}"#),
        "error.usergroup.command.missing.arguments",
    );
}

#[test]
fn all_means_every_profile_and_no_person() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(
        scene.act(&group(
            "Design Team",
            r#"{"add":{"user":["ada@example.com"]}},{"add":"all"}"#
        )),
        "0 done"
    );
    assert_eq!(scene.world.links.len(), 4);
    assert_eq!(scene.act(&group("Design Team", r#"{"remove":"all"}"#)), "0 done");
    assert!(scene.world.links.is_empty());
    assert_eq!(
        scene.groups(scene.federated("ada@example.com").id),
        ["Design Team"]
    );
}

/// R182, R183.
#[test]
fn unknown_people_spoil_the_step() {
    refused(
        &group(
            "Design Team",
            r#"{"add":{"user":["ada@example.com","ADA@example.com"]}}"#,
        ),
        "error.command.add_remove.duplicate.user_list",
    );
    refused(
        &group(
            "Design Team",
            r#"{"add":{"user":["x@example.com","y@example.com"]}}"#,
        ),
        "error.user.not_found: No valid users were found in the request",
    );
    refused(
        &group(
            "Design Team",
            r#"{"add":{"user":["ada@example.com","x@example.com"],"productConfiguration":["Video Extra"]}}"#,
        ),
        "error.user.nonexistent: User Id does not exist: x@example.com",
    );
    refused(
        &group(
            "Design Team",
            r#"{"add":{"user":["ada@example.com"],"productConfiguration":["Nope"]}}"#,
        ),
        "error.group.not_found",
    );
    refused(
        &group("Design Team", r#"{"add":{"user":["plain"]}}"#),
        "error.user.user_list.invalid",
    );
    refused(
        &group("Design Team", r#"{"add":{"user":[null]}}"#),
        "error.usergroup.user_list.invalid",
    );
}

/// R184.
#[test]
fn a_group_that_is_too_large_is_not_linked() {
    let mut scene = Scene::with(&create("ada@example.com"));
    scene.rules.max_linked_members = 0;
    let link = group(
        "Design Team",
        r#"{"add":{"productConfiguration":["Video Extra"]}}"#,
    );
    assert_eq!(scene.act(&link), "0 done", "an empty one is not too large");
    assert_eq!(
        scene.act(&group("Design Team", r#"{"add":{"user":["ada@example.com"]}}"#)),
        "0 done"
    );
    let said = scene.act(&group(
        "Design Team",
        r#"{"add":{"productConfiguration":["Photo Suite Pro"]}}"#,
    ));
    assert_eq!(
        said,
        "0.0 error.usergroup.exceeds_maximum_member_count: UserGroup exceeds the maximum member count: Design Team"
    );
}

/// R185.
#[test]
fn a_shared_group_can_be_linked_and_nothing_else() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(scene.act(&group("Sales", r#"{"add":{"productConfiguration":["Video Extra"]}},{"remove":{"productConfiguration":["Video Extra"]}},{"updateUserGroup":{}}"#)), "0 done");
    for (step, said) in [
        (
            r#"{"updateUserGroup":{"name":"x"}}"#,
            "error.usergroup.readonly.update_not_allowed: Usergroup is owned by another org and readonly: Sales",
        ),
        (
            r#"{"add":{"user":["ada@example.com"]}}"#,
            "error.usergroup.readonly.add_user_not_allowed: User cannot be added to group as owned by another org and readonly: Sales",
        ),
        (
            r#"{"remove":{"user":["ada@example.com"]}}"#,
            "error.usergroup.readonly.remove_user_not_allowed: User cannot be removed from group as owned by another org and readonly: Sales",
        ),
        (
            r#"{"deleteUserGroup":{}}"#,
            "error.usergroup.readonly.remove_not_allowed: User group owned by another organization. Remove not allowed: Sales",
        ),
    ] {
        refused(&group("sales", step), said);
    }
}

#[test]
fn the_owner_renames_and_deletes_a_shared_group_everywhere() {
    let mut scene = Scene::new();
    let taken = scene.act_as(
        TRUSTEE,
        &group("Sales", r#"{"updateUserGroup":{"name":"Design Team"}}"#),
    );
    assert_eq!(
        taken,
        "0.0 error.usergroup.already_exists: UserGroup already exists: Design Team"
    );
    assert_eq!(
        scene.act_as(
            TRUSTEE,
            &group("Sales", r#"{"updateUserGroup":{"name":"Selling"}}"#)
        ),
        "0 done"
    );
    assert!(named(&scene, ACME, "Selling").is_some() && named(&scene, ACME, "Sales").is_none());
    assert_eq!(
        scene.act_as(TRUSTEE, &group("Selling", r#"{"deleteUserGroup":{}}"#)),
        "0 done"
    );
    assert!(named(&scene, ACME, "Selling").is_none());
}

/// R186.
#[test]
fn roles_are_granted_through_their_groups() {
    let mut scene = Scene::with(&create("ada@example.com"));
    for name in [
        "_admin_Design Team",
        "_developer_Video Extra",
        "_product_admin_Video",
        "_support_admin",
    ] {
        assert_eq!(
            scene.act(&group(name, r#"{"add":{"user":["ada@example.com"]}}"#)),
            "0 done"
        );
    }
    let ada = scene.federated("ada@example.com").id;
    assert_eq!(
        scene.groups(ada),
        [
            "_admin_Design Team",
            "_developer_Video Extra",
            "_product_admin_Video",
            "_support_admin"
        ]
    );
    assert_eq!(
        scene.act(&group(
            "_support_admin",
            r#"{"remove":{"user":["ada@example.com"]}}"#
        )),
        "0 done"
    );
    assert_eq!(scene.groups(ada).len(), 3);
}

/// R187, R188.
#[test]
fn a_rehearsal_changes_nothing_and_forgives_missing_people() {
    let mut scene = Scene::new();
    let before = scene.world.clone();
    let steps = r#"{"createFederatedID":{"email":"new@example.com","country":"DE"}},{"add":{"group":["Design Team"]}}"#;
    assert_eq!(scene.rehearse(&user("new@example.com", steps)), "0 done");
    for step in [
        r#"{"add":{"group":["Design Team"]}}"#,
        r#"{"update":{"lastname":"x"}}"#,
        r#"{"remove":{"group":["Design Team"]}}"#,
        r#"{"removeFromOrg":{}}"#,
    ] {
        assert_eq!(
            scene.rehearse(&user("missing@example.com", step)),
            "0 done",
            "{step}"
        );
    }
    assert_eq!(
        scene.rehearse(&group(
            "Design Team",
            r#"{"add":{"user":["missing@example.com"]}}"#
        )),
        "0 done"
    );
    assert_eq!(scene.world, before);
}

/// R189.
#[test]
fn a_rehearsal_reports_what_does_not_depend_on_people() {
    let mut scene = Scene::new();
    let enterprise = r#"{"createEnterpriseID":{"email":"a@example.com"}}"#;
    let unclaimed = r#"{"createFederatedID":{"email":"a@unclaimed.example","country":"DE"}}"#;
    for (batch, code) in [
        (
            user("missing@example.com", r#"{"add":{"group":["Nope"]}}"#),
            "error.group.not_found",
        ),
        (
            user(
                "a@example.com",
                r#"{"createFederatedID":{"email":"a@example.com","country":"DE","option":"x"}}"#,
            ),
            "error.option.illegal",
        ),
        (user("a@example.com", enterprise), "error.user.type_mismatch"),
        (
            user("a@unclaimed.example", unclaimed),
            "error.domain.trust.nonexistent",
        ),
        (
            user("missing@example.com", r#"{"update":{"email":"bad"}}"#),
            "error.user.email.invalid",
        ),
    ] {
        assert!(scene.rehearse(&batch).contains(code), "{batch}");
    }
}

/// R190, R191.
#[test]
fn a_rehearsal_sees_earlier_groups_but_not_earlier_people() {
    let mut scene = Scene::new();
    let twice = r#"[
        {"user":"new@example.com","do":[{"createFederatedID":{"email":"new@example.com","country":"DE"}}]},
        {"user":"new@example.com","do":[{"createFederatedID":{"email":"new@example.com","country":"DE"}}]}]"#;
    assert_eq!(scene.rehearse(twice), "0 done\n1 done");
    assert_eq!(scene.act(twice).lines().count(), 2);
    assert!(
        scene
            .account("new@example.com", IdentityType::Federated)
            .is_some()
    );
    let group_first = r#"[
        {"usergroup":"Fresh","do":[{"createUserGroup":{}}]},
        {"user":"new@example.com","do":[{"add":{"group":["fresh"]}}]},
        {"usergroup":"Fresh","do":[{"updateUserGroup":{"name":"Fresher"}}]},
        {"usergroup":"Fresher","do":[{"deleteUserGroup":{}}]},
        {"user":"new@example.com","do":[{"add":{"group":["Fresher"]}}]}]"#;
    assert_eq!(
        scene.rehearse(group_first),
        "0 done\n1 done\n2 done\n3 done\n4.0 error.group.not_found: Group Fresher was not found"
    );
    assert_eq!(named(&scene, ACME, "Fresh"), None);
}
