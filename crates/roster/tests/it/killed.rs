//! `roster audit erase` and `roster audit prune` killed at random moments, and run again: whatever is done is recorded,
//! nothing is half done, and what was taken out stands whole in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Moments, ORG, Server, describe, killed, request, roster, rounds, token};

const NAME: &str = "ada.lovelace@example.com";
/// A name that she had before.
const BEFORE: &str = "ada.byron@example.com";
/// Entries whose commands name her, and as many that do not.
const NAMED: u32 = 1500;

/// An entry: number, time, actor, command and changes.
type Row = (i64, i64, String, String, String);

/// A database with a long log, in which somebody came, was renamed and left.
fn history() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("base");
    describe(place.path(), &data);
    let server = Server::start(&data);
    let token = token(&server.address);
    let act = |batch: Value| {
        let path = format!("/v2/usermanagement/action/{ORG}");
        let (status, answer) =
            request(&server.address, "POST", &path, Some(&token), &batch.to_string()).unwrap();
        assert!(status == 200 && answer["result"] == "success", "{answer}");
    };
    let create = |email: &str| {
        json!({"user": email, "do": [
            {"createFederatedID": {"email": email, "country": "GB", "firstname": "Ada", "lastname": "Augusta"}},
            {"add": {"group": ["Linked", "Plain"]}}]})
    };
    act(json!([create(BEFORE), create("ben@example.com")]));
    act(json!([{"user": BEFORE, "do": [{"update": {"email": NAME}}]}]));
    act(json!([{"user": NAME, "do": [{"removeFromOrg": {"deleteAccount": true}}]}]));
    assert_eq!(server.stop(), Some(0));
    let conn = Connection::open(data.join("roster.db")).unwrap();
    let added = conn
        .execute(
            "INSERT INTO audit (number, at, actor, client, request_id, command, changes)
             WITH RECURSIVE n (n) AS
                 (SELECT MAX(number) + 1 FROM audit WHERE number >> 40 = 1 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
             SELECT n, 1700000000000, 'a test', NULL, 'r-' || n,
                    '{\"usergroup\":\"Nowhere\",\"do\":[{\"add\":{\"user\":[\"' ||
                    CASE n % 4 WHEN 0 THEN ?2 WHEN 1 THEN ?3 ELSE 'person' || n || '@example.com' END || '\"]}}]}',
                    '{\"v\":1,\"c\":[]}'
             FROM n",
            (2 * NAMED, NAME, BEFORE),
        )
        .unwrap();
    assert_eq!(added, 2 * NAMED as usize);
    conn.execute("UPDATE audit SET at = 1700000000000", []).unwrap();
    place
}

/// Puts the database there as it was.
fn reset(folder: &Path) {
    let (data, base) = (folder.join("data"), folder.join("base"));
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir(&data).unwrap();
    for name in ["roster.db", "master.key"] {
        std::fs::copy(base.join(name), data.join(name)).unwrap();
    }
}

fn log(folder: &Path) -> BTreeMap<i64, Row> {
    let conn = Connection::open(folder.join("data/roster.db")).unwrap();
    let mut rows = conn
        .prepare("SELECT number, at, actor, command, changes FROM audit ORDER BY number")
        .unwrap();
    rows.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })
    .unwrap()
    .map(|row: Result<Row, _>| row.map(|row| (row.0, row)).unwrap())
    .collect()
}

/// What the entries of a kind of command say, each with its own number's organization.
fn notes<'l>(log: &'l BTreeMap<i64, Row>, kind: &'l str) -> impl Iterator<Item = (i64, Value)> + 'l {
    log.values().filter_map(move |(number, _, _, command, _)| {
        let command: Value = serde_json::from_str(command).ok()?;
        Some((number >> 40, command.get(kind)?.clone()))
    })
}

/// The numbers of `3-5, 9`.
fn numbers(org: i64, ranges: &str) -> Vec<i64> {
    let ranges = ranges.split(", ").map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<i64>().unwrap()..=last.parse().unwrap()
    });
    ranges.flatten().map(|entry| (org << 40) + entry).collect()
}

