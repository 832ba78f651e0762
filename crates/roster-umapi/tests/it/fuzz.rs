//! K10: bodies as nobody would send them. See `roster_testkit::fuzz`.

use roster_testkit::fuzz::Target;
use roster_umapi::action::{self, Limits, Malformed};
use roster_umapi::form;
use roster_umapi::query::bodies::{ProductAdminBody, ProfileBody, UserGroupBody};
use roster_umapi::token::jwt::{Expected, JwtClaims};
use roster_umapi::token::{ClientCredentials, Exchange, Parameters, split_scopes};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

const JSON: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "\"user\"",
    "\"usergroup\"",
    "\"do\"",
    "\"add\"",
    "\"remove\"",
    "\"update\"",
    "\"group\"",
    "\"all\"",
    "\"email\"",
    "\"option\"",
    "\"requestID\"",
    "\"addUsers\"",
    "\"name\"",
    "\"exp\"",
    "\"aud\"",
    "\"https://h/s/x\"",
];

#[test]
fn k10_actions() {
    Target {
        name: "action",
        corpus: CORPUS,
        words: JSON,
        property: |body| {
            let limits = Limits::default();
            let batch = match action::parse(body, &limits) {
                Ok(batch) => batch,
                Err(Malformed::TooManyCommands { max }) => return assert_eq!(max, limits.max_commands),
                Err(_) => return,
            };
            assert!((1..=limits.max_commands).contains(&batch.entries.len()));
            for entry in &batch.entries {
                // What the log keeps can be read, and is not more than was sent: escapes can double a text, or
                // make six letters of one.
                assert!(
                    serde_json::from_str::<serde_json::Value>(&entry.text).is_ok(),
                    "{}",
                    entry.text
                );
                assert!(entry.text.len() <= 6 * body.len() + 16);
                let Ok(command) = &entry.command else { continue };
                // Written again, it is the same command.
                let again = action::write(&[(entry.request_id.as_deref(), command)]);
                let again = action::parse(&again, &limits).unwrap();
                assert_eq!(again.entries[0].command.as_ref().unwrap(), command);
            }
        },
    }
    .run();
}

#[test]
fn k10_deprecated_bodies() {
    Target {
        name: "deprecated",
        corpus: CORPUS,
        words: JSON,
        property: |body| {
            // What is read can be saved: no database keeps U+0000 in a text.
            let kept = |texts: &[String]| assert!(texts.iter().all(|text| !text.contains('\0')), "{texts:?}");
            if let Ok(group) = UserGroupBody::parse(body) {
                kept(&[group.name, group.description].map(Option::unwrap_or_default));
            }
            if let Ok(profile) = ProfileBody::parse(body) {
                kept(&profile.add_users);
                kept(&profile.remove_users);
                kept(&profile.add_user_groups);
                kept(&profile.remove_user_groups);
                kept(&profile.add_admin_users);
                kept(&profile.remove_admin_users);
            }
            if let Ok(admins) = ProductAdminBody::parse(body) {
                kept(&admins.add);
                kept(&admins.remove);
            }
        },
    }
    .run();
}

#[test]
fn k10_claims() {
    Target {
        name: "jwt",
        corpus: CORPUS,
        words: JSON,
        property: |payload| {
            let expected = Expected {
                client_id: "key",
                org: "1A2B@AdobeOrg",
                technical_account: "7F@techacct.adobe.com",
                hosts: &["h:1"],
                metascopes: &["ent_user_sdk".to_owned()],
                require_jti: false,
                max_lifetime: 86_400,
            };
            let Ok(claims) = JwtClaims::parse(payload) else {
                return;
            };
            for now in [i64::MIN, -1, 0, 1_790_000_000, i64::MAX] {
                if let Ok(accepted) = claims.check(now, &expected) {
                    assert!(accepted.exp > now && accepted.exp - now <= 86_400);
                    assert_eq!(accepted.metascopes, ["ent_user_sdk"]);
                }
            }
        },
    }
    .run();
}

#[test]
fn k10_forms() {
    Target {
        name: "form",
        corpus: CORPUS,
        words: &[
            "&",
            "=",
            "%",
            "+",
            "client_id",
            "client_secret",
            "scope",
            "%2C",
            ";",
        ],
        property: |body| {
            let fields = form::parse(body);
            assert!(fields.len() <= body.len() + 1);
            let parameters = Parameters::new(fields.clone(), fields);
            let asked = ClientCredentials::of(&parameters);
            let _ = asked.check_grant_type();
            let _ = asked.scopes(&["user_management_sdk".to_owned()]);
            let _ = Exchange::of(&parameters).jwt_token;
            let _ = split_scopes(&String::from_utf8_lossy(body));
        },
    }
    .run();
}
