//! `roster migrate` killed in the middle, started twice, and on a database that is in use or newer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{Moments, Server, killed, roster, rounds};

const MIGRATE: [&str; 3] = ["migrate", "--data", "data"];

/// How many entries the log of the first release gets.
fn entries() -> u32 {
    let asked = std::env::var("ROSTER_TEST_ENTRIES");
    asked.map_or(50_000, |text| text.parse().unwrap())
}

/// A database that version 0.1.0 made, its log grown by commands that were refused.
fn grown(folder: &Path) -> PathBuf {
    let file = folder.join("old.db");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../roster-store/tests/fixtures/0.1.0.db");
    std::fs::copy(fixture, &file).unwrap();
    let conn = Connection::open(&file).unwrap();
    // As the program keeps it.
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.execute(
        "INSERT INTO audit (org, entry, at, actor, client, request_id, command, changes)
         WITH RECURSIVE n (n) AS (SELECT MAX(entry) + 1 FROM audit WHERE org = 1 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
         SELECT 1, n, 1700000000000 + n, '0123456789ABCDEF01234567@techacct.adobe.com', '0123456789abcdef0123456789abcdef',
                printf('%032x', n),
                '{\"user\":\"person' || n || '@example.com\",\"do\":[{\"createFederatedID\":{\"email\":\"person' || n ||
                '@example.com\",\"country\":\"DE\",\"firstname\":\"Ada\",\"lastname\":\"Lovelace\"}},{\"add\":{\"group\":[\"Nowhere\"]}}],\
                 \"refused\":\"' || hex(zeroblob(70)) || '\"}',
                '{\"v\":1,\"c\":[]}'
         FROM n",
        [entries()],
    )
    .unwrap();
    file
}

struct Old {
    place: TempDir,
    file: PathBuf,
    data: PathBuf,
}

impl Old {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let old = Self {
            file: grown(place.path()),
            data: place.path().join("data"),
            place,
        };
        old.reset();
        old
    }

    fn folder(&self) -> &Path {
        self.place.path()
    }

    /// The old database again, as it was.
    fn reset(&self) {
        let _ = std::fs::remove_dir_all(&self.data);
        std::fs::create_dir(&self.data).unwrap();
        std::fs::write(self.data.join("master.key"), "07".repeat(32)).unwrap();
        std::fs::copy(&self.file, self.data.join("roster.db")).unwrap();
    }

    /// The schema version, and a sum over all of the log that does not depend on it.
    fn state(&self) -> (i64, String) {
        let conn = Connection::open(self.data.join("roster.db")).unwrap();
        let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let version = one("SELECT MAX(version) FROM schema_version");
        let number = if version == 1 {
            "(org << 40) + entry"
        } else {
            "number"
        };
        let sum = format!(
            "SELECT COUNT(*) || ' ' || SUM(({number}) % 1000003 * length(command) + at % 1000003 + length(changes)) FROM audit"
        );
        let log = conn.query_row(&sum, [], |row| row.get(0)).unwrap();
        let whole: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
        let left = one("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'audit_before'");
        assert_eq!(left, 0, "a table of the migration is left");
        (version, log)
    }
}

