//! A database that is moved away, removed or exchanged under its server, and the files beside it: nothing is acknowledged that
//! nobody would find again, and nobody else writes meanwhile.

use std::time::Duration;

use crate::support::{Server, create, describe, request, roster};

#[test]
fn a_database_that_is_moved_away_is_not_made_anew() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let server = Server::start(&data);
    crate::support::token(&server.address);
    let before = place.path().join("before");
    std::fs::create_dir(&before).unwrap();
    for name in ["roster.db", "roster.db-wal", "roster.db-shm"] {
        std::fs::rename(data.join(name), before.join(name)).unwrap();
    }
    // Nothing is acknowledged that nobody would find again.
    let status = |path: &str| request(&server.address, "GET", path, None, "").unwrap().0;
    assert_eq!(status("/livez"), 200);
    assert_eq!(status("/readyz"), 503);
    for words in [
        &["backup", "--to", "copy.db"][..],
        &["verify"],
        &["keys", "rotate"],
        &["admin", "list"],
    ] {
        let (code, out, err) = roster(place.path(), &[words, &["--data", "data"]].concat());
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(
            err.contains("a server runs on data: it was moved away") && err.contains("put it back"),
            "{words:?}: {err}"
        );
    }
    assert_eq!(server.stop(), Some(2), "what it leaves is not as it should be");
    assert!(!data.join("roster.db").exists());
    for name in ["roster.db", "roster.db-wal", "roster.db-shm"] {
        if before.join(name).exists() {
            std::fs::rename(before.join(name), data.join(name)).unwrap();
        }
    }
    let server = Server::start(&data);
    crate::support::token(&server.address);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_database_that_was_exchanged_takes_nothing_more() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let (code, _, err) = roster(place.path(), &["backup", "--data", "data", "--to", "copy.db"]);
    assert_eq!(code, 0, "{err}");
    let log = std::fs::File::create(place.path().join("log")).unwrap();
    let server = Server::start_with(&data, &["--tls", "off"], "warn", log.into());
    let token = crate::support::token(&server.address);
    let copy = std::fs::read(place.path().join("copy.db")).unwrap();
    std::fs::rename(data.join("roster.db"), data.join("old.db")).unwrap();
    std::fs::rename(place.path().join("copy.db"), data.join("roster.db")).unwrap();
    assert_eq!(create(&server.address, &token, "n"), 503);
    assert_eq!(
        request(&server.address, "GET", "/readyz", None, "").unwrap().0,
        503
    );
    std::thread::sleep(Duration::from_millis(110));
    let users = format!("/v2/usermanagement/users/{}/0", crate::support::ORG);
    assert_eq!(
        request(&server.address, "GET", &users, Some(&token), "")
            .unwrap()
            .0,
        503
    );
    let said = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(
        said.contains("data/roster.db was exchanged for another file")
            && said.contains("Put the file that was there back"),
        "{said}"
    );
    std::fs::rename(data.join("roster.db"), place.path().join("copy.db")).unwrap();
    assert!(
        std::fs::read(place.path().join("copy.db")).unwrap() == copy,
        "it was changed"
    );
    std::fs::rename(data.join("old.db"), data.join("roster.db")).unwrap();
    assert_eq!(create(&server.address, &token, "n"), 200, "it goes on by itself");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(roster(place.path(), &["verify", "--data", "data"]).0, 0);
}

