//! `roster audit` beside a running server: who changed what, from what to what, and what was refused.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{CLIENT, ORG, Server, describe, request, roster, token};

/// A server with a short history.
struct History {
    place: TempDir,
    server: Server,
}

impl History {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        describe(place.path(), &data);
        let history = Self {
            server: Server::start(&data),
            place,
        };
        let create = |name: &str, groups: Value| {
            json!({"user": format!("{name}@example.com"), "do": [
                {"createFederatedID": {"email": format!("{name}@example.com"), "country": "DE", "firstname": name}},
                {"add": {"group": groups}}]})
        };
        // 1 to 3 are the description, its integration and the secret of that. 4 and 5: the second is refused in part.
        history.act(&json!([
            create("ada", json!(["Linked", "Plain"])),
            create("ben\u{1b}[31m", json!(["Nowhere"]))
        ]));
        history.act(&json!([create("ben", json!(["Nowhere", "\u{202e}\u{9b}2J"]))]));
        history.act(&json!([{"user": "ada@example.com", "do": [
            {"update": {"email": "eve@example.com", "firstname": "Eve"}}, {"remove": {"group": ["Plain"]}}]}]));
        history.act(&json!([{"usergroup": "Linked", "do": [{"deleteUserGroup": {}}]}]));
        history
            .act(&json!([{"user": "eve@example.com", "do": [{"removeFromOrg": {"deleteAccount": true}}]}]));
        history
    }

    fn act(&self, batch: &Value) {
        let path = format!("/v2/usermanagement/action/{ORG}");
        let token = token(&self.server.address);
        let (status, _) = request(
            &self.server.address,
            "POST",
            &path,
            Some(&token),
            &batch.to_string(),
        )
        .unwrap();
        assert_eq!(status, 200);
    }

    fn folder(&self) -> &Path {
        self.place.path()
    }

    /// The entries that fit.
    fn entries(&self, words: &[&str]) -> Vec<Value> {
        let (code, out, err) = roster(
            self.folder(),
            &[&["audit", "--data", "data", "--json"], words].concat(),
        );
        assert_eq!(code, 0, "{err}");
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn numbers(&self, words: &[&str]) -> Vec<i64> {
        self.entries(words)
            .iter()
            .map(|entry| entry["entry"].as_i64().unwrap())
            .collect()
    }
}

