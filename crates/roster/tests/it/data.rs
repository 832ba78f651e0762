//! What can be wrong with a data folder: each is said with what was found and what to do, and nothing is changed.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::support::{Server, describe, request, roster};

const SERVE: [&str; 5] = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let first = Server::start(&data);
    let (code, out, err) = roster(place.path(), &SERVE);
    assert_eq!(code, 2, "{out}{err}");
    for part in [
        "a server (process ",
        "already runs on data",
        "--data",
        "PostgreSQL",
    ] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    crate::support::token(&first.address);
    // Other commands go on beside it, and a server that was killed is not in the way.
    let (code, _, err) = roster(place.path(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    first.kill();
    Server::start(&data).kill();
}

#[test]
fn a_database_has_one_server_under_whatever_name() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let first = Server::start(&data);
    let refused = |folder: &str, says: &str| {
        let (code, out, err) = roster(
            place.path(),
            &["serve", "--data", folder, "--listen", "127.0.0.1:0"],
        );
        assert_eq!(code, 2, "{folder}: {out}{err}");
        assert!(err.contains(says), "{folder}: {err}");
    };
    for (folder, linked) in [("soft", true), ("hard", false)] {
        let other = place.path().join(folder);
        std::fs::create_dir(&other).unwrap();
        std::fs::copy(data.join("master.key"), other.join("master.key")).unwrap();
        if linked {
            std::os::unix::fs::symlink(data.join("roster.db"), other.join("roster.db")).unwrap();
            refused(folder, "already runs on soft");
            std::fs::remove_file(data.join("serve.lock")).unwrap();
            refused(folder, "already runs on soft");
            refused("data", "already runs on data");
        } else {
            std::fs::hard_link(data.join("roster.db"), other.join("roster.db")).unwrap();
            refused(folder, "has a second name (a hard link)");
            // Whoever opened it under the other name would neither see what the server wrote last nor leave it whole.
            let apply = ["org", "apply", "org.yml", "--credentials", "other.json"];
            for words in [
                &apply[..],
                &["keys", "rotate"],
                &["admin", "list"],
                &["audit"],
                &["verify"],
                &["org", "export", "Example"],
                &["backup", "--to", "copy.db"],
            ] {
                for folder in ["hard", "data"] {
                    let (code, out, err) = roster(place.path(), &[words, &["--data", folder]].concat());
                    assert_eq!(code, 2, "{words:?} {folder}: {out}{err}");
                    assert!(
                        err.contains("has a second name (a hard link)"),
                        "{words:?}: {err}"
                    );
                }
            }
            assert!(!place.path().join("copy.db").exists());
            std::fs::remove_file(other.join("roster.db")).unwrap();
        }
    }
    // Others work beside it as before.
    crate::support::token(&first.address);
    let (code, _, err) = roster(place.path(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    first.kill();
    Server::start(&data).kill();
}

#[test]
fn a_database_that_was_made_just_now_is_locked_too() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let first = Server::start(&data);
    std::fs::remove_file(data.join("serve.lock")).unwrap();
    let (code, out, err) = roster(place.path(), &SERVE);
    assert_eq!(code, 2, "{out}{err}");
    assert!(err.contains("a server already runs on data"), "{err}");
    assert_eq!(first.stop(), Some(0));
}

#[test]
fn a_backup_is_not_restored_under_a_server_that_runs() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let (code, _, err) = roster(place.path(), &["backup", "--data", "data", "--to", "copy.db"]);
    assert_eq!(code, 0, "{err}");
    let server = Server::start(&data);
    let before = place.path().join("before");
    std::fs::create_dir(&before).unwrap();
    for name in ["roster.db", "roster.db-wal", "roster.db-shm"] {
        let _ = std::fs::rename(data.join(name), before.join(name));
    }
    let restore = ["restore", "--from", "copy.db", "--data", "data"];
    let (code, out, err) = roster(place.path(), &restore);
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        err.contains("already runs on data") && err.contains("would not be in the restored database"),
        "{err}"
    );
    assert!(!data.join("roster.db").exists());
    server.kill();
    let (code, _, err) = roster(place.path(), &restore);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_log_of_the_server_that_cannot_be_written_costs_nobody_an_answer() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = Server::start_with(&data, &["--tls", "off"], "info", full.into());
    let token = crate::support::token(&server.address);
    let users = format!("/v2/usermanagement/users/{}/0", crate::support::ORG);
    for path in ["/livez", "/readyz", users.as_str()] {
        let answer = request(&server.address, "GET", path, Some(&token), "");
        assert_eq!(answer.map(|(status, _)| status), Some(200), "{path}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_server_for_everybody_says_what_address_clients_are_told() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let said = |words: &[&str]| {
        let log = std::fs::File::create(place.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        command
            .args(["serve", "--tls", "off", "--data", data.to_str().unwrap()])
            .args(words)
            .env("ROSTER_LOG", "warn");
        Server::started_by(command.stderr(log)).kill();
        std::fs::read_to_string(place.path().join("log")).unwrap()
    };
    let warned = said(&["--listen", "0.0.0.0:0"]);
    for part in ["clients are told http://localhost:", "--public-url"] {
        assert!(warned.contains(part), "`{part}` is not in\n{warned}");
    }
    for words in [
        &["--listen", "127.0.0.1:0"][..],
        &[
            "--listen",
            "0.0.0.0:0",
            "--public-url",
            "http://roster.example.com",
        ],
    ] {
        assert_eq!(said(words), "", "{words:?}");
    }
}

/// A server starts on such a file, because it has not looked there yet.
#[test]
fn a_file_that_is_damaged_further_in_is_named() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let file = data.join("roster.db");
    let good = std::fs::read(&file).unwrap();
    let pages = good.len() / 4096;
    let mut unreadable = 0;
    for page in (2..pages).step_by(5) {
        let mut bytes = good.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        let (code, out, err) = roster(place.path(), &["verify", "--data", "data"]);
        if code == 0 {
            // A page that holds nothing.
            continue;
        }
        unreadable += 1;
        assert!(
            err.contains("data/roster.db") && err.contains("hint: ") && err.contains("restore"),
            "page {page}: {code} {out}{err}"
        );
    }
    assert!(unreadable > 3, "{unreadable} of {pages}");
}

