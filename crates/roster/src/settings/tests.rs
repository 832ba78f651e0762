//! Which source of a setting wins.

#![allow(clippy::unwrap_used, reason = "tests may be blunt")]

use super::*;

fn given(values: &[(&'static str, &str, &str)]) -> Found {
    let mut found = Found::default();
    for (key, text, from) in values {
        found.give(key, (*text).to_owned(), (*from).to_owned());
    }
    found
}

#[test]
fn a_later_source_takes_the_place_of_another_way_to_say_it() {
    let cert = [
        ("tls_cert", "c.pem", "roster.toml:1:1"),
        ("tls_key", "k.pem", "roster.toml:2:1"),
    ];
    let storage = given(&[("data", "d", "--data")]).storage();
    let mut found = given(&[&cert[..], &[("tls", "off", "--tls")]].concat());
    assert!(matches!(found.tls(&storage), Tls::Off) && found.problems.is_empty());
    let mut found = given(&[&cert[..], &[("tls", "off", "ROSTER_TLS")]].concat());
    assert!(matches!(found.tls(&storage), Tls::Off));
    // In one and the same source a certificate says more than a word.
    let mut found = given(&[&[("tls", "off", "roster.toml:3:1")], &cert[..]].concat());
    assert!(matches!(found.tls(&storage), Tls::Given { .. }));

    let mut found = given(&[
        ("data", "d", "roster.toml:1:1"),
        ("database", "postgres://h/d", "--database"),
    ]);
    let storage = found.storage();
    assert!(storage.data.is_none() && storage.database.is_some() && found.problems.is_empty());
    let mut found = given(&[
        ("database", "postgres://h/d", "ROSTER_DATABASE"),
        ("data", "d", "--data"),
    ]);
    let storage = found.storage();
    assert!(storage.data.is_some() && storage.database.is_none() && found.problems.is_empty());
    let mut found = given(&[
        ("data", "d", "--data"),
        ("database", "postgres://h/d", "--database"),
    ]);
    found.storage();
    assert_eq!(found.problems.len(), 1, "two flags contradict each other");
}

#[test]
fn variables_that_are_nearly_settings_are_named() {
    let names = [
        "ROSTER_LISTN",
        "ROSTER_LISTEN",
        "ROSTER_PORT_8443_TCP_ADDR",
        "ROSTER_SERVICE_HOST",
        "HOME",
    ];
    let said = unknown_variables(names.into_iter().map(str::to_owned));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said.first().unwrap().contains("did you mean ROSTER_LISTEN?"),
        "{said:?}"
    );
}

#[test]
fn the_page_of_settings_has_every_key_and_class() {
    let page = include_str!("../../../../docs/guide/settings.md");
    let classes = Class::ALL.into_iter().map(Class::name);
    for word in KEYS.iter().copied().chain(classes) {
        assert!(
            page.contains(&format!("`{word}`")),
            "{word} is not in docs/guide/settings.md"
        );
    }
}

#[test]
fn what_one_source_says_twice_or_in_the_wrong_form_is_refused_with_its_place() {
    let text = "metrics_token = \"t\"\nmetrics_token_file = \"f\"\ntoken_ttl = \"5 minutes\"\njwt_max_lifetime = 1.5\n[environment]\n";
    let mut found = Found::default();
    found.file(Path::new("roster.toml"), text);
    let storage = found.storage();
    found.config(&storage);
    found.problems.sort();
    assert_eq!(
        found.problems,
        [
            "roster.toml:2:1: `metrics_token_file` names a file that holds `metrics_token`, which is given, too: give one of them",
            "roster.toml:3:1: `token_ttl` is a number of seconds from 1 on, not `5 minutes`",
            "roster.toml:4:1: `jwt_max_lifetime` is a text, a whole number, true, false or a list, not a number with a fraction",
            "roster.toml:5:2: `environment` is a text, a whole number, true, false or a list, not a table",
        ]
    );
    // A variable takes the place of both.
    let mut found = given(&[
        ("metrics_token_file", "f", "roster.toml:2:1"),
        ("metrics_token", "t", "ROSTER_METRICS_TOKEN"),
    ]);
    assert_eq!(
        found.secret("metrics_token", "metrics_token_file").as_deref(),
        Some("t")
    );
    assert!(found.problems.is_empty());
}