#[test]
fn the_log_says_who_changed_what_from_what_to_what() {
    let history = History::new();
    let all = history.entries(&[]);
    assert_eq!(all.len(), 10, "{all:#?}");
    let said = |entry: &Value| {
        entry["command"]
            .as_object()
            .unwrap()
            .keys()
            .next()
            .unwrap()
            .clone()
    };
    assert_eq!(
        [said(&all[1]), said(&all[2])],
        ["integrationCreated", "secretAdded"]
    );
    assert_eq!(
        (&all[9]["org"], said(&all[9])),
        (&json!("0@AdobeOrg"), "signingKeyAdded".to_owned())
    );
    let created = &all[3];
    assert_eq!(created["org"], ORG);
    assert_eq!(
        (&created["client"], &created["integration"]),
        (&json!(CLIENT), &json!("sync"))
    );
    assert!(
        created["actor"]
            .as_str()
            .unwrap()
            .ends_with("@techacct.adobe.com")
    );
    assert_eq!(created["command"]["user"], "ada@example.com", "as it was sent");
    let change = |kind: &str, entry: &Value| -> Value {
        let changes = entry["changes"].as_array().unwrap();
        let found = changes.iter().find(|change| change["change"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {entry:#}")).clone()
    };
    let account = change("account_created", created);
    assert_eq!(account["user"], "ada@example.com", "the name of that moment");
    assert_eq!(
        (&account["after"]["type"], &account["after"]["directory"]),
        (&json!("federatedID"), &json!("SSO"))
    );
    assert_eq!(
        change("joined_group", created)["entered_profiles"],
        json!(["Photo Default"])
    );
    assert_eq!(change("seat_granted", created)["profile"], "Photo Default");
    let updated = change("account_updated", &all[6]);
    assert_eq!(
        (&updated["before"]["firstname"], &updated["after"]["firstname"]),
        (&json!("ada"), &json!("Eve"))
    );
    assert_eq!(change("left_group", &all[6])["group"], "Plain");
    assert_eq!(
        change("group_deleted", &all[7])["group"],
        "Linked",
        "gone, and still called by its name"
    );
    assert_eq!(change("members_removed", &all[7])["members"], 1);
    assert_eq!(
        change("account_deleted", &all[8])["before"]["email"],
        "eve@example.com"
    );

    let (code, table, _) = roster(history.folder(), &["audit", "--data", "data", "--org", "crash"]);
    assert_eq!(code, 0);
    for part in [
        "TIME ",
        "sync                      user ada@example.com: update, remove",
        "  account updated: user ada@example.com, username ada@example.com -> eve@example.com, email",
        "  members removed: group Linked, members 1",
        "  links removed: group Linked, profiles Photo Default",
        "  refused: error.group.not_found (step 1)",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    assert!(
        !table.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
        "a name may not steer the terminal"
    );
    let (_, out, _) = roster(history.folder(), &["audit", "--data", "data", "--json"]);
    assert!(
        out.contains("\\u202e\\u009b2J") && !out.contains(['\u{9b}', '\u{202e}']),
        "{out}"
    );
    history.server.kill();
}

#[test]
fn every_filter_narrows_the_log() {
    let history = History::new();
    let entries = |words: &[&str]| history.numbers(words);
    // By today's name, by an earlier one, and when a group went with everybody in it.
    assert_eq!(entries(&["--user", "ADA@example.com"]), [4, 7, 8, 9]);
    assert_eq!(entries(&["--user", "eve@example.com"]), [4, 7, 8, 9]);
    assert_eq!(entries(&["--group", "plain"]), [1, 4, 7]);
    assert_eq!(
        entries(&["--group", "Photo Default"]),
        [1, 4, 8],
        "the last ended a link to it"
    );
    assert_eq!(entries(&["--group", "Linked"]), [1, 4, 8]);
    // A name that nothing has is found where it was asked for.
    assert_eq!(entries(&["--group", "Nowhere"]), [5, 6]);
    assert_eq!(entries(&["--refused"]), [5, 6]);
    assert_eq!(entries(&["--refused", "--user", "ada@example.com"]), [0; 0]);
    assert_eq!(entries(&["--actor", "roster org apply"]), [1, 2, 3]);
    for client in [CLIENT, "sync"] {
        assert_eq!(entries(&["--client", client]), [4, 5, 6, 7, 8, 9], "{client}");
    }
    assert_eq!(entries(&["--client", "another"]), [0; 0]);
    // As the table shows who acted, and as JSON does.
    assert_eq!(entries(&["--actor", "sync"]), [4, 5, 6, 7, 8, 9]);
    let (_, table, _) = roster(history.folder(), &["audit", "--data", "data", "--org", ORG]);
    assert!(table.starts_with("TIME (UTC)"), "{table}");
    for (line, entry) in table
        .lines()
        .skip(1)
        .filter(|line| line.starts_with("20"))
        .zip(1..)
    {
        let who = line[34..58].trim();
        assert!(entries(&["--actor", who]).contains(&entry), "{line}");
    }
    for entry in history.entries(&["--org", ORG]) {
        let found = entries(&["--actor", entry["actor"].as_str().unwrap()]);
        assert!(found.contains(&entry["entry"].as_i64().unwrap()), "{entry}");
    }
    assert_eq!(entries(&["--limit", "2", "--org", ORG]), [8, 9], "the newest");
    assert_eq!(entries(&["--limit", "1", "--refused"]), [6]);
    assert_eq!(entries(&["--limit", "0"]), [0; 0]);
    let all = history.entries(&[]);
    let request = all[3]["request_id"].as_str().unwrap();
    assert_eq!(
        entries(&["--request-id", request]),
        [4, 5],
        "one request, two commands"
    );
    assert_eq!(entries(&["--org", ORG]).len(), 9);
    assert_eq!(entries(&["--org", "Adobe IDs"]), [1], "the signing key");
    // From its first moment on, and before its first moment.
    let seventh = all[6]["at"].as_str().unwrap();
    assert_eq!(entries(&["--since", seventh]), [7, 8, 9]);
    assert_eq!(entries(&["--until", seventh, "--org", ORG]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(entries(&["--since", "1h"]).len(), 10);
    assert_eq!(entries(&["--until", "1h"]), [0; 0]);
    for (words, says) in [
        (["--since", "yesterday"], "--since `yesterday` is no time"),
        (["--org", "Nobody"], "there is no organization `Nobody`"),
    ] {
        let (code, _, err) = roster(
            history.folder(),
            &[&["audit", "--data", "data"], &words[..]].concat(),
        );
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says) && err.contains("hint: "), "{err}");
    }
    history.server.kill();
}

#[test]
fn a_long_log_is_read_in_pieces_and_a_reader_may_leave() {
    let history = History::new();
    // More than a few pages, of which the last one's entry is the only refusal.
    let conn = rusqlite::Connection::open(history.folder().join("data/roster.db")).unwrap();
    conn.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO audit SELECT 1099511627776 + i, i, 'many', NULL, 'r', '{}', '{\"v\":1,\"c\":[]}' FROM n",
    )
    .unwrap();
    assert_eq!(
        history.numbers(&["--actor", "many"]),
        (10..=20_000).collect::<Vec<_>>()
    );
    assert_eq!(
        history.numbers(&["--limit", "1200", "--org", ORG]),
        (18_801..=20_000).collect::<Vec<_>>()
    );
    assert_eq!(
        history.numbers(&["--limit", "1", "--user", "ben@example.com"]),
        [6]
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["audit", "--data", "data"])
        .current_dir(history.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    history.server.kill();
}

#[test]
fn a_removed_persons_names_are_erased_beside_a_running_server() {
    let history = History::new();
    history.act(
        &json!([{"user": "ben@example.com", "do": [{"createFederatedID": {"email": "ben@example.com", "country": "DE"}}]}]),
    );
    let erase = |words: &[&str]| {
        let args = [&["audit", "erase", "--data", "data"], words].concat();
        roster(history.folder(), &args)
    };
    let (code, _, err) = erase(&["--user", "ben@example.com"]);
    assert_eq!(code, 2, "{err}");
    for part in [
        "an account called ben@example.com still exists",
        "hint: remove the account first",
        "removeFromOrg",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    let (code, _, err) = erase(&["--user", "ada@example.com", "--org", "Nobody"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("there is no organization `Nobody`"), "{err}");

    let (code, out, err) = erase(&["--user", "ADA@example.com", "--vacuum"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("3 entries changed (entries 4, 7, 9)"), "{out}");
    assert!(
        err.contains("not reached: backups")
            && err.contains("no e-mail address or username of theirs stands in the database file any more"),
        "{err}"
    );
    let all = history.entries(&[]);
    let text = all.iter().map(ToString::to_string).collect::<String>();
    assert!(
        !text.contains("ada@") && !text.contains("eve@") && !text.contains("\"Eve\""),
        "{text}"
    );
    assert!(text.contains("ben@example.com"), "others keep theirs");
    assert_eq!(all[3]["command"]["user"], "(erased)");
    assert_eq!(all[3]["erased"].as_array().unwrap().len(), 1);
    assert_eq!(
        all[8]["changes"][1]["change"], "account_deleted",
        "what happened stays: {:#}",
        all[8]
    );
    let (_, table, _) = roster(history.folder(), &["audit", "--data", "data"]);
    for part in [
        "user (erased): createFederatedID, add",
        "  erased: what account #",
        "audit erase: 3 entries (4, 7, 9)",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    let (code, out, _) = erase(&["--user", "ada@example.com"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "nothing in the log names ada@example.com\n")
    );
    let (code, out, _) = roster(history.folder(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}");
    history.act(&json!([{"user": "ben@example.com", "do": [{"removeFromOrg": {}}]}]));
    history.server.kill();
}

/// The log goes from its beginning only: what stays for that is said, and an entry that is ahead stands in nobody's way.
#[test]
fn a_clock_that_was_wrong_does_not_keep_the_log_without_a_word() {
    let history = History::new();
    let database = rusqlite::Connection::open(history.folder().join("data/roster.db")).unwrap();
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    let day = 86_400_000;
    let org: i64 = database
        .query_row("SELECT org FROM organizations WHERE id = ?1", [ORG], |row| {
            row.get(0)
        })
        .unwrap();
    // Entry 2 years ahead, entry 5 of yesterday, all others of long ago.
    for (entry, at) in (1..=9).map(|entry| match entry {
        2 => (entry, now + 900 * day),
        5 => (entry, now - day),
        _ => (entry, now - 100 * day),
    }) {
        let changed = database.execute(
            "UPDATE audit SET at = ?1 WHERE number = ?2",
            [at, (org << 40) + entry],
        );
        assert_eq!(changed, Ok(1));
    }
    drop(database);
    let prune = || {
        let words = [
            "audit",
            "prune",
            "--data",
            "data",
            "--org",
            ORG,
            "--before",
            "30d",
            "--no-export",
        ];
        let (code, out, err) = roster(history.folder(), &words);
        assert_eq!(code, 0, "{out}{err}");
        assert!(
            err.contains("4 entries after entry 5 are older than 20")
                && err
                    .contains("but stay: entries go from the beginning of a log only, and entry 5 is of 20"),
            "{err}"
        );
        out
    };
    let out = prune();
    assert!(
        out.contains("entries 1 to 4 are taken out; the log begins with 5"),
        "{out}"
    );
    let out = prune();
    assert!(out.starts_with("no other entry is older than 20"), "{out}");
    let (code, out, err) = roster(history.folder(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}{err}");
    history.server.kill();
}

#[test]
fn old_entries_are_taken_out_into_a_file_beside_a_running_server() {
    let history = History::new();
    let prune = |words: &[&str]| {
        roster(
            history.folder(),
            &[&["audit", "prune", "--data", "data", "--org", ORG], words].concat(),
        )
    };
    let all = history.entries(&["--org", ORG]);
    let before = all[7]["at"].as_str().unwrap().to_owned();
    for words in [
        &["--before", "1d"][..],
        &["--before", "1d", "--export", "x", "--no-export"],
        &["--no-export"],
    ] {
        let (code, _, err) = prune(words);
        assert_eq!(code, 2, "{words:?}: {err}");
    }
    let (code, out, err) = prune(&["--before", "1d", "--no-export"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("no entry is older than 20"), "{out}");
    let (code, _, err) = prune(&["--before", "2999-01-01", "--no-export"]);
    assert_eq!(code, 2, "everything would go");
    assert!(
        err.contains("2999-01-01T00:00:00.000Z is in the future") && err.contains("hint: "),
        "{err}"
    );
    let export = history.folder().join("old.jsonl");
    std::fs::write(&export, "precious").unwrap();
    let (code, _, err) = prune(&["--before", &before, "--export", "old.jsonl"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("old.jsonl exists already") && err.contains("hint: a file is never overwritten"),
        "{err}"
    );
    assert_eq!(std::fs::read_to_string(&export).unwrap(), "precious");
    let (code, _, err) = prune(&["--before", &before, "--export", "nowhere/old.jsonl"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("nothing was taken out of the log"), "{err}");
    assert_eq!(history.entries(&["--org", ORG]).len(), 9);

    std::fs::remove_file(&export).unwrap();
    let (code, out, err) = prune(&["--before", &before, "--export", "old.jsonl"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("old.jsonl: 7 entries")
            && out.contains("entries 1 to 7 are taken out; the log begins with 8"),
        "{out}"
    );
    let text = std::fs::read_to_string(&export).unwrap();
    assert!(
        !text.contains(['\u{9b}', '\u{202e}']) && text.contains("\\u202e"),
        "{text}"
    );
    let exported: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exported, all[..7], "as it was shown");
    assert!(!history.folder().join("old.jsonl.partial").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&export).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(history.numbers(&["--org", ORG]), [8, 9, 10]);
    assert_eq!(history.numbers(&["--user", "eve@example.com"]), [8, 9]);
    assert_eq!(history.numbers(&["--org", ORG, "--limit", "9"]), [8, 9, 10]);
    let (code, table, err) = roster(history.folder(), &["audit", "--data", "data", "--org", ORG]);
    assert_eq!(code, 0);
    assert!(
        table.contains("audit prune: entries 1-7 were taken out"),
        "{table}"
    );
    assert!(
        err.contains("begins with entry 8: those before were taken out on 20"),
        "{err}"
    );
    // What goes on is checked, kept in a backup, and numbered as before.
    history.act(&json!([{"user": "ada@example.com", "do": [{"createFederatedID": {"email": "ada@example.com", "country": "DE"}}]}]));
    assert_eq!(history.numbers(&["--org", ORG]), [8, 9, 10, 11]);
    for words in [
        &["verify", "--data", "data"][..],
        &["backup", "--data", "data", "--to", "copy.db"],
        &["restore", "--from", "copy.db", "--data", "again"],
        &["verify", "--data", "again"],
    ] {
        let (code, out, err) = roster(history.folder(), words);
        assert_eq!(code, 0, "{words:?}: {out}{err}");
    }
    history.server.kill();
}

/// Nothing is taken out of a log that does not agree with the rows: it is the only thing that says how it came to this.
#[test]
fn nothing_is_taken_out_of_a_log_that_does_not_agree() {
    let History { place, server } = History::new();
    server.kill();
    let place = place.path();
    let conn = rusqlite::Connection::open(place.join("data/roster.db")).unwrap();
    conn.execute(
        "UPDATE groups SET description = 'other' WHERE name_key = 'plain'",
        [],
    )
    .unwrap();
    drop(conn);
    let (code, out, err) = roster(
        place,
        &[
            "audit",
            "prune",
            "--data",
            "data",
            "--before",
            "0s",
            "--export",
            "old.jsonl",
        ],
    );
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains("groups ") && err.contains("nothing was taken out"),
        "{out}{err}"
    );
    assert!(!place.join("old.jsonl").exists() && !place.join("old.jsonl.partial").exists());
}

/// What is shown can be copied and asked for, whatever the name holds.
#[test]
fn an_integration_with_an_invisible_name_is_found_as_it_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let named = crate::support::DESCRIPTION.replace("{name: sync,", "{name: \"s\\u202ecny\",");
    crate::support::describe_as(&named, place.path(), &data);
    let server = Server::start(&data);
    let path = format!("/v2/usermanagement/action/{ORG}");
    let body = r#"[{"user": "a@example.com", "do": [{"createFederatedID": {"email": "a@example.com", "country": "DE"}}]}]"#;
    let made = request(
        &server.address,
        "POST",
        &path,
        Some(&token(&server.address)),
        body,
    );
    assert_eq!(made.unwrap().0, 200);
    server.kill();
    for flag in ["--actor", "--client"] {
        for name in ["s\\u{202e}cny", "s\u{202e}cny"] {
            let (code, out, err) = roster(place.path(), &["audit", "--data", "data", flag, name]);
            assert_eq!(code, 0, "{err}");
            assert!(
                out.contains("s\\u{202e}cny ") && out.contains("user a@example.com"),
                "{flag} {name}: {out}{err}"
            );
        }
    }
}
