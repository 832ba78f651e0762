//! `roster org apply` and `roster org export`, as an administrator uses them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a description in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

pub(crate) const START: &str = "organizations:
  - id: AA@AdobeOrg
    name: A
    directories: [{name: SSO, type: federated, domains: [a.example]}]
    products: [{name: P, profiles: [{name: P1, quota: 2}]}]
    user_groups: [{name: G, profiles: [P1]}]
    integrations: [{name: both, types: [oauth, jwt], certificates: [cert.pem]}]
    administrators: [{email: adm@a.example, roles: [system, support, _admin_P1]}]
";

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(certificate(), folder.path().join("cert.pem")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Applies a description with further words; the exit code, what was printed, what was said.
    pub(crate) fn apply(&self, description: &str, words: &[&str]) -> (i32, String, String) {
        std::fs::write(self.path("org.yml"), description).unwrap();
        self.roster(&[&["org", "apply", "org.yml", "--data", "data"], words].concat())
    }

    pub(crate) fn roster(&self, words: &[&str]) -> (i32, String, String) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_roster"))
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    pub(crate) fn export(&self) -> String {
        let (code, out, err) = self.roster(&["org", "export", "A", "--data", "data"]);
        assert_eq!(code, 0, "{err}");
        out
    }
}

/// Made for these tests; opens nothing.
fn certificate() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/certificate.pem"))
}