/// Everything under a folder, with its content, but for what SQLite keeps beside a database that it looked into.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
            all.push((path, None));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.to_string_lossy();
            if name.ends_with("-wal") {
                assert!(bytes.is_empty(), "{name} holds something");
            } else if !name.ends_with("-shm") {
                all.push((path, Some(bytes)));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_server_that_cannot_run_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    describe(place.path(), &place.path().join("described"));
    describe(place.path(), &place.path().join("other"));
    let key = place.path().join("wrong/master.key");
    std::fs::create_dir(place.path().join("wrong")).unwrap();
    std::fs::copy(
        place.path().join("described/roster.db"),
        place.path().join("wrong/roster.db"),
    )
    .unwrap();
    std::fs::copy(place.path().join("other/master.key"), &key).unwrap();
    let refused = |words: &[&str], says: &str| {
        let before = files(place.path());
        let (code, out, err) = roster(place.path(), &[&["serve"], words].concat());
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(err.contains(says), "{words:?}: {err}");
        let names = |all: &[(std::path::PathBuf, Option<Vec<u8>>)]| {
            all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        let after = files(place.path());
        assert_eq!(names(&after), names(&before), "{words:?} left something");
        assert!(after == before, "{words:?} changed something");
    };
    for data in ["new", "described"] {
        refused(&["--data", data, "--listen", &address], "cannot listen on");
        let words = ["--data", data, "--listen", "127.0.0.1:0"];
        let given = ["--tls-cert", "none.pem", "--tls-key", "none.pem"];
        refused(&[&words[..], &given].concat(), "none.pem");
    }
    let words = ["--data", "wrong", "--listen", "127.0.0.1:0"];
    refused(
        &words,
        "the master key is not the one this database was made with",
    );
    std::fs::write(&key, "nonsense").unwrap();
    refused(&words, "is no master key");
    refused(
        &[
            "--data",
            "new",
            "--master-key-file",
            "wrong/master.key",
            "--listen",
            "127.0.0.1:0",
        ],
        "is no master key",
    );
}

/// A server would answer, and save nothing.
#[test]
fn a_database_that_may_only_be_read_has_no_server() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let nobody = 65534;
    // The superuser may write whatever the mode says.
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        if is_root {
            command.uid(nobody);
        }
        command.args(words).current_dir("/").output()
    };
    if run(&["--version"]).is_err() {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none(),
            "another user cannot run the program"
        );
        eprintln!("not run: another user cannot run the program");
        return;
    }
    if is_root {
        chmod(place.path(), 0o755);
        for path in [&data, &data.join("master.key")] {
            std::os::unix::fs::chown(path, Some(nobody), None).unwrap();
        }
    }
    let file = data.join("roster.db");
    chmod(&file, 0o444);
    let before = std::fs::read(&file).unwrap();
    let folder = data.to_str().unwrap();
    let ended = run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls",
        "off",
        "--data",
        folder,
    ])
    .unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0), "{err}");
    for part in ["roster.db cannot be written", "chown", "chmod 600"] {
        assert!(err.contains(part), "`{part}` is not in\n{err}");
    }
    assert!(std::fs::read(&file).unwrap() == before, "it was changed");
}

