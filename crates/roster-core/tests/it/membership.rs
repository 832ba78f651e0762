//! `add`, `remove`, roles, `removeFromOrg` and the legacy steps (umapi.md 5.6–5.9).

use roster_core::value::IdentityType;
use roster_testkit::sample::{ACME, TRUSTEE};

use crate::support::{Scene, create, group, user};

fn ada(steps: &str) -> String {
    user("ada@example.com", steps)
}

fn scene() -> Scene {
    Scene::with(&create("ada@example.com"))
}

fn groups(scene: &Scene) -> Vec<String> {
    scene.groups(scene.federated("ada@example.com").id)
}

/// R148, R149.
#[test]
fn every_assignable_group_can_be_joined_under_any_spelling() {
    let mut scene = scene();
    let names = r#"{"add":{"group":[" design TEAM ","photo suite PRO","_Support_Admin","_deployment_admin","_admin_DESIGN team","_admin_Photo Suite Pro","_product_admin_video","_developer_Video Extra"]}}"#;
    assert_eq!(scene.act(&ada(names)), "0 done");
    assert_eq!(
        groups(&scene),
        [
            "Design Team",
            "Photo Suite Pro",
            "_support_admin",
            "_deployment_admin",
            "_admin_Design Team",
            "_admin_Photo Suite Pro",
            "_product_admin_Video",
            "_developer_Video Extra"
        ]
    );
}