#[test]
fn a_migration_that_is_killed_has_changed_nothing_and_is_run_again() {
    let old = Old::new();
    let (version, log) = old.state();
    assert_eq!(version, 1);
    let began = Instant::now();
    let (code, out, err) = roster(old.folder(), &MIGRATE);
    assert_eq!((code, out.as_str()), (0, "schema version 1 -> 2\n"), "{err}");
    let whole = began.elapsed();
    assert_eq!(old.state(), (2, log.clone()));
    old.reset();
    let (mut moments, wanted, mut rounds, mut undone) = (Moments::new(), rounds(6, 20), 0, 0);
    // A machine that is busy may let the first ones come too late.
    while rounds < wanted || (undone < 2 && rounds < wanted + 50) {
        rounds += 1;
        let running = killed(old.folder(), &MIGRATE, moments.next(whole));
        let (version, after) = old.state();
        assert_eq!(after, log, "killed, and the log is another one");
        if version == 1 {
            // Not reset: the next one goes on with what this one has left.
            undone += u32::from(running);
        } else {
            old.reset();
        }
    }
    assert!(undone > 1, "{undone} of {rounds} kills came before the end");
    let (code, out, err) = roster(old.folder(), &MIGRATE);
    assert_eq!((code, out.as_str()), (0, "schema version 1 -> 2\n"), "{err}");
    assert_eq!(old.state(), (2, log));
    let (code, out, err) = roster(old.folder(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}{err}");
    let (_, out, _) = roster(old.folder(), &MIGRATE);
    assert_eq!(out, "schema version 2: nothing to do\n");
    eprintln!("{rounds} kills, {undone} before the end, {whole:?} undisturbed");
}

#[test]
fn two_migrations_at_once_are_one_and_a_refusal() {
    let old = Old::new();
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_roster"))
            .args(MIGRATE)
            .current_dir(old.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let said = both.each_ref().map(|output| {
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    });
    let done = said.iter().filter(|(_, out, _)| out == "schema version 1 -> 2\n");
    assert_eq!(done.count(), 1, "{said:?}");
    for (code, out, err) in &said {
        let refused = *code == Some(2)
            && err.contains("already runs on data")
            && err.contains("another `roster migrate`, wait until that has ended");
        // The other one may also have come when all was over.
        assert!(refused || (*code == Some(0) && !out.is_empty()), "{said:?}");
    }
    let (code, out, err) = roster(old.folder(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_schema_is_not_changed_beneath_a_program_that_uses_it() {
    let old = Old::new();
    // As a server holds it.
    let lock = std::fs::File::create(old.data.join("serve.lock")).unwrap();
    lock.lock().unwrap();
    let database = std::fs::File::open(old.data.join("roster.db")).unwrap();
    database.lock().unwrap();
    let (code, _, err) = roster(old.folder(), &MIGRATE);
    assert_eq!(code, 2, "{err}");
    for part in ["a server already runs on data", "stop it first"] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    assert_eq!(old.state().0, 1);
    // Commands that only look, or change something else, do it no more than that one.
    for words in [
        &["verify"][..],
        &["audit"],
        &["admin", "list"],
        &["keys", "rotate"],
    ] {
        let (code, out, err) = roster(old.folder(), &[words, &["--data", "data"]].concat());
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(err.contains("a server already runs on data"), "{words:?}: {err}");
        assert_eq!(old.state().0, 1, "{words:?}");
    }
    drop((lock, database));
    // A database that is being changed by a program without that lock.
    let conn = Connection::open(old.data.join("roster.db")).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (code, _, err) = roster(old.folder(), &MIGRATE);
    assert_eq!(code, 2, "{err}");
    for part in [
        "the database is busy",
        "another program changes it",
        "run this again",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    conn.execute_batch("ROLLBACK").unwrap();
    drop(conn);
    let (code, _, err) = roster(old.folder(), &MIGRATE);
    assert_eq!(code, 0, "{err}");
    // Beside a server of this version there is nothing to do, and nothing in the way.
    let server = Server::start(&old.data);
    let (code, out, err) = roster(old.folder(), &MIGRATE);
    assert_eq!(
        (code, out.as_str()),
        (0, "schema version 2: nothing to do\n"),
        "{err}"
    );
    server.kill();
}

#[test]
fn a_command_that_changes_the_schema_says_so() {
    let old = Old::new();
    let said = "the database was changed: schema version 1 -> 2";
    let log = std::fs::File::create(old.folder().join("log")).unwrap();
    Server::start_with(&old.data, &["--tls", "off"], "error", log.into()).kill();
    let told = std::fs::read_to_string(old.folder().join("log")).unwrap();
    assert!(told.contains(said), "{told}");
    old.reset();
    let verify = ["verify", "--data", "data"];
    let (code, out, err) = roster(old.folder(), &verify);
    assert_eq!((code, old.state().0), (0, 2), "{out}{err}");
    assert!(err.contains(said), "{err}");
    let (_, _, err) = roster(old.folder(), &verify);
    assert!(!err.contains(said), "{err}");
}

#[test]
fn where_there_is_no_database_none_is_made_to_migrate() {
    let place = tempfile::tempdir().unwrap();
    let (code, out, err) = roster(place.path(), &["migrate", "--data", "typo/deep"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        err.contains("there is no database at typo/deep/roster.db"),
        "{err}"
    );
    assert!(!place.path().join("typo").exists());
}

#[test]
fn a_schema_that_is_not_known_is_refused_and_left() {
    let old = Old::new();
    let change = |sql: &str| {
        let conn = Connection::open(old.data.join("roster.db")).unwrap();
        assert_eq!(conn.execute(sql, []).unwrap(), 1);
    };
    let refused = |says: &str| {
        let before = std::fs::read(old.data.join("roster.db")).unwrap();
        let (code, out, err) = roster(old.folder(), &MIGRATE);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(
            err.contains(says) && err.contains("hint: "),
            "`{says}` is not in\n{err}"
        );
        assert!(
            before == std::fs::read(old.data.join("roster.db")).unwrap(),
            "{says}: it was changed"
        );
    };
    change("UPDATE schema_version SET checksum = 'x'");
    refused("schema version 1 of the database is not the one this program released as `start`");
    change("UPDATE schema_version SET version = 99");
    refused("schema version 99, this program knows versions up to 2");
}