fn verified(folder: &Path) {
    let (code, out, err) = roster(folder, &["verify", "--data", "data"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn an_erasure_that_is_killed_has_recorded_what_it_did_and_is_finished_by_the_next() {
    let place = history();
    let folder = place.path();
    let erase = ["audit", "erase", "--data", "data", "--user", NAME];
    reset(folder);
    let before = log(folder);
    let began = Instant::now();
    let (code, out, err) = roster(folder, &erase);
    // 1 says that deleted rows still hold a name.
    assert!([0, 1].contains(&code), "{out}{err}");
    let whole = began.elapsed();
    let (mut moments, wanted, mut rounds, mut halfway) = (Moments::new(), rounds(6, 25), 0, 0);
    reset(folder);
    // A machine that is busy may let the first ones come too late.
    while rounds < wanted || (halfway == 0 && rounds < wanted + 50) {
        rounds += 1;
        killed(folder, &erase, moments.next(whole));
        let now = log(folder);
        let changed: BTreeSet<i64> = before
            .iter()
            .filter(|(number, row)| now.get(number) != Some(row))
            .map(|(number, _)| *number)
            .collect();
        let told: BTreeSet<i64> = notes(&now, "auditErase")
            .flat_map(|(org, note)| numbers(org, note["entries"].as_str().unwrap()))
            .collect();
        assert_eq!(
            changed, told,
            "what was changed, and what the log says was changed"
        );
        for (number, (_, at, actor, ..)) in &before {
            let (_, at_now, actor_now, ..) = &now[number];
            assert_eq!((at, actor), (at_now, actor_now), "entry {number}");
        }
        verified(folder);
        // An account has its names in all of its entries, or in none.
        let named = |(_, _, _, _, changes): &&Row| changes.contains(NAME) || changes.contains(BEFORE);
        let (were, are) = (
            before.values().filter(named).count(),
            now.values().filter(named).count(),
        );
        assert!(
            were == 3 && (are == were || are == 0),
            "{are} of {were} entries name the account"
        );
        let finished = are == 0;
        halfway += u32::from(!finished && !changed.is_empty());
        if finished {
            reset(folder);
        }
    }
    assert!(halfway > 0, "no kill came halfway");
    assert!([0, 1].contains(&roster(folder, &erase).0));
    let now = log(folder);
    assert!(
        !now.values().any(|row| format!("{row:?}").contains("ada.")),
        "a name is left"
    );
    let notes = notes(&now, "auditErase").count();
    assert_eq!(now.len(), before.len() + notes, "entries came or went");
    verified(folder);
    eprintln!("{rounds} kills, {halfway} halfway, {whole:?} undisturbed");
}

/// The entries that the files without `.partial` have, whole.
fn exported(folder: &Path) -> BTreeMap<i64, Value> {
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let org = i64::from(entry["org"] == ORG);
            found.insert((org << 40) + entry["entry"].as_i64().unwrap(), entry);
        }
    }
    found
}

#[test]
fn a_pruning_that_is_killed_has_written_down_all_that_is_gone_and_is_finished_by_the_next() {
    let place = history();
    let folder = place.path();
    let prune = |n: u32| {
        let words = [
            "audit",
            "prune",
            "--data",
            "data",
            "--before",
            "2024-01-01",
            "--export",
        ];
        let mut words: Vec<String> = words.map(str::to_owned).to_vec();
        words.push(format!("export-{n}.jsonl"));
        words
    };
    let run = |n: u32| {
        let words = prune(n);
        roster(folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let clear = || {
        reset(folder);
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("export-") {
                std::fs::remove_file(path).unwrap();
            }
        }
    };
    reset(folder);
    let before = log(folder);
    let began = Instant::now();
    let (code, out, err) = run(0);
    assert_eq!(code, 0, "{out}{err}");
    let whole = began.elapsed();
    let kept = |now: &BTreeMap<i64, Row>| {
        let gone: BTreeSet<i64> = before
            .keys()
            .filter(|number| !now.contains_key(number))
            .copied()
            .collect();
        let written = exported(folder);
        let lost: Vec<&i64> = gone
            .iter()
            .filter(|number| !written.contains_key(number))
            .collect();
        assert!(lost.is_empty(), "deleted, and in no file: {lost:?}");
        for number in &gone {
            let command: Value = serde_json::from_str(&before[number].3).unwrap();
            assert_eq!(written[number]["command"], command, "entry {number}");
        }
        for (number, row) in &before {
            assert!(
                gone.contains(number) || now[number] == *row,
                "entry {number} is another one"
            );
        }
        // Nothing goes before the log says so.
        let told: BTreeSet<i64> = notes(now, "auditPrune")
            .flat_map(|(org, note)| numbers(org, note["entries"].as_str().unwrap()))
            .collect();
        assert!(gone.is_subset(&told), "deleted, and not said");
        (gone.len(), told.len())
    };
    assert_eq!(kept(&log(folder)), (before.len(), before.len()));
    let (mut moments, rounds, mut halfway) = (Moments::new(), rounds(6, 25), 0);
    clear();
    for n in 1..=rounds {
        let words = prune(n);
        // Checking and writing come first; what matters most is what comes after.
        let earliest = whole * (n % 3) / 4;
        let after = earliest + moments.next(whole.saturating_sub(earliest) + Duration::from_millis(1));
        killed(
            folder,
            &words.iter().map(String::as_str).collect::<Vec<_>>(),
            after,
        );
        let (gone, told) = kept(&log(folder));
        verified(folder);
        halfway += u32::from(gone > 0 && gone < before.len());
        if gone == before.len() {
            assert_eq!(told, gone);
            clear();
        }
    }
    let (code, out, err) = run(rounds + 1);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(kept(&log(folder)).0, before.len());
    verified(folder);
    eprintln!("{rounds} kills, {halfway} while entries were deleted, {whole:?} undisturbed");
}
