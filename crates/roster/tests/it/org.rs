//! `roster org apply` and `roster org export`, as an administrator uses them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a description in it.
struct Place {
    folder: TempDir,
}

const START: &str = "organizations:
  - id: AA@AdobeOrg
    name: A
    directories: [{name: SSO, type: federated, domains: [a.example]}]
    products: [{name: P, profiles: [{name: P1, quota: 2}]}]
    user_groups: [{name: G, profiles: [P1]}]
    integrations: [{name: both, types: [oauth, jwt], certificates: [cert.pem]}]
    administrators: [{email: adm@a.example, roles: [system, support, _admin_P1]}]
";

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(certificate(), folder.path().join("cert.pem")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Applies a description with further words; the exit code, what was printed, what was said.
    fn apply(&self, description: &str, words: &[&str]) -> (i32, String, String) {
        std::fs::write(self.path("org.yml"), description).unwrap();
        self.roster(&[&["org", "apply", "org.yml", "--data", "data"], words].concat())
    }

    fn roster(&self, words: &[&str]) -> (i32, String, String) {
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

    fn export(&self) -> String {
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

#[test]
fn roles_granted_by_a_description_are_taken_back_only_with_prune() {
    let place = Place::new();
    assert_eq!(place.apply(START, &["--credentials", "made.json"]).0, 0);
    let fewer = START.replace("[system, support, _admin_P1]", "[support]");
    assert_eq!(place.apply(&fewer, &[]).1, "nothing to change\n");
    let (code, out, _) = place.apply(&fewer, &["--prune"]);
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
