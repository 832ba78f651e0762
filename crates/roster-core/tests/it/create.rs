//! Create steps (umapi.md 5.2–5.4).

use roster_core::value::IdentityType;
use roster_testkit::sample::{ACME, ENTERPRISE, STRANGER, TRUSTEE};

use crate::support::{Scene, create, user};

fn refused(batch: &str, expected: &str) {
    let mut scene = Scene::new();
    let before = scene.world.clone();
    let said = scene.act(batch);
    assert!(said.starts_with(&format!("0.0 {expected}")), "{batch}\n{said}");
    assert_eq!(scene.world, before, "a refused create changes nothing");
}

fn federated(user: &str, fields: &str) -> String {
    format!(r#"[{{"user":"{user}","do":[{{"createFederatedID":{{{fields}}}}}]}}]"#)
}

/// R108, R109.
#[test]
fn an_adobe_id_needs_only_its_email_and_no_claimed_domain() {
    let scene = Scene::with(&user(
        "kofi@unclaimed.example",
        r#"{"addAdobeID":{"email":"kofi@unclaimed.example"}}"#,
    ));
    let account = scene
        .account("kofi@unclaimed.example", IdentityType::AdobeId)
        .unwrap();
    assert!(scene.is_member(ACME, account.id));
    assert!(account.public_id.ends_with("@AdobeID"));
    assert_eq!(
        (account.person.username.as_str(), account.person.domain.as_str()),
        ("kofi@unclaimed.example", "unclaimed.example")
    );
    assert_eq!(account.country.as_str(), "UD");
}

/// R110.
#[test]
fn adobe_and_enterprise_ids_are_called_by_their_email() {
    refused(
        &user("a@example.com", r#"{"addAdobeID":{"email":"b@example.com"}}"#),
        "error.user.must_match_email",
    );
    refused(
        &user(
            "a@enterprise.example",
            r#"{"createEnterpriseID":{"email":"b@enterprise.example"}}"#,
        ),
        "error.user.must_match_email",
    );
    refused(
        &user(
            "plain",
            r#"{"createEnterpriseID":{"email":"b@enterprise.example"}}"#,
        ),
        "error.user.must_match_email",
    );
}

/// R111.
#[test]
fn the_old_name_of_the_enterprise_step_works() {
    let scene = Scene::with(&user(
        "eve@enterprise.example",
        r#"{"addEnterpriseID":{"email":"Eve@enterprise.example","country":"DE"}}"#,
    ));
    let account = scene
        .account("eve@enterprise.example", IdentityType::Enterprise)
        .unwrap();
    assert_eq!(account.directory, ENTERPRISE);
    assert_eq!(
        account.person.email, "Eve@enterprise.example",
        "the case first supplied stays"
    );
    assert_eq!(account.person.username, account.person.email);
}

/// R112.
#[test]
fn federated_usernames_are_an_email_another_email_or_plain_with_a_domain() {
    for (batch, username, domain) in [
        (federated("ada@example.com", r#""email":"ada@example.com","country":"DE""#), "ada@example.com", "example.com"),
        (federated("old@Example.NET", r#""email":"ada@example.com","country":"DE""#), "old@Example.NET", "example.net"),
        (
            r#"[{"user":"p0042","domain":"example.net","do":[{"createFederatedID":{"email":"ada@example.com","country":"DE"}}]}]"#.to_owned(),
            "p0042",
            "example.net",
        ),
    ] {
        let scene = Scene::with(&batch);
        let person = &scene.federated("ada@example.com").person;
        assert_eq!((person.username.as_str(), person.domain.as_str()), (username, domain));
    }
}

/// R113, R117.
#[test]
fn names_may_be_missing_unless_the_setting_wants_them() {
    let batch = federated(
        "ada@example.com",
        r#""email":"ada@example.com","country":"DE","firstname":"","lastname":null,"option":null"#,
    );
    let scene = Scene::with(&batch);
    assert_eq!(scene.federated("ada@example.com").person.firstname, None);
    let mut strict = Scene::new();
    strict.rules.strict_names = true;
    assert_eq!(
        strict.act(&batch),
        "0.0 error.user.firstname_missing: First name is missing"
    );
    let named = federated(
        "ada@example.com",
        r#""email":"ada@example.com","country":"DE","firstname":"Ada""#,
    );
    assert_eq!(
        strict.act(&named),
        "0.0 error.user.lastname_missing: Last name is missing"
    );
    assert_eq!(
        strict.act(&user("a@b.example", r#"{"addAdobeID":{"email":"a@b.example"}}"#)),
        "0 done"
    );
}

/// R114, R115.
#[test]
fn countries_are_of_iso_3166_and_undefined_only_where_nobody_federates() {
    refused(
        &federated("ada@example.com", r#""email":"ada@example.com""#),
        "error.country.invalid",
    );
    refused(
        &federated("ada@example.com", r#""email":"ada@example.com","country":"UD""#),
        "error.country.invalid",
    );
    refused(
        &federated("ada@example.com", r#""email":"ada@example.com","country":"XX""#),
        "error.country.invalid",
    );
    let scene = Scene::with(&federated(
        "ada@example.com",
        r#""email":"ada@example.com","country":"de""#,
    ));
    assert_eq!(scene.federated("ada@example.com").country.as_str(), "DE");
    Scene::with(&user(
        "eve@enterprise.example",
        r#"{"createEnterpriseID":{"email":"eve@enterprise.example","country":"UD"}}"#,
    ));
    let mut denying = Scene::new();
    denying.rules.denied_countries.insert("DE".to_owned());
    assert!(
        denying
            .act(&create("ada@example.com"))
            .starts_with("0.0 error.country.invalid")
    );
}

/// R116.
#[test]
fn emails_are_well_formed_and_at_most_sixty_characters() {
    let long = format!("{}@example.com", "x".repeat(49));
    for email in [long.as_str(), "no-at.example.com", "two@at@example.com"] {
        let batch = format!(
            r#"[{{"user":"plain","domain":"example.com","do":[{{"createFederatedID":{{"email":"{email}","country":"DE"}}}}]}}]"#
        );
        refused(&batch, "error.user.email.invalid");
    }
    let sixty = format!("{}@example.com", "x".repeat(48));
    Scene::with(&create(&sixty));
}

/// R118.
#[test]
fn a_step_goes_with_its_type_of_directory() {
    refused(
        &federated(
            "a@enterprise.example",
            r#""email":"a@enterprise.example","country":"DE""#,
        ),
        "error.user.type_mismatch",
    );
    refused(
        &user(
            "a@example.com",
            r#"{"createEnterpriseID":{"email":"a@example.com"}}"#,
        ),
        "error.user.type_mismatch",
    );
}

/// R119, R120, R121.
#[test]
fn both_domains_are_claimed_by_us_and_in_one_directory() {
    refused(
        &federated(
            "a@unclaimed.example",
            r#""email":"a@unclaimed.example","country":"DE""#,
        ),
        "error.domain.trust.nonexistent: Changes to users are only allowed in claimed domains.",
    );
    refused(
        &federated("a@example.com", r#""email":"a@unclaimed.example","country":"DE""#),
        "error.domain.trust.nonexistent: Domain for email is not claimed",
    );
    refused(
        &federated("a@other.example", r#""email":"a@other.example","country":"DE""#),
        "error.user.belongs_to_another_org",
    );
    refused(
        &federated(
            "a@example.com",
            r#""email":"a@enterprise.example","country":"DE""#,
        ),
        "error.user.must_match_email",
    );
}

/// R122.
#[test]
fn a_member_without_option_is_refused_and_the_rest_of_the_command_with_it() {
    let mut scene = Scene::with(&create("ada@example.com"));
    let again = r#"[{"user":"ada@example.com","do":[{"createFederatedID":{"email":"ada@example.com","country":"DE"}},{"add":{"group":["Design Team"]}}]}]"#;
    assert_eq!(
        scene.act(again),
        "0.0 error.user.already_in_org: User is already in organization: ada@example.com"
    );
    assert!(scene.groups(scene.federated("ada@example.com").id).is_empty());
}

/// R123, R124, R126.
#[test]
fn options_ignore_or_change_names_only() {
    let mut scene = Scene::with(&create("ada@example.com"));
    let step = |option: &str| {
        federated(
            "ADA@example.com",
            &format!(r#""email":"ada@EXAMPLE.com","country":"FR","lastname":"Sousa","option":"{option}""#),
        )
    };
    assert_eq!(scene.act(&step("ignoreIfAlreadyExists")), "0 done");
    assert_eq!(
        scene.federated("ada@example.com").person.lastname.as_deref(),
        Some("Lima")
    );
    assert_eq!(scene.act(&step("updateIfAlreadyExists")), "0 done");
    let account = scene.federated("ada@example.com");
    assert_eq!(account.person.lastname.as_deref(), Some("Sousa"));
    assert_eq!(
        account.person.firstname.as_deref(),
        Some("Ada"),
        "what the step does not name stays"
    );
    assert_eq!(
        (account.person.email.as_str(), account.country.as_str()),
        ("ada@example.com", "DE")
    );
    assert!(
        scene
            .act(&step("errorIfAlreadyExists"))
            .contains("error.user.already_in_org")
    );
    assert_eq!(scene.act(&step("foo")), "0.0 error.option.illegal");
}

/// R125.
#[test]
fn an_account_outside_the_organization_joins_with_the_same_id() {
    for option in ["", r#","option":"ignoreIfAlreadyExists""#] {
        let mut scene = Scene::with(&create("ada@example.com"));
        let before = scene.federated("ada@example.com").clone();
        assert_eq!(
            scene.act(&user("ada@example.com", r#"{"removeFromOrg":{}}"#)),
            "0 done"
        );
        assert!(!scene.is_member(ACME, before.id));
        let again = federated(
            "ada@example.com",
            &format!(r#""email":"ada@example.com","country":"FR"{option}"#),
        );
        assert_eq!(scene.act(&again), "0 done");
        assert_eq!(scene.federated("ada@example.com"), &before);
        assert!(scene.is_member(ACME, before.id));
    }
}

/// R127, R128.
#[test]
fn the_form_of_create_steps_is_checked_before_anything_runs() {
    refused(
        &federated(
            "a@example.com",
            r#""email":"a@example.com","country":"DE","shoe":"42""#,
        ),
        "error.command.create.key.unknown",
    );
    refused(
        &user("a@example.com", r#"{"createFederatedID":"x"}"#),
        "error.command.create.object_expected",
    );
    refused(
        &federated("a@example.com", r#""email":5,"country":"DE""#),
        "error.command.create.string_expected",
    );
    let step = r#"{"addAdobeID":{"email":"a@example.com"}}"#;
    let mut scene = Scene::new();
    assert_eq!(
        scene.act(&user("a@example.com", &format!("{step},{step}"))),
        "0.1 error.command.create.more_than_one"
    );
    assert_eq!(
        scene.act(&user("a@example.com", &format!(r#"{{"update":{{}}}},{step}"#))),
        "0.1 error.command.create.not_first"
    );
    assert!(scene.account("a@example.com", IdentityType::AdobeId).is_none());
}

/// R129.
#[test]
fn later_steps_act_on_the_account_that_the_create_step_met() {
    let mut scene = Scene::new();
    let batch = r#"[{"user":"a.old@example.com","do":[{"createFederatedID":{"email":"ana@example.com","country":"PT","option":"ignoreIfAlreadyExists"}},{"add":{"group":["Design Team"]}}]}]"#;
    assert_eq!(scene.act(batch), "0 done");
    assert_eq!(scene.act(batch), "0 done");
    assert_eq!(
        scene.groups(scene.federated("ana@example.com").id),
        ["Design Team"]
    );
}

/// R130.
#[test]
fn an_adobe_id_and_a_directory_account_share_an_email_in_either_order() {
    let adobe = user("ada@example.com", r#"{"addAdobeID":{"email":"ada@example.com"}}"#);
    for batches in [
        [adobe.clone(), create("ada@example.com")],
        [create("ada@example.com"), adobe],
    ] {
        let mut scene = Scene::new();
        for batch in &batches {
            assert_eq!(scene.act(batch), "0 done");
        }
        let adobe = scene
            .account("ada@example.com", IdentityType::AdobeId)
            .unwrap()
            .id;
        assert!(scene.is_member(ACME, adobe) && scene.is_member(ACME, scene.federated("ada@example.com").id));
    }
}

/// R131.
#[test]
fn a_trustee_brings_accounts_in_but_makes_none() {
    let mut scene = Scene::with(&create("ada@example.com"));
    let batch = federated(
        "ada@example.com",
        r#""email":"ada@example.com","country":"DE","lastname":"Other","option":"updateIfAlreadyExists""#,
    );
    assert_eq!(scene.act_as(TRUSTEE, &batch), "0 done");
    let ada = scene.federated("ada@example.com");
    assert!(scene.is_member(TRUSTEE, ada.id));
    assert_eq!(
        ada.person.lastname.as_deref(),
        Some("Lima"),
        "a trustee never changes names"
    );
    assert_eq!(
        scene.act_as(TRUSTEE, &create("new@example.com")),
        "0.0 error.api.user.not.parent.org: Operation requires the organization that owns the directory"
    );
    assert!(
        scene
            .act_as(STRANGER, &create("ada@example.com"))
            .contains("error.user.belongs_to_another_org")
    );
}

/// R132.
#[test]
fn the_names_of_adobe_ids_are_their_own() {
    let mut scene = Scene::with(&user(
        "a@x.example",
        r#"{"addAdobeID":{"email":"a@x.example","firstname":"Ada"}}"#,
    ));
    let update =
        r#"{"addAdobeID":{"email":"a@x.example","firstname":"Eve","option":"updateIfAlreadyExists"}}"#;
    assert_eq!(scene.act(&user("a@x.example", update)), "0 done");
    let account = scene.account("a@x.example", IdentityType::AdobeId).unwrap();
    assert_eq!(account.person.firstname.as_deref(), Some("Ada"));
}

#[test]
fn a_username_that_is_one_account_and_an_email_that_is_another_conflict() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(scene.act(&create("bob@example.com")), "0 done");
    let batch = federated(
        "ada@example.com",
        r#""email":"bob@example.com","country":"DE","option":"ignoreIfAlreadyExists""#,
    );
    assert!(
        scene
            .act(&batch)
            .starts_with("0.0 error.user.nonexistent_or_has_conflicting_parameters")
    );
}

#[test]
fn malformed_usernames_are_refused() {
    refused(
        &federated("a b@example.com", r#""email":"ab@example.com","country":"DE""#),
        "error.user.name.invalid",
    );
    let batch = r#"[{"user":"bell\u0007","domain":"example.com","do":[{"createFederatedID":{"email":"ab@example.com","country":"DE"}}]}]"#;
    refused(batch, "error.user.name.invalid");
}