#[test]
fn what_is_exported_applies_unchanged_also_with_prune() {
    let place = Place::new();
    let (code, out, err) = place.apply(START, &["--credentials", "made.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("accepts the key of cert.pem"), "{out}");
    let exported = place.export();
    for words in [&["--prune"][..], &[]] {
        let (code, out, err) = place.apply(&exported, words);
        assert_eq!((code, out.as_str()), (0, "nothing to change\n"), "{err}");
    }
    assert_eq!(place.export(), exported);
}

/// What the API takes as a description, white space at its ends included, is not changed on the way through a file.
#[test]
fn whatever_a_description_holds_its_export_changes_nothing() {
    let place = Place::new();
    let texts = [
        "\u{7f}",
        "  lead",
        "trail  ",
        "\r\n",
        "a\rb",
        "\u{85}x",
        "\u{2029}",
        "\u{1b}[31m",
        "\u{1}",
        "\u{feff}",
        "\u{fffe}",
        "\u{10ffff}",
        "~",
        "a: b #c\n- d\n",
        "\\u0041",
        "\u{3000}",
        "\u{202e}moc",
        "\u{9b}2J",
        "a\u{200b}\u{2066}\u{e0041}b",
    ];
    let mut groups = String::new();
    for (n, text) in texts.iter().enumerate() {
        let mut escaped = String::new();
        for c in text.chars() {
            write!(escaped, "\\U{:08x}", u32::from(c)).unwrap();
        }
        // A name may be anything that is no control character, also what YAML cannot hold as it is.
        writeln!(
            groups,
            "      - {{name: \"g{n}\\u202e\\ufffe\", description: \"{escaped}\"}}"
        )
        .unwrap();
    }
    let start = START.replace(
        "    user_groups: [{name: G, profiles: [P1]}]\n",
        &format!("    user_groups:\n{groups}"),
    );
    let (code, out, err) = place.apply(&start, &["--credentials", "made.json"]);
    assert_eq!(code, 0, "{err}");
    let hidden = |text: &str| {
        let seen = text.replace('\n', "");
        seen.contains(|c: char| c.is_control() || "\u{202e}\u{200b}\u{2066}\u{e0041}\u{feff}".contains(c))
    };
    assert!(!hidden(&out) && out.contains("g1\\u{202e}"), "{out}");
    let exported = place.export();
    let (code, out, err) = place.apply(&exported, &["--prune"]);
    assert_eq!((code, out.as_str()), (0, "nothing to change\n"), "{err}");
    assert_eq!(place.export(), exported);
    assert!(!hidden(&exported), "{exported:?}");
    let (code, _, err) = place.roster(&["org", "export", "A\u{9b}2J\u{202e}", "--data", "data"]);
    assert_eq!(code, 2);
    assert!(!hidden(&err) && err.contains("`A\\u{9b}2J\\u{202e}`"), "{err}");
    assert!(
        exported.contains("description: \"  lead\"") && exported.contains("description: \"\\r\\n\""),
        "{exported}"
    );
    // Block forms and bare words are trimmed as ever.
    let block = exported.replace("description: \"  lead\"", "description: |\n          lead\n");
    assert_ne!(block, exported);
    assert!(place.apply(&block, &[]).1.contains("described anew"));
    assert!(place.export().contains("description: \"lead\""));
}

#[test]
fn credentials_of_earlier_runs_stay_in_their_file() {
    let place = Place::new();
    let words = ["--credentials", "made.json"];
    assert_eq!(place.apply(START, &words).0, 0);
    let read = |place: &Place| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(place.path("made.json")).unwrap()).unwrap()
    };
    let first = read(&place);
    let secret = &first["organizations"][0]["integrations"][0]["client_secret"];
    assert!(secret.is_string());
    let more = START
        .replace(
            "    administrators:",
            "      - {name: second, types: [oauth]}\n    administrators:",
        )
        .replace(
            "integrations: [{name: both, types: [oauth, jwt], certificates: [cert.pem]}]",
            "integrations:\n      - {name: both, types: [oauth, jwt], certificates: [cert.pem]}",
        );
    let (code, out, err) = place.apply(&more, &words);
    assert_eq!(code, 0, "{out}{err}");
    let both = read(&place);
    let org = &both["organizations"][0];
    assert_eq!(org["integrations"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(&org["integrations"][0]["client_secret"], secret);
    assert_eq!(org["integrations"][1]["name"], "second");
    assert_eq!(org["administrators"], first["organizations"][0]["administrators"]);

    // Nothing made: the file is left as it is, or not made at all.
    let (_, _, err) = place.apply(&more, &words);
    assert!(
        err.contains("made.json is left as it is") && read(&place) == both,
        "{err}"
    );
    let (_, _, err) = place.apply(&more, &["--credentials", "other.json"]);
    assert!(
        err.contains("other.json is not made") && !place.path("other.json").exists(),
        "{err}"
    );

    // A file of somebody else is not touched, and nothing is applied that would belong into it.
    std::fs::write(place.path("other.json"), "{\"mine\": 1}").unwrap();
    let third = more.replace("second", "third");
    let (code, _, err) = place.apply(&third, &["--credentials", "other.json"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("is no credentials file") && err.contains("nothing was applied"),
        "{err}"
    );
    assert_eq!(
        std::fs::read_to_string(place.path("other.json")).unwrap(),
        "{\"mine\": 1}"
    );
    assert!(!place.export().contains("third"));
}

#[test]
fn a_secret_made_for_another_kind_does_not_push_out_the_one_that_works() {
    let place = Place::new();
    let words = ["--credentials", "made.json"];
    let one = START.replace("[oauth, jwt], certificates: [cert.pem]", "[oauth]");
    assert_eq!(place.apply(&one, &words).0, 0);
    assert_eq!(place.apply(START, &words).0, 0);
    let made: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("made.json")).unwrap()).unwrap();
    let kept = made["organizations"][0]["integrations"].as_array().unwrap();
    assert_eq!(kept.len(), 2, "one secret for oauth, one for jwt: {made}");
    assert_ne!(kept[0]["client_secret"], kept[1]["client_secret"]);
    assert_eq!(kept[0]["client_id"], kept[1]["client_id"]);
}

#[test]
fn another_master_key_is_refused_before_and_after_a_server_was_there() {
    let place = Place::new();
    assert_eq!(place.apply(START, &[]).0, 0);
    std::fs::write(place.path("wrong.key"), format!("{}\n", "5a".repeat(32))).unwrap();
    let more = START.replace("name: both", "name: other");
    for served in [false, true] {
        if served {
            crate::support::Server::start(&place.path("data")).kill();
        }
        let (code, out, err) = place.apply(&more, &["--master-key-file", "wrong.key"]);
        assert_eq!(code, 2, "{out}{err}");
        assert!(
            err.contains("the master key is not the one this database was made with")
                && err.contains("hint: name the right key"),
            "{err}"
        );
        assert!(!place.export().contains("name: \"other\""));
    }
    let (code, _, err) = place.roster(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
        "--master-key-file",
        "wrong.key",
    ]);
    assert_eq!(code, 2);
    assert!(err.contains("hint: name the right key"), "{err}");
    assert_eq!(place.apply(&more, &["--master-key-file", "data/master.key"]).0, 0);
}

