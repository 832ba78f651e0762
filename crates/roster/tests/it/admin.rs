//! `roster admin`: who administers an organization, and a new password for those who are locked out.

use roster_server::crypto::password::verify_password;
use serde_json::{Value, json};

use crate::support::roster;

const DESCRIPTION: &str = "organizations:
  - name: Example
    id: 1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg
    administrators:
      - {email: chief@example.com, roles: [system, support]}
  - name: Other
    administrators:
      - {email: other@example.com, roles: [deployment], password: {env: OTHER_PASSWORD}}
";

/// A folder with two organizations; their credentials.
fn organizations() -> (tempfile::TempDir, Value) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(
        place.path().join("org.yml"),
        DESCRIPTION.replace("{env: OTHER_PASSWORD}", "{file: pw}"),
    )
    .unwrap();
    std::fs::write(place.path().join("pw"), "correct horse battery").unwrap();
    let apply = [
        "org",
        "apply",
        "org.yml",
        "--data",
        "data",
        "--credentials",
        "made.json",
    ];
    let (code, _, err) = roster(place.path(), &apply);
    assert_eq!(code, 0, "{err}");
    let made = std::fs::read_to_string(place.path().join("made.json")).unwrap();
    let made = serde_json::from_str(&made).unwrap();
    (place, made)
}

fn stored(folder: &std::path::Path, email: &str) -> Option<String> {
    let conn = rusqlite::Connection::open(folder.join("data/roster.db")).unwrap();
    conn.query_row(
        "SELECT hash FROM passwords JOIN accounts USING (account) WHERE email = ?1",
        [email],
        |row| row.get(0),
    )
    .ok()
}

#[test]
fn administrators_are_listed_with_roles_and_passwords() {
    let (place, _) = organizations();
    let (code, out, err) = roster(place.path(), &["admin", "list", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    for says in [
        "Example (1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg)",
        "chief@example.com",
        "system, support",
        "Other (",
        "deployment",
    ] {
        assert!(out.contains(says), "{says}: {out}");
    }
    let (_, out, _) = roster(
        place.path(),
        &["admin", "list", "--data", "data", "--org", "Example", "--json"],
    );
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["roles"], json!(["system", "support"]));
    assert_eq!(lines[0]["status"], "active");
    assert!(
        lines[0]["password_set_at"].as_str().unwrap().ends_with('Z'),
        "{out}"
    );
}

#[test]
fn a_new_password_takes_the_place_of_the_old_one_and_is_in_the_log() {
    let (place, made) = organizations();
    let old = made["organizations"][0]["administrators"][0]["password"]
        .as_str()
        .unwrap();
    assert!(verify_password(
        old,
        &stored(place.path(), "chief@example.com").unwrap()
    ));
    let reset = [
        "admin",
        "reset",
        "Chief@Example.com",
        "--data",
        "data",
        "--org",
        "Example",
    ];
    let (code, out, err) = roster(place.path(), &reset);
    assert_eq!(code, 0, "{err}");
    let new = out.trim();
    let hash = stored(place.path(), "chief@example.com").unwrap();
    assert!(
        verify_password(new, &hash) && !verify_password(old, &hash),
        "{out} {err}"
    );
    assert!(!err.contains(new), "what people see and programs read are apart");
    let other = stored(place.path(), "other@example.com").unwrap();
    assert!(
        verify_password("correct horse battery", &other),
        "nobody else's is touched"
    );

    let (code, out, err) = roster(
        place.path(),
        &[&reset[..], &["--credentials", "new.json"]].concat(),
    );
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(place.path().join("new.json")).unwrap()).unwrap();
    let kept = kept["organizations"][0]["administrators"][0]["password"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(verify_password(
        &kept,
        &stored(place.path(), "chief@example.com").unwrap()
    ));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let rights = std::fs::metadata(place.path().join("new.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(rights & 0o777, 0o600);
    }

    // A file that is there may be all there is of other secrets.
    let (code, _, err) = roster(
        place.path(),
        &[&reset[..], &["--credentials", "made.json"]].concat(),
    );
    assert_eq!(code, 0, "{err}");
    let all = std::fs::read_to_string(place.path().join("made.json")).unwrap();
    let all: Value = serde_json::from_str(&all).unwrap();
    let of = |org: usize| &all["organizations"][org]["administrators"][0];
    let newest = of(0)["password"].as_str().unwrap();
    assert!(verify_password(
        newest,
        &stored(place.path(), "chief@example.com").unwrap()
    ));
    assert_eq!(of(1), &made["organizations"][1]["administrators"][0]);
    assert!(!of(1).is_null());

    let (_, log, _) = roster(
        place.path(),
        &[
            "audit",
            "--data",
            "data",
            "--org",
            "Example",
            "--actor",
            "roster admin reset",
            "--json",
        ],
    );
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.contains("chief@example.com") || log.contains("Chief@Example.com"));
    assert!(
        !log.contains(new) && !log.contains(&kept) && !log.contains("argon2"),
        "{log}"
    );
    let (code, out, _) = roster(place.path(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn somebody_without_a_role_gets_one_only_when_asked_for() {
    let (place, _) = organizations();
    let reset = [
        "admin",
        "reset",
        "new@example.com",
        "--data",
        "data",
        "--org",
        "Example",
    ];
    let (code, out, err) = roster(place.path(), &reset);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("chief@example.com") && err.contains("--appoint"),
        "{err}"
    );
    assert_eq!(stored(place.path(), "new@example.com"), None);
    let (code, out, err) = roster(place.path(), &[&reset[..], &["--appoint"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("system administrator of Example now"), "{err}");
    assert!(verify_password(
        out.trim(),
        &stored(place.path(), "new@example.com").unwrap()
    ));
    let (_, out, _) = roster(
        place.path(),
        &["admin", "list", "--data", "data", "--org", "Example", "--json"],
    );
    assert!(
        out.lines()
            .any(|line| line.contains("new@example.com") && line.contains("[\"system\"]")),
        "{out}"
    );
    let (code, out, _) = roster(place.path(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn what_cannot_be_meant_is_refused_and_changes_nothing() {
    let (place, _) = organizations();
    let before = stored(place.path(), "chief@example.com");
    let reset = |more: &[&str]| {
        roster(
            place.path(),
            &[&["admin", "reset", "chief@example.com", "--data", "data"], more].concat(),
        )
    };
    for (more, says) in [
        (&[][..], "several organizations"),
        (&["--org", "Nowhere"], "there is no organization `Nowhere`"),
        (
            &["--org", "Example", "--credentials", "no/such/folder.json"],
            "cannot be written",
        ),
    ] {
        let (code, out, err) = reset(more);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(says), "{err}");
    }
    for email in ["no address", "notmail", "a@b", "a@b@example.com", "@example.com"] {
        let words = ["admin", "reset", email, "--data", "data", "--org", "Example"];
        for words in [&words[..], &[&words[..], &["--appoint"]].concat()] {
            let (code, _, err) = roster(place.path(), words);
            assert_eq!(code, 2);
            assert!(
                err.contains(&format!("`{email}` is no e-mail address; nothing was changed"))
                    && err.contains("hint: an address has a name, one @ and a domain"),
                "{err}"
            );
        }
    }
    let (code, _, err) = roster(place.path(), &["admin", "list", "--data", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no database"), "{err}");
    assert_eq!(stored(place.path(), "chief@example.com"), before);
}