/// Clients trust it: it is never replaced by another one unasked.
#[test]
fn a_server_whose_authority_is_damaged_does_not_start_and_says_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let start = || {
        let server = Server::start_with(&data, &[], "error", Stdio::null());
        assert_eq!(server.stop(), Some(0));
    };
    start();
    let (authority, key) = (data.join("tls/ca.pem"), data.join("tls/ca-key.pem"));
    let trusted = std::fs::read(&authority).unwrap();
    let kept = std::fs::read(&key).unwrap();
    let refused = |says: &str| {
        let before = files(place.path());
        let (code, out, err) = roster(place.path(), &SERVE);
        assert_eq!(code, 2, "{out}{err}");
        for part in [says, "every client has to be given its ca.pem"] {
            assert!(err.contains(part), "`{part}` is not in\n{err}");
        }
        assert!(files(place.path()) == before, "something was changed");
    };
    std::fs::remove_file(&key).unwrap();
    refused("`data/tls/ca-key.pem` is missing");
    std::fs::write(&key, &kept).unwrap();
    std::fs::write(&authority, "").unwrap();
    refused("`data/tls/ca.pem` holds no certificate");
    std::fs::write(&authority, &trusted).unwrap();
    start();
    assert_eq!(std::fs::read(&authority).unwrap(), trusted);
    std::fs::remove_dir_all(data.join("tls")).unwrap();
    start();
    assert_ne!(std::fs::read(&authority).unwrap(), trusted);
}