#[test]
fn a_log_that_was_removed_takes_nothing_acknowledged_with_it() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let log = std::fs::File::create(place.path().join("log")).unwrap();
    let server = Server::start_with(&data, &["--tls", "off"], "warn", log.into());
    let token = crate::support::token(&server.address);
    assert_eq!(create(&server.address, &token, "before"), 200);
    std::fs::remove_file(data.join("roster.db-wal")).unwrap();
    for words in [
        &["org", "apply", "org.yml", "--data", "data"][..],
        &["backup", "--data", "data", "--to", "copy.db"],
    ] {
        let (code, out, err) = roster(place.path(), words);
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(
            err.contains("a server runs on data, and ")
                && err.contains("data/roster.db-wal is not there any more")
                && err.contains("has to be started anew"),
            "{words:?}: {err}"
        );
    }
    assert_eq!(create(&server.address, &token, "after"), 503);
    assert_eq!(
        request(&server.address, "GET", "/readyz", None, "").unwrap().0,
        503
    );
    let said = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(
        said.contains("data/roster.db-wal was moved away or removed") && said.contains("start it anew"),
        "{said}"
    );
    server.kill();
    assert_eq!(roster(place.path(), &["verify", "--data", "data"]).0, 0);
    let server = Server::start(&data);
    let token = crate::support::token(&server.address);
    let there = |who: &str| {
        let path = format!(
            "/v2/usermanagement/organizations/{}/users/{who}@example.com",
            crate::support::ORG
        );
        request(&server.address, "GET", &path, Some(&token), "")
            .unwrap()
            .0
    };
    assert_eq!((there("before"), there("after")), (200, 404));
    assert_eq!(server.stop(), Some(0));
}

/// Programs see by it what the others wrote: without it they write over one another.
#[test]
fn an_index_of_the_log_that_was_removed_takes_nothing_more() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let log = std::fs::File::create(place.path().join("log")).unwrap();
    let server = Server::start_with(&data, &["--tls", "off"], "warn", log.into());
    let index = data.join("roster.db-shm");
    let ready = || request(&server.address, "GET", "/readyz", None, "").unwrap().0;
    assert_eq!(ready(), 200);
    std::fs::rename(&index, place.path().join("index")).unwrap();
    assert_eq!(ready(), 503);
    std::fs::rename(place.path().join("index"), &index).unwrap();
    assert_eq!(ready(), 200, "it goes on by itself");
    std::fs::remove_file(&index).unwrap();
    assert_eq!(ready(), 503);
    assert_eq!(roster(place.path(), &["admin", "list", "--data", "data"]).0, 0);
    assert_eq!(ready(), 503, "another one took its place, or none");
    let said = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(
        said.contains("data/roster.db-shm was moved away or removed") && said.contains("start it anew"),
        "{said}"
    );
    assert_eq!(server.stop(), Some(2));
    assert_eq!(roster(place.path(), &["verify", "--data", "data"]).0, 0);
    let server = Server::start(&data);
    assert_eq!(
        request(&server.address, "GET", "/readyz", None, "").unwrap().0,
        200
    );
    assert_eq!(server.stop(), Some(0));
}

/// What writes beside a server would open the server's log together with another database, and damage both.
#[test]
fn no_command_touches_what_lies_in_place_of_a_servers_database() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    describe(place.path(), &data);
    let (code, _, err) = roster(place.path(), &["backup", "--data", "data", "--to", "copy.db"]);
    assert_eq!(code, 0, "{err}");
    let server = Server::start(&data);
    let file = data.join("roster.db");
    let log = std::fs::read(data.join("roster.db-wal")).unwrap();
    std::fs::rename(&file, place.path().join("own.db")).unwrap();
    let commands: [&[&str]; 2] = [
        &["org", "apply", "org.yml", "--data", "data"],
        &["keys", "rotate", "--data", "data"],
    ];
    let apply = roster(place.path(), commands[0]);
    assert_eq!(apply.0, 2, "{apply:?}");
    assert!(apply.2.contains("already runs on data"), "{apply:?}");
    assert!(
        !file.exists(),
        "a new database was made in the place of the server's"
    );
    std::fs::copy(place.path().join("copy.db"), &file).unwrap();
    let looking: [&[&str]; 3] = [
        &["backup", "--data", "data", "--to", "mixed.db"],
        &["org", "apply", "org.yml", "--data", "data", "--dry-run"],
        &["verify", "--data", "data"],
    ];
    for words in commands.into_iter().chain(looking) {
        let (code, out, err) = roster(place.path(), words);
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(err.contains("is not its database"), "{words:?}: {err}");
    }
    assert!(std::fs::read(data.join("roster.db-wal")).unwrap() == log);
    std::fs::rename(place.path().join("own.db"), &file).unwrap();
    crate::support::token(&server.address);
    for words in commands {
        let (code, out, err) = roster(place.path(), words);
        assert_eq!(code, 0, "{words:?}: {out}{err}");
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(roster(place.path(), &["verify", "--data", "data"]).0, 0);
}