#[test]
fn changes_of_credentials_are_in_the_log_without_what_opens_anything() {
    let place = Place::new();
    let words = ["--credentials", "made.json"];
    assert_eq!(place.apply(START, &words).0, 0);
    let off = START.replace("types: [oauth, jwt],", "enabled: false, types: [oauth, jwt],");
    assert_eq!(place.apply(&off, &words).0, 0);
    let given = off
        .replace("name: both,", "name: both, client_secret: p8e-given-by-the-file,")
        .replace("certificates: [cert.pem]", "certificates: []");
    assert_eq!(place.apply(&given, &["--prune"]).0, 0);
    let lines = given.lines().map(|line| {
        if line.contains("integrations:") {
            "    integrations: []"
        } else {
            line
        }
    });
    let bare = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(place.apply(&bare, &["--prune", "--remove-last"]).0, 0);
    crate::support::Server::start(&place.path("data")).kill();
    assert_eq!(place.roster(&["keys", "rotate", "--data", "data"]).0, 0);

    let (code, log, err) = place.roster(&["audit", "--data", "data", "--json"]);
    assert_eq!(code, 0, "{err}");
    let kept: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|entry| entry["changes"].as_array().unwrap().is_empty())
        .collect();
    let said: Vec<&str> = kept
        .iter()
        .flat_map(|entry| entry["command"].as_object().unwrap().keys().map(String::as_str))
        .collect();
    assert_eq!(
        said,
        [
            "integrationCreated",
            "secretAdded",
            "secretAdded",
            "certificateAdded",
            "passwordSet",
            "integrationChanged",
            "secretAdded",
            "secretAdded",
            "certificateDeleted",
            "integrationDeleted",
            "signingKeyAdded",
            "signingKeyAdded",
        ],
        "{log}"
    );
    let created = &kept[0]["command"]["integrationCreated"];
    assert_eq!(
        (&created["name"], created["scopes"][0].as_str()),
        (&"both".into(), Some("user_management_sdk"))
    );
    assert_eq!(
        kept[5]["command"]["integrationChanged"]["after"]["enabled"],
        false
    );
    assert_eq!(
        kept[7]["command"]["secretAdded"]["replaces"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let made = std::fs::read_to_string(place.path("made.json")).unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let org = &made["organizations"][0];
    for secret in [
        &org["integrations"][0]["client_secret"],
        &org["administrators"][0]["password"],
    ] {
        assert!(!log.contains(secret.as_str().unwrap()), "a secret is in the log");
    }
    assert!(
        !log.contains("p8e-given") && !log.contains("argon2") && !log.contains("hash"),
        "{log}"
    );
    let (_, table, _) = place.roster(&["audit", "--data", "data"]);
    assert!(table.contains("password set: user adm@a.example"), "{table}");
    assert!(table.contains("integration deleted: client id "), "{table}");
    assert_eq!(place.roster(&["verify", "--data", "data"]).0, 0);
}

#[test]
fn what_is_done_to_secrets_and_tokens_over_http_is_in_the_log() {
    use crate::support::{CLIENT, DESCRIPTION, ORG, SECRET, Server, request, token};
    let place = Place::new();
    let description = DESCRIPTION.replace(
        "types: [oauth],",
        "types: [oauth], scopes: [user_management_sdk, manage_client_secrets],",
    );
    assert_eq!(place.apply(&description, &[]).0, 0);
    let server = Server::start(&place.path("data"));
    let path = format!("/console/organizations/{ORG}/credentials/{CLIENT}/secrets");
    let first = token(&server.address);
    let (status, made) = request(&server.address, "POST", &path, Some(&first), "").unwrap();
    assert_eq!(status, 201, "{made}");
    let (_, listed) = request(&server.address, "GET", &path, Some(&first), "").unwrap();
    let mut uuids = Vec::new();
    uuids_in(&listed, &mut uuids);
    assert_eq!(uuids.len(), 2, "{listed}");
    // What has no body cannot be read by `request`; the answer came before it says so.
    request(
        &server.address,
        "DELETE",
        &format!("{path}/{}", uuids[1]),
        Some(&first),
        "",
    );
    let second = token(&server.address);
    let revoke = format!("/ims/revoke?client_id={CLIENT}&client_secret={SECRET}&token={second}");
    let (status, _) = request(&server.address, "POST", &revoke, None, "").unwrap();
    assert_eq!(status, 200);
    server.kill();
    let (_, log, _) = place.roster(&["audit", "--data", "data", "--client", CLIENT, "--json"]);
    let entries: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<&str> = entries
        .iter()
        .flat_map(|entry| entry["command"].as_object().unwrap().keys().map(String::as_str))
        .collect();
    assert_eq!(said, ["secretAdded", "secretDeleted", "tokenRevoked"], "{log}");
    for entry in &entries {
        assert!(
            entry["actor"].as_str().unwrap().ends_with("@techacct.adobe.com"),
            "{entry}"
        );
        assert!(entry["changes"].as_array().unwrap().is_empty(), "{entry}");
    }
    assert_eq!(entries[1]["command"]["secretDeleted"]["uuid"], uuids[1].as_str());
    let shown = made.to_string();
    let secret = shown.split('"').find(|text| text.starts_with("p8e-")).unwrap();
    assert!(!log.contains(secret) && !log.contains(&second), "{log}");
    assert_eq!(place.roster(&["verify", "--data", "data"]).0, 0);
}

fn uuids_in(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "uuid" => found.push(text.to_owned()),
                    _ => uuids_in(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| uuids_in(item, found)),
        _ => {}
    }
}

