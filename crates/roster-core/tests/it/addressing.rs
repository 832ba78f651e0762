//! Whom a command means (umapi.md 5.1).

use roster_core::value::IdentityType;
use roster_testkit::sample::ACME;

use crate::support::{Scene, create, user};

const RENAME: &str = r#"{"update":{"lastname":"Changed"}}"#;

fn both() -> Scene {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(
        scene.act(&user(
            "ada@example.com",
            r#"{"addAdobeID":{"email":"ada@example.com"}}"#
        )),
        "0 done"
    );
    scene
}

/// R98.
#[test]
fn letter_case_does_not_matter() {
    let mut scene = Scene::with(&create("ada@example.com"));
    assert_eq!(scene.act(&user("  ADA@Example.COM ", RENAME)), "0 done");
    assert_eq!(
        scene.federated("ada@example.com").person.lastname.as_deref(),
        Some("Changed")
    );
}

/// R99, R100.
#[test]
fn a_shared_email_means_the_directory_account_unless_the_adobe_id_is_asked_for() {
    let mut scene = both();
    assert_eq!(
        scene.act(&user("ada@example.com", r#"{"add":{"group":["Design Team"]}}"#)),
        "0 done"
    );
    assert_eq!(
        scene.groups(scene.federated("ada@example.com").id),
        ["Design Team"]
    );
    let adobe =
        r#"[{"user":"ada@example.com","useAdobeID":true,"do":[{"add":{"group":["R&D / EU @home"]}}]}]"#;
    assert_eq!(scene.act(adobe), "0 done");
    let adobe_id = scene
        .account("ada@example.com", IdentityType::AdobeId)
        .unwrap()
        .id;
    assert_eq!(scene.groups(adobe_id), ["R&D / EU @home"]);
    let mut alone = Scene::with(&create("ada@example.com"));
    assert_eq!(
        alone.act(adobe),
        "0.0 error.user.nonexistent: User Id does not exist: ada@example.com"
    );
}

/// R101, R102.
#[test]
fn a_plain_username_goes_with_any_domain_of_its_directory() {
    let made = r#"[{"user":"p0042","domain":"example.com","do":[{"createFederatedID":{"email":"ada@example.com","country":"DE"}}]}]"#;
    let mut scene = Scene::with(made);
    assert_eq!(
        scene.act(&user("p0042", RENAME)),
        "0.0 error.command.domain.missing: Domain is required for user: p0042"
    );
    let with = |domain: &str| format!(r#"[{{"user":"P0042","domain":"{domain}","do":[{RENAME}]}}]"#);
    assert_eq!(scene.act(&with("EXAMPLE.net")), "0 done");
    for unrelated in ["other.example", "unclaimed.example"] {
        assert!(
            scene
                .act(&with(unrelated))
                .starts_with("0.0 error.domain.trust.nonexistent")
        );
        let alone = format!(r#"[{{"user":"p0042","domain":"{unrelated}","do":[{{"removeFromOrg":{{}}}}]}}]"#);
        assert_eq!(
            scene.act(&alone),
            "0 done",
            "removing somebody who is not ours succeeds"
        );
    }
    assert!(scene.is_member(ACME, scene.federated("ada@example.com").id));
}

/// R103, R104.
#[test]
fn a_domain_beside_the_email_of_a_federated_account_is_refused() {
    let mut scene = both();
    let with = |domain: &str| format!(r#"[{{"user":"ada@example.com","domain":{domain},"do":[{RENAME}]}}]"#);
    assert_eq!(
        scene.act(&with(r#""example.com""#)),
        "0.0 error.command.domain.must_be_used_with_nonemail_username: Domain must only be used with a non-email user name: ada@example.com"
    );
    assert_eq!(scene.act(&with(r#""""#)), "0 done");
    assert_eq!(scene.act(&with("null")), "0 done");
    let ignored =
        r#"[{"user":"ada@example.com","domain":"x.example","useAdobeID":true,"do":[{"add":{"group":[]}}]}]"#;
    assert_eq!(scene.act(ignored), "0 done");
    assert_eq!(
        scene.act(
            r#"[{"user":"b@x.example","domain":"x.example","do":[{"addAdobeID":{"email":"b@x.example"}}]}]"#
        ),
        "0 done"
    );
}

/// R105, R106.
#[test]
fn an_email_form_username_is_no_identifier() {
    let made = r#"[{"user":"a.old@example.com","do":[{"createFederatedID":{"email":"ana@example.com","country":"PT"}}]}]"#;
    let mut scene = Scene::with(made);
    assert_eq!(
        scene.act(&user("a.old@example.com", RENAME)),
        "0.0 error.user.nonexistent: User Id does not exist: a.old@example.com"
    );
    assert_eq!(scene.act(&user("ana@example.com", RENAME)), "0 done");
}

/// R107.
#[test]
fn somebody_removed_joins_again_by_add_and_by_nothing_else() {
    let mut scene = Scene::with(&create("ada@example.com"));
    let id = scene.federated("ada@example.com").id;
    assert_eq!(
        scene.act(&user("ada@example.com", r#"{"removeFromOrg":{}}"#)),
        "0 done"
    );
    for step in [
        RENAME,
        r#"{"remove":{"group":["Design Team"]}}"#,
        r#"{"remove":"all"}"#,
        r#"{"resetPassword":{}}"#,
    ] {
        assert!(
            scene
                .act(&user("ada@example.com", step))
                .starts_with("0.0 error.user.not_in_org"),
            "{step}"
        );
    }
    assert!(!scene.is_member(ACME, id));
    assert_eq!(
        scene.act(&user("ada@example.com", r#"{"add":{"group":[]}}"#)),
        "0 done"
    );
    assert!(scene.is_member(ACME, id));
}