#[test]
fn a_file_that_cannot_be_our_database_is_refused_and_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    describe(place.path(), &place.path().join("good"));
    let (code, _, err) = roster(place.path(), &["backup", "--data", "good", "--to", "good.db"]);
    assert_eq!(code, 0, "{err}");
    let good = std::fs::read(place.path().join("good.db")).unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(place.path().join("good/master.key"), data.join("master.key")).unwrap();
    let file = data.join("roster.db");
    let made = |begin: &[u8], sql: &str| {
        std::fs::write(&file, begin).unwrap();
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        std::fs::read(&file).unwrap()
    };
    let newer = made(&good, "INSERT INTO schema_version VALUES (99, 'later', 'x')");
    let bare = made(b"", "PRAGMA journal_mode = WAL");
    let other = made(b"", "CREATE TABLE songs (title TEXT)");
    for (bytes, says, hint) in [
        (
            &good[..good.len() - 4096],
            "is cut off: it has",
            "restore the last backup",
        ),
        (b"", "it is empty", "remove data/roster.db"),
        (b"organizations:\n", "it is no SQLite database", "check --data"),
        (
            &newer,
            "schema version 99, this program knows versions up to 2",
            "run the Roster that made it",
        ),
        (&bare, "it holds no tables", "remove data/roster.db"),
        (&other, "it holds the tables of another program", "check --data"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        for words in [
            &SERVE[..],
            &["migrate", "--data", "data"],
            &["verify", "--data", "data"],
            &["backup", "--data", "data", "--to", "copy.db"],
        ] {
            let hint = match words.first() {
                Some(&"backup") if says.starts_with("is cut off") => "keep the earlier ones",
                _ => hint,
            };
            let (code, out, err) = roster(place.path(), words);
            assert_eq!(code, 2, "{says} {words:?}: {out}{err}");
            assert!(
                err.contains(says) && err.contains(hint),
                "{says} {words:?}: {err}"
            );
        }
        assert!(
            std::fs::read(&file).unwrap() == bytes,
            "{says}: the file was changed"
        );
    }
}

#[test]
fn what_is_no_database_is_said_to_be_none_also_without_a_key() {
    for (bytes, says) in [(&b""[..], "it is empty"), (&[b'x'; 4096], "no Roster database")] {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("roster.db"), bytes).unwrap();
        for words in [&SERVE[..], &["keys", "rotate", "--data", "data"]] {
            let (code, _, err) = roster(place.path(), words);
            assert_eq!(code, 2, "{err}");
            assert!(
                err.contains(says) && !err.contains("master.key is missing"),
                "{err}"
            );
        }
        assert!(std::fs::read(data.join("roster.db")).unwrap() == bytes);
    }
}

#[test]
fn what_is_not_ours_to_read_is_named_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    chmod(place.path(), 0o755);
    let data = place.path().join("data");
    describe(place.path(), &data);
    let program = place.path().join("roster");
    std::fs::copy(env!("CARGO_BIN_EXE_roster"), &program).unwrap();
    // Root may read everything, so somebody else asks.
    let root = place.path().metadata().unwrap().uid() == 0;
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).current_dir(place.path()).stdin(Stdio::null());
        if root {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        text
    };
    let before = std::fs::read(data.join("roster.db")).unwrap();
    // The folder belongs to somebody else.
    chmod(&data, if root { 0o700 } else { 0o000 });
    for words in [
        &SERVE[..],
        &["verify", "--data", "data"],
        &["backup", "--data", "data", "--to", "x.db"],
    ] {
        let said = run(words);
        assert!(
            said.contains("cannot be looked at: Permission denied") && said.contains("sudo -u"),
            "{said}"
        );
        assert!(!said.contains("a new database"), "{said}");
    }
    // Only the key does.
    chmod(&data, 0o777);
    chmod(&data.join("master.key"), if root { 0o600 } else { 0o000 });
    let said = run(&SERVE);
    assert!(
        said.contains("the master key data/master.key cannot be read") && said.contains("chown"),
        "{said}"
    );
    // Only the database does.
    chmod(&data.join("master.key"), 0o644);
    chmod(&data.join("roster.db"), if root { 0o600 } else { 0o000 });
    for words in [&SERVE[..], &["backup", "--data", "data", "--to", "x.db"]] {
        let said = run(words);
        assert!(
            said.contains("data/roster.db cannot be read") && said.contains("hint: the file has to belong"),
            "{said}"
        );
    }
    // Only the backup does.
    let copy = place.path().join("copy.db");
    std::fs::copy(data.join("roster.db"), &copy).unwrap();
    chmod(&copy, if root { 0o600 } else { 0o000 });
    let said = run(&["restore", "--from", "copy.db", "--data", "new"]);
    assert!(
        said.contains("copy.db cannot be read: Permission denied")
            && said.contains("may not read the backup"),
        "{said}"
    );
    // Only the folder for the backup does.
    chmod(&data.join("roster.db"), 0o666);
    let elsewhere = place.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    chmod(&elsewhere, if root { 0o755 } else { 0o555 });
    let said = run(&["backup", "--data", "data", "--to", "elsewhere/x.db"]);
    assert!(
        said.contains("elsewhere/x.db") && said.contains("can be written by this user"),
        "{said}"
    );
    chmod(&data, 0o700);
    chmod(&data.join("roster.db"), 0o600);
    assert_eq!(std::fs::read(data.join("roster.db")).unwrap(), before);
}

