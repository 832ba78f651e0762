//! `update` of a person (umapi.md 5.5).

use roster_core::value::IdentityType;
use roster_testkit::sample::TRUSTEE;

use crate::support::{Scene, create, user};

fn update(fields: &str) -> String {
    user("ada@example.com", &format!(r#"{{"update":{{{fields}}}}}"#))
}

fn ada() -> Scene {
    Scene::with(&create("ada@example.com"))
}

fn refused(fields: &str, expected: &str) {
    let mut scene = ada();
    assert_eq!(scene.act(&create("bob@example.com")), "0 done");
    let before = scene.world.clone();
    let said = scene.act(&update(fields));
    assert!(said.starts_with(&format!("0.0 {expected}")), "{fields}\n{said}");
    assert_eq!(scene.world, before, "all keys are checked before one is applied");
}

/// R133, R134.
#[test]
fn only_the_keys_present_change() {
    let mut scene = ada();
    let before = scene.world.clone();
    for nothing in ["", r#""email":"","username":"""#, r#""firstname":null"#] {
        assert_eq!(scene.act(&update(nothing)), "0 done");
        assert_eq!(scene.world, before);
    }
    assert_eq!(scene.act(&update(r#""lastname":"Sousa""#)), "0 done");
    let names = |scene: &Scene| {
        let person = &scene.federated("ada@example.com").person;
        (person.firstname.clone(), person.lastname.clone())
    };
    assert_eq!(names(&scene), (Some("Ada".to_owned()), Some("Sousa".to_owned())));
    assert_eq!(scene.act(&update(r#""firstname":"""#)), "0 done");
    assert_eq!(names(&scene), (None, Some("Sousa".to_owned())));
}

/// R135.
#[test]
fn an_adobe_id_is_its_owners_to_change() {
    let mut scene = Scene::with(&user(
        "ada@example.com",
        r#"{"addAdobeID":{"email":"ada@example.com"}}"#,
    ));
    assert_eq!(
        scene.act(&update(r#""lastname":"X""#)),
        "0.0 error.update.adobeid.no: Update is not allowed for an Adobe ID: ada@example.com"
    );
    assert_eq!(scene.act(&update("")), "0 done");
}

/// R136, R137.
#[test]
fn a_country_may_only_be_repeated() {
    refused(
        r#""country":"FR""#,
        "error.update.country.no_update: Country cannot be updated",
    );
    assert_eq!(ada().act(&update(r#""country":"de""#)), "0 done");
    refused(
        r#""option":"ignoreIfAlreadyExists""#,
        "error.command.update.option.no",
    );
    refused(r#""shoe":"42""#, "error.command.illegal_entry");
    refused(r#""email":5"#, "error.command.string_expected");
}

/// R138, R139.
#[test]
fn a_username_equal_to_the_email_follows_it_and_so_does_the_domain() {
    let mut scene = ada();
    assert_eq!(scene.act(&update(r#""email":"ada.lima@example.net""#)), "0 done");
    let person = scene.federated("ada.lima@example.net").person.clone();
    assert_eq!(
        (person.username.as_str(), person.domain.as_str()),
        ("ada.lima@example.net", "example.net")
    );
}

/// R140.
#[test]
fn a_username_in_the_same_step_stays_as_given() {
    let mut scene = ada();
    assert_eq!(
        scene.act(&update(
            r#""email":"new@example.net","username":"ada@example.com""#
        )),
        "0 done"
    );
    let person = scene.federated("new@example.net").person.clone();
    assert_eq!(
        (person.username.as_str(), person.domain.as_str()),
        ("ada@example.com", "example.com")
    );
}

/// R141.
#[test]
fn letter_case_of_an_email_never_changes() {
    let mut scene = ada();
    assert_eq!(scene.act(&update(r#""email":"ADA@Example.com""#)), "0 done");
    assert_eq!(scene.federated("ada@example.com").person.email, "ada@example.com");
}

/// R142.
#[test]
fn an_email_stays_in_its_directory() {
    refused(
        r#""email":"ada@enterprise.example""#,
        "error.user.change_domain_update.no",
    );
    refused(
        r#""email":"ada@unclaimed.example""#,
        "error.domain.trust.nonexistent: Domain for email is not claimed",
    );
    refused(
        r#""email":"ada@other.example""#,
        "error.user.belongs_to_another_org",
    );
    refused(r#""email":"not an email""#, "error.user.email.invalid");
}

/// R143.
#[test]
fn what_somebody_else_has_is_taken() {
    refused(r#""email":"BOB@example.com""#, "error.user.email.name_in_use");
    refused(r#""username":"bob@example.com""#, "error.user.name_in_use");
    refused(
        r#""lastname":"Never","username":"bob@example.com""#,
        "error.user.name_in_use",
    );
}

/// R144.
#[test]
fn the_username_of_an_enterprise_id_is_its_email() {
    let mut scene = Scene::with(&user(
        "eve@enterprise.example",
        r#"{"createEnterpriseID":{"email":"eve@enterprise.example"}}"#,
    ));
    let named = user("eve@enterprise.example", r#"{"update":{"username":"eve"}}"#);
    assert!(scene.act(&named).starts_with("0.0 error.update.username.no"));
    assert_eq!(
        scene.act(&user(
            "eve@enterprise.example",
            r#"{"update":{"email":"eva@enterprise.example"}}"#
        )),
        "0 done"
    );
    let eva = scene
        .account("eva@enterprise.example", IdentityType::Enterprise)
        .unwrap();
    assert_eq!(eva.person.username, "eva@enterprise.example");
}

/// R145.
#[test]
fn an_email_form_username_stays_in_its_directory() {
    refused(
        r#""username":"ada@enterprise.example""#,
        "error.update.domain.mismatch",
    );
    refused(
        r#""username":"ada@unclaimed.example""#,
        "error.domain.trust.nonexistent",
    );
    let mut scene = ada();
    assert_eq!(scene.act(&update(r#""username":"p0042""#)), "0 done");
    let person = scene.federated("ada@example.com").person.clone();
    assert_eq!(
        (person.username.as_str(), person.domain.as_str()),
        ("p0042", "example.com")
    );
}

/// R146.
#[test]
fn a_trustee_changes_nobody() {
    let mut scene = ada();
    assert_eq!(
        scene.act_as(TRUSTEE, &user("ada@example.com", r#"{"add":{"group":[]}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.act_as(TRUSTEE, &update(r#""lastname":"X""#)),
        "0.0 error.user.not_in_org: User is not in organization: ada@example.com"
    );
    assert_eq!(scene.act_as(TRUSTEE, &update("")), "0 done");
}

/// R147.
#[test]
fn steps_after_a_new_email_mean_the_same_account() {
    let mut scene = ada();
    let id = scene.federated("ada@example.com").id;
    let steps = r#"{"update":{"email":"new@example.com"}},{"add":{"group":["Design Team"]}},{"update":{"firstname":"Grace"}}"#;
    assert_eq!(scene.act(&user("ada@example.com", steps)), "0 done");
    assert_eq!(scene.groups(id), ["Design Team"]);
    assert_eq!(
        scene.federated("new@example.com").person.firstname.as_deref(),
        Some("Grace")
    );
}