#[test]
fn an_integration_that_nobody_knows_is_said_to_be_unknown() {
    let place = Place::new();
    assert_eq!(place.apply(START, &[]).0, 0);
    let (code, _, err) = place.roster(&["audit", "--data", "data", "--client", "nosuch"]);
    assert_eq!(code, 0);
    assert!(
        err.contains("no integration has the client id or name nosuch"),
        "{err}"
    );
    let (_, _, err) = place.roster(&["audit", "--data", "data", "--client", "both"]);
    assert!(!err.contains("no integration"), "{err}");
}

#[test]
fn roles_granted_by_a_description_are_taken_back_only_with_prune() {
    let place = Place::new();
    assert_eq!(place.apply(START, &["--credentials", "made.json"]).0, 0);
    let fewer = START.replace("[system, support, _admin_P1]", "[support]");
    assert_eq!(place.apply(&fewer, &[]).1, "nothing to change\n");
    let (code, _, err) = place.apply(&fewer, &["--prune"]);
    assert_eq!(code, 2, "the last one who administers the organization");
    assert!(
        err.contains("A's last system administrator: adm@a.example is no longer")
            && err.contains("--remove-last"),
        "{err}"
    );
    assert!(place.export().contains("\"system\""));
    let (code, out, _) = place.apply(&fewer, &["--prune", "--remove-last"]);
    assert_eq!(code, 0);
    assert!(out.contains("no longer system administrator"), "{out}");
    assert!(
        place.export().contains("roles: [\"support\"]"),
        "{}",
        place.export()
    );
    assert_eq!(place.roster(&["verify", "--data", "data"]).0, 0);
}