/// What a server says until it is ready, and then it is stopped.
fn warnings(place: &Path) -> String {
    let ready = place.join("ready");
    let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(SERVE)
        .args(["--ready-file", "ready"])
        .current_dir(place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    std::fs::remove_file(ready).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
}

#[test]
fn a_key_that_others_may_read_is_warned_of() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    assert!(
        !warnings(place.path()).contains("WARN"),
        "the folder is as we made it"
    );
    chmod(&data.join("master.key"), 0o644);
    chmod(&data, 0o777);
    let said = warnings(place.path());
    assert!(
        said.contains("data/master.key can be read by others (mode 0644): chmod 600 data/master.key"),
        "{said}"
    );
    assert!(
        said.contains("data can be changed by others (mode 0777): chmod 700 data"),
        "{said}"
    );
}

#[test]
fn a_clock_that_went_backwards_is_noticed_and_harms_nothing() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let tomorrow = i64::try_from(now).unwrap() + 86_400_000;
    Connection::open(data.join("roster.db"))
        .unwrap()
        .execute("UPDATE audit SET at = ?1", [tomorrow])
        .unwrap();
    let said = warnings(place.path());
    assert!(
        said.contains("the clock says") && said.contains("it went backwards, or was ahead then"),
        "{said}"
    );
    // It serves and writes; the log keeps its order.
    let more = crate::support::DESCRIPTION.replace("{name: Plain}", "{name: Plain}, {name: Later}");
    std::fs::write(place.path().join("more.yml"), more).unwrap();
    let (code, out, err) = roster(place.path(), &["org", "apply", "more.yml", "--data", "data"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Later") || err.contains("Later"), "{out}{err}");
    let (code, out, _) = roster(place.path(), &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}");
}

/// Whoever waits for the file would wait for ever.
#[test]
fn a_ready_file_that_cannot_be_written_ends_the_server() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("folder")).unwrap();
    for file in ["nowhere/ready", "folder", "data/tls/ready"] {
        let before = files(place.path());
        let (code, out, err) = roster(place.path(), &[&SERVE[..], &["--ready-file", file]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{file}: {err}");
        assert!(
            err.contains(&format!("the ready file {file} cannot be written")) && err.contains("--ready-file"),
            "{err}"
        );
        assert!(files(place.path()) == before, "{file} left something");
    }
    // In a data folder that is made yet it shows when the server is ready.
    let (code, out, err) = roster(
        place.path(),
        &[&SERVE[..], &["--ready-file", "data/tls"]].concat(),
    );
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("the ready file data/tls cannot be written"), "{err}");
    std::fs::remove_dir_all(place.path().join("data")).unwrap();
    let whole = place.path().join("data/ready");
    let above = place.path().join("srv/ready");
    for (data, file, at) in [
        ("data", "data/ready", &whole),
        ("./data", "data/ready", &whole),
        ("data", whole.to_str().unwrap(), &whole),
        ("srv/data", "srv/ready", &above),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roster"))
            .args([
                "serve",
                "--data",
                data,
                "--listen",
                "127.0.0.1:0",
                "--ready-file",
                file,
            ])
            .current_dir(place.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !at.exists() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "{data} {file}: it does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_dir_all(at.parent().unwrap()).unwrap();
    }
}

#[test]
fn another_installations_key_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    Server::start(&data).kill();
    std::fs::write(data.join("master.key"), "5a".repeat(32)).unwrap();
    let (code, _, err) = roster(place.path(), &SERVE);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("master key"), "{err}");
}
