//! K6: a backup made under load, restored on an empty host, is the database of one moment; and what is no such backup
//! is refused before anything is touched.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::json;

use crate::support::{ORG, Server, describe, request, roster, token};

const WRITERS: usize = 4;

/// Every row of every table, as text.
fn dump(file: &Path) -> BTreeMap<String, Vec<Vec<String>>> {
    let conn = Connection::open(file).unwrap();
    let names: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    names
        .into_iter()
        .map(|name| (rows(&conn, &name), name))
        .map(|(rows, name)| (name, rows))
        .collect()
}

fn rows(conn: &Connection, table: &str) -> Vec<Vec<String>> {
    let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows: Vec<Vec<String>> = statement
        .query_map([], |row| {
            (0..columns)
                .map(|column| row.get::<_, Cell>(column).map(|cell| format!("{cell:?}")))
                .collect()
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    rows.sort();
    rows
}

/// Creates people until told to stop, each noted when the server has said that it is there.
fn write(address: &str, token: &str, name: &str, stop: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    let path = format!("/v2/usermanagement/action/{ORG}");
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let email = format!("{name}-{n}@example.com");
        let body = json!([{"user": email, "do": [
            {"createFederatedID": {"email": email, "country": "DE", "firstname": "Ada"}},
            {"add": {"group": ["Linked", "Plain"]}}]}]);
        let (status, answer) = request(address, "POST", &path, Some(token), &body.to_string()).unwrap();
        assert_eq!((status, &answer["completed"]), (200, &json!(1)), "{answer}");
        acknowledged.lock().unwrap().push(email);
    }
}

#[test]
fn a_backup_under_load_is_the_database_of_one_moment() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let data = folder.join("data");
    describe(folder, &data);
    let server = Server::start(&data);
    let token = token(&server.address);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (address, token) = (server.address.clone(), token.clone());
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            std::thread::spawn(move || write(&address, &token, &format!("w{writer}"), &stop, &acknowledged))
        })
        .collect();
    let mut before = Vec::new();
    for round in 0..3 {
        std::thread::sleep(Duration::from_millis(200));
        before = acknowledged.lock().unwrap().clone();
        assert!(before.len() > round, "the writers write");
        let (code, out, err) = roster(
            folder,
            &["backup", "--data", "data", "--to", &format!("{round}.db")],
        );
        assert_eq!(code, 0, "{err}");
        assert!(
            out.starts_with(&format!("{round}.db: ")) && out.contains("checked"),
            "{out}"
        );
        assert!(
            err.contains("not in it") && err.contains("data/master.key"),
            "{err}"
        );
    }
    let during = acknowledged.lock().unwrap().len();
    assert!(during > before.len(), "the backup held the writers up");
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }

    // What was acknowledged before is there; nobody is half there, which the log and the counters say.
    let (code, _, err) = roster(folder, &["restore", "--from", "2.db", "--data", "empty"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("empty/master.key"), "the key is asked for: {err}");
    let (code, out, _) = roster(folder, &["verify", "--data", "empty"]);
    assert_eq!(code, 0, "{out}");
    let restored = dump(&folder.join("empty/roster.db"));
    let people = |dump: &BTreeMap<String, Vec<Vec<String>>>| -> Vec<String> {
        dump["accounts"].iter().map(|row| row[6].clone()).collect()
    };
    let there = people(&restored);
    for email in &before {
        assert!(
            there.contains(&format!("Text({email:?})")),
            "{email} was acknowledged and is not in the backup"
        );
    }
    // It is a moment of the source's past: its log is where the source's log began.
    let source = dump(&data.join("roster.db"));
    assert!(
        restored["audit"].len() < source["audit"].len(),
        "the source went on"
    );
    for entry in &restored["audit"] {
        assert!(source["audit"].contains(entry), "{entry:?}");
    }

    // At rest, nothing differs at all.
    let (code, _, err) = roster(folder, &["backup", "--data", "data", "--to", "rest.db"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = roster(folder, &["restore", "--from", "rest.db", "--data", "rest"]);
    assert_eq!(code, 0, "{err}");
    let (source, restored) = (
        dump(&data.join("roster.db")),
        dump(&folder.join("rest/roster.db")),
    );
    for (table, rows) in &source {
        assert_eq!(&restored[table], rows, "{table}");
    }
    assert_eq!(restored.len(), source.len());
    server.kill();

    // And it serves: the same secret, and tokens issued before, with the key that belongs to it.
    std::fs::copy(data.join("master.key"), folder.join("rest/master.key")).unwrap();
    let server = Server::start(&folder.join("rest"));
    crate::support::token(&server.address);
    let users = format!("/v2/usermanagement/users/{ORG}/0");
    let (status, answer) = request(&server.address, "GET", &users, Some(&token), "").unwrap();
    assert_eq!(status, 200, "{answer}");
    server.kill();
}

#[test]
fn a_backup_is_private_named_by_its_time_and_never_overwrites() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    std::fs::create_dir(folder.join("backups")).unwrap();
    let (code, out, err) = roster(folder, &["backup", "--data", "data", "--to", "backups"]);
    assert_eq!(code, 0, "{err}");
    let name = out.split(": ").next().unwrap();
    assert!(
        name.starts_with("backups/roster-2") && name.ends_with("Z.db"),
        "{out}"
    );
    let mode = folder.join(name).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left = std::fs::read_dir(folder.join("backups")).unwrap().count();
    assert_eq!(left, 1, "nothing else is left behind");

    let whole = std::fs::read(folder.join(name)).unwrap();
    let (code, _, err) = roster(folder, &["backup", "--data", "data", "--to", name]);
    assert_eq!(code, 2);
    assert!(err.contains("exists already") && err.contains("--to"), "{err}");
    assert_eq!(std::fs::read(folder.join(name)).unwrap(), whole);

    // What a killed backup left is taken over, whatever it holds.
    std::fs::write(folder.join("b.db.partial"), "half").unwrap();
    std::fs::write(folder.join("b.db.partial-journal"), "half").unwrap();
    let (code, _, err) = roster(folder, &["backup", "--data", "data", "--to", "b.db"]);
    assert_eq!(code, 0, "{err}");
    assert!(!folder.join("b.db.partial").exists() && !folder.join("b.db.partial-journal").exists());

    for (words, says) in [
        (
            ["backup", "--data", "nowhere", "--to", "c.db"],
            "there is no database at nowhere/roster.db",
        ),
        (
            ["backup", "--data", "data", "--to", "nowhere/c.db"],
            "there is no folder nowhere",
        ),
        (
            ["backup", "--database", "postgres://db/roster", "--to", "c.db"],
            "pg_dump --format=custom",
        ),
        (
            ["restore", "--database", "postgres://db/roster", "--from", "c.db"],
            "pg_restore",
        ),
    ] {
        let (code, _, err) = roster(folder, &words);
        assert_eq!(code, 2, "{words:?}: {err}");
        assert!(err.contains(says), "{words:?}: {err}");
        assert!(!folder.join("c.db").exists());
    }
}

#[test]
fn an_inconsistent_database_has_a_backup_that_says_so() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    let conn = Connection::open(folder.join("data/roster.db")).unwrap();
    conn.execute("UPDATE groups SET direct = 5 WHERE name = 'Plain'", [])
        .unwrap();
    drop(conn);
    let (code, out, err) = roster(folder, &["backup", "--data", "data", "--to", "b.db"]);
    assert_eq!(code, 1, "{out}");
    let named = "(Plain) says 5, but it should be 0";
    assert!(
        out.contains("a group counts its direct members") && out.contains(named),
        "{out}"
    );
    assert!(err.contains("1 finding: also in data/roster.db"), "{err}");
    let (code, out, err) = roster(folder, &["verify", "--data", "data"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains(named) && err.starts_with("1 finding\n"),
        "{out}{err}"
    );
    let (code, out, err) = roster(folder, &["restore", "--from", "b.db", "--data", "new"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        out.contains("a group counts its direct members") && err.contains("--accept-findings"),
        "{out}{err}"
    );
    assert!(!folder.join("new/roster.db").exists());
    let (code, _, err) = roster(
        folder,
        &["restore", "--from", "b.db", "--data", "new", "--accept-findings"],
    );
    assert_eq!(code, 1, "{err}");
    assert!(folder.join("new/roster.db").exists());
}

#[test]
fn a_backup_says_whether_the_key_that_belongs_to_it_is_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    let said = |to: &str| roster(folder, &["backup", "--data", "data", "--to", to]).2;
    let there = said("a.db");
    assert!(there.contains("needed with it: data/master.key; they"), "{there}");
    std::fs::rename(folder.join("data/master.key"), folder.join("key")).unwrap();
    let gone = said("b.db");
    assert!(
        gone.contains("needed with it: data/master.key (which is not there: find out where it is)"),
        "{gone}"
    );
    // One that is there is not named as the one that is needed when it opens nothing; neither with signing keys nor before.
    std::fs::copy(folder.join("key"), folder.join("data/master.key")).unwrap();
    for (n, served) in [(1, false), (2, true)] {
        if served {
            Server::start(&folder.join("data")).kill();
        }
        std::fs::write(folder.join("data/master.key"), "0".repeat(64)).unwrap();
        let wrong = said(&format!("wrong{n}.db"));
        assert!(
            wrong.contains(
                "data/master.key (the one that is there is not the one this database was made with"
            ),
            "{wrong}"
        );
        std::fs::copy(folder.join("key"), folder.join("data/master.key")).unwrap();
        let right = said(&format!("right{n}.db"));
        assert!(right.contains("needed with it: data/master.key; they"), "{right}");
    }
    std::fs::write(folder.join("data/master.key"), "hallo").unwrap();
    let other = said("other.db");
    assert!(
        other.contains("data/master.key (what is there is no master key, which is 64 hexadecimal digits"),
        "{other}"
    );
    // The superuser may read whatever the mode says; nobody reads a folder.
    std::fs::remove_file(folder.join("data/master.key")).unwrap();
    std::fs::create_dir(folder.join("data/master.key")).unwrap();
    let closed = said("closed.db");
    assert!(
        closed.contains(
            "data/master.key (which cannot be read by this user, so whether it is the right one is not known"
        ),
        "{closed}"
    );
}

#[test]
fn a_folder_with_a_database_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    let (code, _, err) = roster(folder, &["backup", "--data", "data", "--to", "b.db"]);
    assert_eq!(code, 0, "{err}");
    // Also one whose database was moved away, but not what SQLite kept beside it: it would be played into ours.
    std::fs::create_dir(folder.join("half")).unwrap();
    std::fs::write(folder.join("half/roster.db-wal"), "old").unwrap();
    for (data, file) in [("data", "data/roster.db"), ("half", "half/roster.db-wal")] {
        let before = std::fs::read(folder.join(file)).unwrap();
        let (code, _, err) = roster(folder, &["restore", "--from", "b.db", "--data", data]);
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains(&format!("{file} exists already"))
                && err.contains("another folder")
                && err.contains("roster.db-wal"),
            "{err}"
        );
        assert_eq!(std::fs::read(folder.join(file)).unwrap(), before);
    }
    assert!(!folder.join("half/roster.db").exists());
}