/// R150.
#[test]
fn some_admin_groups_are_out_of_reach() {
    for name in ["_org_admin", "_compartment_admin", "_compartment_viewer"] {
        for step in ["add", "remove"] {
            let said = scene().act(&ada(&format!(r#"{{"{step}":{{"group":["{name}"]}}}}"#)));
            assert_eq!(
                said,
                format!("0.0 error.group.invalid_name: Group {name} cannot be used")
            );
        }
    }
}

/// R151.
#[test]
fn an_unknown_name_spoils_its_step_and_each_is_named() {
    let mut scene = scene();
    let said = scene.act(&ada(
        r#"{"add":{"group":["Design Team","Nope","_org_admin","_developer_Design Team","Sales"]}}"#,
    ));
    assert_eq!(
        said,
        "0.0 error.group.not_found: Group Nope was not found\n0.0 error.group.not_found: Group _developer_Design Team was not found"
    );
    assert!(groups(&scene).is_empty());
}

#[test]
fn each_list_names_its_own_kind_of_group() {
    let mut scene = scene();
    assert_eq!(
        scene.act(&ada(
            r#"{"add":{"productConfiguration":["Video Extra"],"usergroup":["Design Team"]}}"#
        )),
        "0 done"
    );
    assert_eq!(groups(&scene), ["Video Extra", "Design Team"]);
    assert!(
        scene
            .act(&ada(r#"{"add":{"productConfiguration":["Design Team"]}}"#))
            .contains("error.group.not_found")
    );
    assert!(
        scene
            .act(&ada(r#"{"add":{"usergroup":["Video Extra"]}}"#))
            .contains("error.group.not_found")
    );
}

/// R152, R153.
#[test]
fn adding_a_member_and_removing_a_stranger_succeed() {
    let mut scene = scene();
    for _ in 0..2 {
        assert_eq!(
            scene.act(&ada(r#"{"add":{"group":["Design Team","design team"]}}"#)),
            "0 done"
        );
        assert_eq!(groups(&scene), ["Design Team"]);
    }
    assert_eq!(
        scene.act(&ada(
            r#"{"add":{"group":[]}},{"remove":{"group":["Video Extra"]}},{"remove":{"group":[]}}"#
        )),
        "0 done"
    );
    assert_eq!(groups(&scene), ["Design Team"]);
}

/// R154, R155, R156, R157.
#[test]
fn the_form_of_lists_is_checked_before_anything_runs() {
    let eleven = [r#""Design Team""#; 11].join(",");
    for (step, code) in [
        (
            r#"{"add":{}}"#.to_owned(),
            "error.command.add_remove.missing_list",
        ),
        (
            r#"{"add":{"groups":["Design Team"]}}"#.to_owned(),
            "error.command.add_remove.key.unknown",
        ),
        (
            r#"{"add":{"group":"Design Team"}}"#.to_owned(),
            "error.command.add_remove.list_not_array",
        ),
        (r#"{"add":5}"#.to_owned(), "error.command.add_remove.list"),
        (
            format!(r#"{{"add":{{"group":[{eleven}]}}}}"#),
            "error.command.add_remove.list_too_long",
        ),
        (
            r#"{"add":{"group":[null]}}"#.to_owned(),
            "error.group.invalid_list",
        ),
        (
            r#"{"add":{"group":["  "]}}"#.to_owned(),
            "error.group.invalid_list",
        ),
        (
            r#"{"add":{"group":[],"group":[]}}"#.to_owned(),
            "error.command.add_remove.duplicate.group_list",
        ),
        (
            r#"{"add":{"product":[],"productConfiguration":[]}}"#.to_owned(),
            "error.command.add_remove.duplicate.product_list",
        ),
    ] {
        let mut scene = scene();
        let said = scene.act(&ada(&format!(r#"{{"add":{{"group":["Video Extra"]}}}},{step}"#)));
        assert_eq!(said, format!("0.1 {code}"), "{step}");
        assert!(groups(&scene).is_empty(), "nothing of the command has run");
    }
}

/// R158.
#[test]
fn the_old_key_works_and_warns_also_when_the_step_fails() {
    let warning = "0.0 'product' command is deprecated. Please use productConfiguration.";
    let mut scene = scene();
    assert_eq!(
        scene.act(&ada(r#"{"add":{"product":["Video Extra"]}}"#)),
        format!("{warning}\n0 done")
    );
    let said = scene.act(&ada(
        r#"{"add":{"product":["Nope"]}},{"add":{"product":["Video Extra"]}}"#,
    ));
    assert_eq!(
        said,
        format!("{warning}\n0.0 error.group.not_found: Group Nope was not found"),
        "the step behind it does not warn"
    );
}

/// R159.
#[test]
fn remove_all_leaves_what_no_step_may_touch() {
    let mut scene = Scene::new();
    let root = scene.federated("root@example.com").id;
    assert_eq!(
        scene.act(&user(
            "root@example.com",
            r#"{"add":{"group":["Design Team","Video Extra","_support_admin"]}}"#
        )),
        "0 done"
    );
    let shared = group("Sales", r#"{"add":{"user":["root@example.com"]}}"#);
    assert_eq!(scene.act_as(TRUSTEE, &shared), "0 done");
    assert_eq!(
        scene.groups(root),
        [
            "_org_admin",
            "Design Team",
            "Video Extra",
            "_support_admin",
            "Sales"
        ]
    );
    assert_eq!(
        scene.act(&user("root@example.com", r#"{"remove":"all"}"#)),
        "0 done"
    );
    assert_eq!(scene.groups(root), ["_org_admin", "Sales"]);
    assert!(scene.is_member(ACME, root));
}

#[test]
fn add_all_joins_own_user_groups_and_profiles_and_no_admin_group() {
    let mut scene = scene();
    assert_eq!(scene.act(&ada(r#"{"add":"all"}"#)), "0 done");
    assert_eq!(
        groups(&scene),
        [
            "Photo Suite Standard",
            "Photo Suite Pro",
            "Video Default",
            "Video Extra",
            "Design Team",
            "R&D / EU @home"
        ]
    );
}

/// R163.
#[test]
fn role_steps_act_on_the_admin_groups_they_stand_for() {
    let mut scene = scene();
    let roles = r#"{"addRoles":{"admin":["support","Design Team"],"productAdmin":["Video"]}}"#;
    assert_eq!(
        scene.act(&ada(roles)),
        "0.0 'addRoles' command is deprecated. Please use group.\n0 done"
    );
    assert_eq!(
        groups(&scene),
        ["_support_admin", "_admin_Design Team", "_product_admin_Video"]
    );
    let remove = r#"{"removeRoles":{"admin":["support"]}}"#;
    assert_eq!(
        scene.act(&ada(remove)),
        "0.0 'removeRoles' command is deprecated. Please use group.\n0 done"
    );
    assert_eq!(groups(&scene), ["_admin_Design Team", "_product_admin_Video"]);
    assert!(
        scene
            .act(&ada(r#"{"addRoles":{"admin":["org"]}}"#))
            .contains("error.group.invalid_name")
    );
    assert!(
        scene
            .act(&ada(r#"{"addRoles":{"productAdmin":["Nope"]}}"#))
            .contains("error.user.productadmin.group.not_found: Product Nope was not found")
    );
}

/// R164.
#[test]
fn a_shared_group_is_read_only() {
    let mut scene = scene();
    assert_eq!(
        scene.act(&ada(r#"{"add":{"group":["sales"]}}"#)),
        "0.0 error.usergroup.readonly.add_user_not_allowed: User cannot be added to group as owned by another org and readonly: Sales"
    );
    assert_eq!(
        scene.act(&ada(r#"{"remove":{"group":["Sales"]}}"#)),
        "0.0 error.usergroup.readonly.remove_user_not_allowed: User cannot be removed from group as owned by another org and readonly: Sales"
    );
}

#[test]
fn who_joins_a_shared_group_appears_where_it_is_shared() {
    let mut scene = Scene::new();
    let root = scene.federated("root@example.com").id;
    let outsider = user(
        "kofi@x.example",
        r#"{"addAdobeID":{"email":"kofi@x.example"}},{"add":{"group":["Sales"]}}"#,
    );
    assert_eq!(scene.act_as(TRUSTEE, &outsider), "0 done");
    let kofi = scene.account("kofi@x.example", IdentityType::AdobeId).unwrap().id;
    assert!(
        scene.is_member(ACME, kofi),
        "a member of a group is in the Users list"
    );
    assert_eq!(scene.groups(kofi), ["Sales"]);
    assert_eq!(
        scene.act(&user("kofi@x.example", r#"{"removeFromOrg":{}}"#)),
        "0 done"
    );
    assert!(
        !scene.is_member(ACME, kofi) && scene.is_member(TRUSTEE, kofi),
        "it ended in this organization's view"
    );
    assert_eq!(
        scene.act_as(TRUSTEE, &user("kofi@x.example", r#"{"removeFromOrg":{}}"#)),
        "0 done"
    );
    assert!(scene.is_member(ACME, root));
}

/// R165.
#[test]
fn leaving_the_organization_ends_everything_in_it_and_keeps_the_account() {
    for value in [
        "{}",
        r#"{"deleteAccount":false}"#,
        r#"{"removedDomain":"example.com"}"#,
    ] {
        let mut scene = scene();
        let before = scene.federated("ada@example.com").clone();
        assert_eq!(
            scene.act(&ada(
                r#"{"add":{"group":["Design Team","Video Extra","_support_admin"]}}"#
            )),
            "0 done"
        );
        assert_eq!(
            scene.act(&ada(&format!(r#"{{"removeFromOrg":{value}}}"#))),
            "0 done"
        );
        assert!(!scene.is_member(ACME, before.id) && groups(&scene).is_empty());
        assert_eq!(scene.federated("ada@example.com"), &before);
    }
}

/// R166, R167.
#[test]
fn only_the_owner_destroys_an_account_and_then_everywhere() {
    let mut scene = scene();
    let id = scene.federated("ada@example.com").id;
    assert_eq!(
        scene.act_as(TRUSTEE, &ada(r#"{"add":{"group":["Sales"]}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.act_as(TRUSTEE, &ada(r#"{"removeFromOrg":{"deleteAccount":true}}"#)),
        "0 done"
    );
    assert!(
        scene.is_member(ACME, id) && !scene.is_member(TRUSTEE, id),
        "a trustee only removes"
    );
    assert_eq!(
        scene.act_as(TRUSTEE, &ada(r#"{"add":{"group":["Sales"]}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.act(&ada(r#"{"removeFromOrg":{"deleteAccount":true}}"#)),
        "0 done"
    );
    assert!(!scene.world.accounts.contains_key(&id));
    assert!(
        scene
            .world
            .members
            .keys()
            .chain(&[])
            .all(|(_, account)| *account != id)
    );
    assert!(scene.world.joined.keys().all(|(_, account)| *account != id));
    let adobe = r#"{"addAdobeID":{"email":"a@x.example"}},{"removeFromOrg":{"deleteAccount":true}}"#;
    assert_eq!(scene.act(&user("a@x.example", adobe)), "0 done");
    let kept = scene.account("a@x.example", IdentityType::AdobeId).unwrap().id;
    assert!(!scene.is_member(ACME, kept));
}

/// R168, R169.
#[test]
fn removing_nobody_succeeds_and_the_step_comes_last() {
    let mut scene = scene();
    assert_eq!(
        scene.act(&user("nobody@example.com", r#"{"removeFromOrg":{}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.act(&ada(r#"{"removeFromOrg":{}},{"add":{"group":[]}}"#)),
        "0.0 error.command.removefromorg.not_last"
    );
    assert_eq!(
        scene.act(&ada(r#"{"removeFromOrg":{"deleteAccount":"x"}}"#)),
        "0.0 error.command.boolean_expected"
    );
    assert_eq!(
        scene.act(&ada(r#"{"removeFromOrg":{"why":"x"}}"#)),
        "0.0 error.command.object_not_empty"
    );
    assert!(scene.is_member(ACME, scene.federated("ada@example.com").id));
}

/// R170.
#[test]
fn one_command_creates_adds_and_removes() {
    let mut scene = Scene::new();
    let steps = r#"{"createFederatedID":{"email":"ada@example.com","country":"DE"}},{"add":{"group":["Video Extra"]}},{"removeFromOrg":{"deleteAccount":true}}"#;
    assert_eq!(scene.act(&ada(steps)), "0 done");
    assert!(
        scene
            .account("ada@example.com", IdentityType::Federated)
            .is_none()
    );
}

#[test]
fn remove_from_domain_is_strict_where_the_other_removal_is_lenient() {
    let mut scene = scene();
    assert!(
        scene
            .act(&user("no@example.com", r#"{"removeFromDomain":{}}"#))
            .contains("error.user.nonexistent")
    );
    assert!(
        scene
            .act(&ada(r#"{"removeFromDomain":{"domain":"enterprise.example"}}"#))
            .contains("error.update.domain.mismatch")
    );
    assert_eq!(scene.act_as(TRUSTEE, &ada(r#"{"add":{"group":[]}}"#)), "0 done");
    assert!(
        scene
            .act_as(TRUSTEE, &ada(r#"{"removeFromDomain":{}}"#))
            .contains("error.domain.trust.nonexistent")
    );
    let adobe = r#"{"addAdobeID":{"email":"a@x.example"}},{"removeFromDomain":{}}"#;
    assert!(
        scene
            .act(&user("a@x.example", adobe))
            .contains("0.1 error.user.type_must_not_be_adobeid")
    );
    assert_eq!(
        scene.act(&ada(r#"{"removeFromDomain":{"removedDomain":"EXAMPLE.net"}}"#)),
        "0 done"
    );
    assert!(
        scene
            .account("ada@example.com", IdentityType::Federated)
            .is_none()
    );
}

#[test]
fn a_password_reset_is_for_enterprise_ids() {
    let mut scene = scene();
    assert!(
        scene
            .act(&ada(r#"{"resetPassword":{}}"#))
            .contains("error.resetpw.user_must_be_enterprise_type")
    );
    let eve = r#"{"createEnterpriseID":{"email":"eve@enterprise.example"}},{"resetPassword":{}}"#;
    assert_eq!(scene.act(&user("eve@enterprise.example", eve)), "0 done");
    assert_eq!(
        scene.act(&ada(r#"{"resetPassword":{"now":true}}"#)),
        "0.0 error.command.object_not_empty"
    );
}

/// R82, R88, R89, R90.
#[test]
fn a_failing_step_stops_its_command_only() {
    let mut scene = Scene::new();
    let batch = r#"[
        {"user":"ada@example.com","do":[{"createFederatedID":{"email":"ada@example.com","country":"DE"}}]},
        {"user":"ada@example.com","do":[{"add":{"group":["Design Team"]}},{"add":{"group":["Nope"]}},{"add":{"group":["Video Extra"]}}]},
        {"user":"ada@example.com","do":[]},
        {"user":"ada@example.com","do":[{"add":{"group":["Photo Suite Pro"]}}]}]"#;
    assert_eq!(
        scene.act(batch),
        "0 done\n1.1 error.group.not_found: Group Nope was not found\n2 done\n3 done"
    );
    assert_eq!(groups(&scene), ["Design Team", "Photo Suite Pro"]);
}