#[test]
fn without_a_place_for_the_secrets_nothing_is_applied() {
    let place = Place::new();
    let (code, _, err) = place.apply(START, &["--credentials", "no/such/folder/made.json"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("cannot be written") && err.contains("nothing was applied"),
        "{err}"
    );
    assert!(
        place
            .roster(&["org", "export", "A", "--data", "data"])
            .2
            .contains("there are no organizations yet")
    );
    let (code, _, err) = place.apply(START, &[]);
    assert_eq!(code, 0, "it is a warning only");
    assert!(
        err.contains("--credentials was not given") && err.contains("client_secret: {env: NAME}"),
        "{err}"
    );
}

/// Nothing slows down who guesses.
#[test]
fn a_secret_or_password_that_could_be_guessed_is_refused_wherever_it_stands() {
    let place = Place::new();
    let (secret, password) = ("p8e-short_123456", "8 letter");
    let given = |secret: &str, password: &str| {
        START
            .replace("{name: both,", &format!("{{name: both, client_secret: {secret},"))
            .replace(
                "email: adm@a.example,",
                &format!("email: adm@a.example, password: {password},"),
            )
    };
    std::fs::write(place.path("secret"), format!("{}\n", &secret[..15])).unwrap();
    std::fs::write(place.path("password"), "7 signs").unwrap();
    for (secret, password) in [
        ("a", "p"),
        (&secret[..15], "'7 signs'"),
        ("{file: secret}", "{file: password}"),
    ] {
        let (code, out, err) = place.apply(&given(secret, password), &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        for part in [
            "org.yml:7:",
            "the `client_secret` has fewer than 16 characters",
            "org.yml:8:",
            "the `password` has fewer than 8 characters",
            "--credentials FILE",
            "2 problems; nothing was applied",
        ] {
            assert!(err.contains(part), "`{part}` is not in\n{err}");
        }
        assert!(!place.path("data").exists());
    }
    let (code, out, err) = place.apply(
        &given(secret, &format!("'{password}'")),
        &["--credentials", "made.json"],
    );
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("no secrets were made in this run"), "{err}");
    assert!(!err.contains("credentials made"), "{err}");
    let made = std::fs::read_to_string(place.path("made.json")).unwrap();
    assert!(
        made.contains("adm@a.example") && !made.contains(secret) && !made.contains(password),
        "{made}"
    );
}

#[test]
fn what_is_described_twice_is_named_with_its_place() {
    let place = Place::new();
    let twice = "organizations:
  - {id: XX@AdobeOrg, name: X, products: [{name: P, profiles: [{name: A}, {name: a}]}]}
  - {id: xx@AdobeOrg, name: X2}
  - {id: YY@AdobeOrg, name: Y, directories: [{name: D, type: federated, domains: [q.example]}, {name: E, type: federated, domains: [Q.example]}]}
";
    let (code, _, err) = place.apply(twice, &[]);
    assert_eq!(code, 2);
    for part in [
        "org.yml:2:75: `a` is described twice",
        "org.yml:3:5: the organization `X2`",
        "the domain q.example is described twice",
        "3 problems; nothing was applied",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
}

#[test]
fn a_database_without_its_key_is_refused_and_no_other_key_is_made() {
    let place = Place::new();
    assert_eq!(place.apply(START, &["--credentials", "made.json"]).0, 0);
    std::fs::remove_file(place.path("data/master.key")).unwrap();
    for words in [
        &["serve", "--data", "data", "--listen", "127.0.0.1:0"][..],
        &["org", "apply", "org.yml", "--data", "data"],
    ] {
        let (code, _, err) = place.roster(words);
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains("master.key is missing") && err.contains("backup"),
            "{err}"
        );
    }
    assert!(!place.path("data/master.key").exists());
}

#[test]
fn settings_that_cannot_be_meant_are_refused_all_at_once() {
    let place = Place::new();
    std::fs::write(
        place.path("bad.toml"),
        "lisen = \"x\"\nthrottle = [\"documented\"]\ntoken_ttl = 0\npublic_url = \"foo\"\n[limits.per_client]\nacton = 5\n",
    )
    .unwrap();
    let (code, _, err) = place.roster(&["serve", "--data", "data", "--config", "bad.toml"]);
    assert_eq!(code, 2);
    for part in [
        "bad.toml:1:1: unknown setting `lisen`; did you mean `listen`?",
        "bad.toml:2:1: `throttle` is one value, not a list",
        "`token_ttl` is",
        "`public_url` is",
        "`acton`",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    assert!(!place.path("data").exists(), "nothing was made");
}

/// As when the owner describes it anew through the API.
#[test]
fn a_shared_group_is_described_anew_wherever_it_is_shared() {
    let place = Place::new();
    let text = |description: &str, more: &str| {
        format!(
            "organizations:
  - {{id: AA@AdobeOrg, name: A, user_groups: [{{name: G, description: {description}, shared_with: [BB@AdobeOrg{more}]}}]}}
  - {{id: BB@AdobeOrg, name: B}}
  - {{id: CC@AdobeOrg, name: C}}
"
        )
    };
    assert_eq!(place.apply(&text("first", ""), &[]).0, 0);
    let described = |org: &str| {
        let (_, out, _) = place.roster(&["org", "export", org, "--data", "data"]);
        let line = out
            .lines()
            .find_map(|line| line.trim().strip_prefix("description: "));
        line.map(str::to_owned)
    };
    // Shared with one more in the same file: that one is made with the new words.
    let (code, out, err) = place.apply(&text("second", ", CC@AdobeOrg"), &[]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("A: user group `G` described anew") && out.contains("B: user group `G` described anew"),
        "{out}"
    );
    let database = rusqlite::Connection::open(place.path("data/roster.db")).unwrap();
    let mut found = database
        .prepare("SELECT description FROM groups WHERE name = 'G' ORDER BY org")
        .unwrap();
    let found: Vec<Option<String>> = found
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(found, vec![Some("second".to_owned()); 3]);
    assert_eq!(described("A"), Some("\"second\"".to_owned()));
    assert_eq!(
        place.apply(&text("second", ", CC@AdobeOrg"), &[]).1,
        "nothing to change\n"
    );
    assert_eq!(place.roster(&["verify", "--data", "data"]).0, 0);
}

#[test]
fn an_organization_that_is_renamed_is_told_with_its_old_name() {
    let place = Place::new();
    let (code, out, err) = place.apply(START, &[]);
    assert!(code == 0 && !out.contains("was called"), "{out}{err}");
    let (code, out, err) = place.apply(&START.replace("name: A\n", "name: B\n"), &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().any(|line| line == "B: was called A before"), "{out}");
    let (code, out, _) = place.apply(&START.replace("name: A\n", "name: B\n"), &[]);
    assert_eq!((code, out.as_str()), (0, "nothing to change\n"));
}