#[test]
fn what_is_no_whole_backup_of_ours_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    let (code, _, err) = roster(folder, &["backup", "--data", "data", "--to", "good.db"]);
    assert_eq!(code, 0, "{err}");
    let good = std::fs::read(folder.join("good.db")).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    put("empty.db", b"");
    put("text.db", b"organizations:\n");
    put("short.db", &good[..60]);
    put("cut.db", &good[..good.len() - 4096]);
    put("open.db", &good);
    put("open.db-wal", b"newer");
    let mut damaged = good.clone();
    damaged[4096 * 20..4096 * 23].fill(0xff);
    put("damaged.db", &damaged);
    put("newer.db", &good);
    let sql = |name: &str, sql: &str| {
        Connection::open(folder.join(name))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    sql("newer.db", "INSERT INTO schema_version VALUES (99, 'later', 'x')");
    sql(
        "other.db",
        "CREATE TABLE schema_version (version_rank INT); CREATE TABLE songs (title TEXT)",
    );
    sql("bare.db", "CREATE TABLE t (x); DROP TABLE t");
    for (name, says) in [
        ("missing.db", "there is no file missing.db"),
        ("data", "it is a folder"),
        ("empty.db", "it is empty"),
        ("text.db", "it is no SQLite database"),
        ("short.db", "is cut off: it has 60 of"),
        ("cut.db", "is cut off: it has"),
        ("open.db", "its newest changes are in open.db-wal"),
        ("damaged.db", "damaged.db is damaged"),
        (
            "newer.db",
            "schema version 99, this program knows versions up to 2",
        ),
        ("other.db", "it holds the tables of another program"),
        ("bare.db", "it holds no tables"),
    ] {
        let (code, _, err) = roster(folder, &["restore", "--from", name, "--data", "new"]);
        assert_eq!(code, 2, "{name}: {err}");
        assert!(err.contains(says) && err.contains("\nhint: "), "{name}: {err}");
        let left = std::fs::read_dir(folder.join("new")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{name}: nothing is left behind");
    }
}

#[test]
fn backups_of_every_release_are_accepted() {
    let place = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../roster-store/tests/fixtures");
    let mut accepted = 0;
    for file in std::fs::read_dir(fixtures).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "db") {
            let data = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let (code, _, err) = roster(
                place.path(),
                &["restore", "--from", file.to_str().unwrap(), "--data", &data],
            );
            assert_eq!(code, 0, "{data}: {err}");
            let (code, out, _) = roster(place.path(), &["verify", "--data", &data]);
            assert_eq!(code, 0, "{data}: {out}");
            accepted += 1;
        }
    }
    assert!(accepted > 0, "there are no fixtures");
}

#[test]
fn a_restore_that_is_killed_leaves_no_database() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    describe(folder, &folder.join("data"));
    // A larger log, so that checking takes a while.
    let conn = Connection::open(folder.join("data/roster.db")).unwrap();
    conn.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
        INSERT INTO audit SELECT i, 0, 'a', NULL, 'r', '{}', '{\"v\":1,\"c\":[]}' FROM n",
    )
    .unwrap();
    drop(conn);
    let (_, _, err) = roster(folder, &["backup", "--data", "data", "--to", "b.db"]);
    assert!(folder.join("b.db").exists(), "{err}");
    let restore = ["restore", "--from", "b.db", "--data", "new", "--accept-findings"];
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(restore)
        .current_dir(folder)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !folder.join("new/roster.db.partial").exists() {
        assert!(Instant::now() < deadline);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("new/roster.db").exists(), "half a database is none");
    let (_, _, err) = roster(folder, &restore);
    assert!(
        folder.join("new/roster.db").exists(),
        "the next one goes on: {err}"
    );
    assert_eq!(
        std::fs::read_dir(folder.join("new")).unwrap().count(),
        1,
        "nothing is left behind"
    );
}
