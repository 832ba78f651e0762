//! That the benchmark works. Nothing here looks at a figure: a test that times something fails when the machine is
//! busy, and says nothing when it does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may be blunt")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Every row that there is, by the beginning of its name, in order.
const ROWS: [&str; 30] = [
    "start to READY",
    "idle memory",
    "memory added by 8 walks",
    "full read",
    "… last page beside first",
    "one person by e-mail",
    "… an answer without work",
    "… over a new connection",
    "sync from LDAP, nothing to do",
    "… its processor time",
    "… its memory",
    "sync from CSV, nothing to do",
    "… its processor time",
    "… its memory",
    "sync from CSV, 1 % changed",
    "… its processor time",
    "… its memory",
    "create + 2 memberships, one client",
    "create + 2 memberships, 32 clients",
    "… its p99",
    "a group of 200 linked to a profile without quota",
    "a group of 200 unlinked",
    "a group of 200 linked to a profile with seats",
    "a group of 200 unlinked",
    "a group of 200 deleted",
    "growth: a person, 32 clients",
    "growth: a person, one client",
    "growth: a person read",
    "growth: a person looked up",
    "growth: a person in a sync",
];

#[test]
fn a_quick_run_measures_everything_and_ends_well() {
    let bench = Path::new(env!("CARGO_BIN_EXE_roster-bench"));
    // Tests of the whole workspace build the program beside this one.
    if !bench.with_file_name("roster").exists() {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none(),
            "the program is not built: `cargo build --package roster` first"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ran = Command::new(bench)
        .args(["--people", "200", "--quick", "--json", "--folder"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let result: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let rows = result["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["what"].as_str().unwrap()).collect();
    let mut wanted = ROWS.to_vec();
    if said.contains("left out: OpenLDAP") {
        assert!(
            std::env::var_os("ROSTER_TEST_ALL").is_none(),
            "slapd is not installed"
        );
        let first = ROWS
            .iter()
            .position(|row| row.starts_with("sync from LDAP"))
            .unwrap();
        wanted.drain(first..first + 3);
    }
    assert_eq!(names.len(), wanted.len(), "{names:?}");
    for (row, wanted) in names.iter().zip(wanted) {
        assert!(row.starts_with(wanted), "{row} is not {wanted}");
    }
    for row in rows {
        assert!(row["figure"].as_f64().unwrap() >= 0.0, "{row}");
        let has_target = !row["target"].is_null();
        assert_eq!(has_target, row["met"].is_boolean(), "{row}");
    }
    assert!(
        !folder.path().join("run-200").exists(),
        "what was measured is removed"
    );
    assert!(
        folder.path().join("seed-200").exists(),
        "what it was copied from is kept"
    );
}
