//! Rules about the repository: who may import whom, licences of what we depend on, what every file must have and what
//! none may. A rule is here because breaking it once was easy and finding it later was not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each depends on, as ARCHITECTURE.md shows it; `roster-testkit` only ever for tests.
const EDGES: [(&str, &[&str]); 9] = [
    ("roster-core", &[]),
    ("roster-umapi", &["roster-core"]),
    ("roster-store", &["roster-core"]),
    ("roster-client", &["roster-core"]),
    ("roster-server", &["roster-core", "roster-umapi", "roster-store"]),
    ("roster-sync", &["roster-core", "roster-client"]),
    (
        "roster",
        &[
            "roster-core",
            "roster-server",
            "roster-store",
            "roster-sync",
            "roster-client",
        ],
    ),
    // It knows the program from outside only.
    ("roster-bench", &[]),
    ("roster-testkit", &["roster-core"]),
];

/// What the pure crate may use: nothing that reads a file, a clock or the network, and no serialization.
const CORE_MAY_USE: [&str; 2] = ["thiserror", "time"];

const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not be built in, and why.
const BANNED: [(&str, &str); 5] = [
    ("openssl", "aws-lc-rs is the only crypto provider"),
    ("openssl-sys", "aws-lc-rs is the only crypto provider"),
    ("native-tls", "rustls is the only TLS"),
    ("ring", "aws-lc-rs is the only crypto provider"),
    ("sqlx", "only one crate may link SQLite, and that is rusqlite"),
];

const LONGEST_FILE: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `folder` with one of the endings, as a path from the root and its text.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !name.starts_with("target") && !name.starts_with(".git") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                // Some test data is in other encodings on purpose.
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Our own crates, from `cargo metadata`.
fn workspace() -> Vec<Value> {
    let text = run(
        &cargo(),
        &["metadata", "--format-version=1", "--no-deps", "--offline"],
    );
    let metadata: Value = serde_json::from_str(&text).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Fails with all problems at once.
fn none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}", problems.join("\n  "));
}

#[test]
fn crates_import_exactly_what_the_map_shows() {
    let allowed: BTreeMap<_, _> = EDGES.into_iter().collect();
    let mut problems = Vec::new();
    let packages = workspace();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = allowed.get(name) else {
            problems.push(format!("{name} is not on the map"));
            continue;
        };
        let mut missing: BTreeSet<&str> = allowed.iter().copied().collect();
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            // Tests may look at everything.
            if dependency["kind"] == "dev" {
                continue;
            }
            missing.remove(other);
            if other.starts_with("roster") && !allowed.contains(&other) {
                problems.push(format!("{name} may not depend on {other}"));
            }
            if name == "roster-core" && !CORE_MAY_USE.contains(&other) {
                problems.push(format!("{name} is pure and may not depend on {other}"));
            }
        }
        problems.extend(
            missing
                .iter()
                .map(|other| format!("{name} does not depend on {other}; the map says so")),
        );
    }
    assert_eq!(packages.len(), EDGES.len(), "crates on the map that do not exist");
    none(
        &problems,
        "a new edge between crates is rare: it is argued for in ARCHITECTURE.md",
    );
}

#[test]
fn every_dependency_has_a_licence_we_can_ship_and_none_is_banned() {
    let tree = run(
        &cargo(),
        &[
            "tree",
            "--workspace",
            "--offline",
            "--prefix=none",
            "--edges=normal,build,dev",
            "--format={p}|{l}",
        ],
    );
    // A package that was listed before has a mark instead of its dependencies.
    let lines: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'))
        .collect();
    assert!(lines.len() > 100, "cargo tree lists our dependencies");
    let mut problems = Vec::new();
    for (package, licence) in lines {
        let name = package.split(' ').next().unwrap();
        if !may_ship(licence) {
            problems.push(format!("{package} has the licence {licence:?}"));
        }
        if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            problems.push(format!("{package} is banned: {reason}"));
        }
    }
    none(&problems, "dependencies we may not have");
}

#[test]
fn every_dependency_comes_from_the_public_registry_with_its_checksum() {
    let lock = read("Cargo.lock");
    let mut problems = Vec::new();
    let mut foreign = 0;
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim_start_matches(" = ").trim_matches('"'))
        };
        let name = field("name").unwrap();
        match field("source") {
            None if EDGES.iter().any(|(ours, _)| *ours == name) => {}
            Some("registry+https://github.com/rust-lang/crates.io-index")
                if field("checksum").is_some_and(|sum| sum.len() == 64) =>
            {
                foreign += 1;
            }
            source => problems.push(format!("{name} comes from {source:?}")),
        }
    }
    assert!(foreign > 100, "Cargo.lock lists our dependencies");
    none(
        &problems,
        "no dependency from a repository, a folder or another registry, and none unchecked",
    );
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    let mut problems = Vec::new();
    for (name, text) in files("crates", &["Cargo.toml"]) {
        if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{name} does not take the workspace's lints"));
        }
    }
    none(&problems, "the workspace forbids unsafe code");
}

#[test]
fn both_lists_of_licences_and_banned_crates_say_the_same() {
    let deny = read("deny.toml");
    let quoted = |start: &str| {
        let (_, rest) = deny.split_once(start).unwrap();
        let (list, _) = rest.split_once("\n]").unwrap();
        let texts: BTreeSet<_> = list
            .lines()
            .filter(|line| !line.trim().starts_with('#'))
            .filter_map(|line| line.split('"').nth(1))
            .map(str::to_owned)
            .collect();
        texts
    };
    let mut ours: BTreeSet<_> = LICENCES.iter().map(|&name| name.to_owned()).collect();
    ours.insert("Apache-2.0 WITH LLVM-exception".to_owned());
    assert_eq!(quoted("allow = ["), ours);
    let banned: BTreeSet<_> = BANNED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(quoted("\ndeny = ["), banned);
}

/// Whether a licence expression can be fulfilled with the licences on the list.
fn may_ship(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut at = 0;
    let fulfilled = any_of(&words, &mut at);
    fulfilled && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize) -> bool {
    let mut fulfilled = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        // Both sides are read, whatever the first says.
        let other = all_of(words, at);
        fulfilled = fulfilled || other;
    }
    fulfilled
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut fulfilled = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        let other = one(words, at);
        fulfilled = fulfilled && other;
    }
    fulfilled
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let fulfilled = any_of(words, at);
        *at += 1;
        return fulfilled;
    }
    let mut fulfilled = LICENCES.contains(word);
    if words.get(*at) == Some(&"WITH") {
        // An exception only ever permits more; the one we know is LLVM's.
        fulfilled = fulfilled && words.get(*at + 1) == Some(&"LLVM-exception");
        *at += 2;
    }
    fulfilled
}

#[test]
fn licence_expressions_are_read_as_written() {
    for good in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(may_ship(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT AND (GPL-3.0 OR LGPL-3.0)",
        "MIT Apache-2.0",
    ] {
        assert!(!may_ship(bad), "{bad}");
    }
}

#[test]
fn every_module_says_what_lives_in_it() {
    let without: Vec<_> = files("crates", &[".rs"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    none(
        &without,
        "a module starts with `//!`: what lives here, what does not",
    );
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    // Put together here, so that this file does not find itself.
    let needles = [
        concat!("to", "do!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("dbg", "!("),
    ];
    let mut problems = Vec::new();
    for (name, text) in files("crates", &[".rs"]) {
        for (number, line) in text.lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(*needle)) {
                problems.push(format!("{name}:{}: {needle}", number + 1));
            }
        }
    }
    none(
        &problems,
        "what is not done is not there; a test that cannot run is fixed or removed",
    );
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let mut problems = Vec::new();
    for (name, text) in files(".", &[".rs", ".py", ".sh"]) {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            problems.push(format!("{name} has {lines} lines"));
        }
    }
    none(&problems, "a file of that length is usually two");
}

#[test]
fn the_readme_names_the_commands_that_exist() {
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    for command in ["demo", "check", "test", "bench"] {
        assert!(
            readme.contains(&format!("make {command}")),
            "README.md does not name make {command}"
        );
        assert!(
            makefile.contains(&format!("\n{command}:")),
            "the Makefile has no target {command}"
        );
    }
    assert!(
        read(".ci/run").contains("make test"),
        ".ci/run calls the README's test command"
    );
}

#[test]
fn texts_name_no_place_outside_the_repository() {
    let needles = [
        concat!("..", "/shared"),
        concat!("/work", "/"),
        concat!("/root", "/"),
    ];
    let mut problems = Vec::new();
    for (name, text) in files(
        ".",
        &[".rs", ".md", ".py", ".sh", ".toml", ".yml", "Makefile", ".ci/run"],
    ) {
        if let Some(needle) = needles.iter().find(|needle| text.contains(*needle)) {
            problems.push(format!("{name} names {needle}"));
        }
    }
    none(&problems, "the repository stands alone");
}

/// The requirement numbers that docs/umapi-compat.md must have, in its order.
fn requirements() -> Vec<String> {
    (1..=204)
        .chain(301..=348)
        .map(|number| format!("R{number}"))
        .collect()
}

#[test]
fn every_documented_behaviour_has_a_row_and_its_tests_exist() {
    let page = read("docs/umapi-compat.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| R"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let numbers: Vec<_> = rows
        .iter()
        .map(|row| row[0].trim_matches('|').trim().to_owned())
        .collect();
    assert_eq!(numbers, requirements(), "one row for every requirement, in order");
    let mut problems = Vec::new();
    for row in &rows {
        let [number, documented, ours, tests] = row.as_slice() else {
            problems.push(format!("{} has {} columns, not 4", row[0], row.len()));
            continue;
        };
        if documented.is_empty() || ours.is_empty() {
            problems.push(format!("{number} has an empty column"));
        }
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            problems.push(format!("{number} names no test"));
        }
        problems.extend(
            named
                .iter()
                .filter(|test| !exists(test))
                .map(|test| format!("{number}: no test {test}")),
        );
    }
    none(&problems, "docs/umapi-compat.md");
}

#[test]
fn what_the_threat_model_says_is_shown_by_tests_that_exist() {
    let page = read("docs/threat-model.md");
    let mut problems = Vec::new();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let columns: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [harm, stopped, tests] = columns.as_slice() else {
            problems.push(format!("not 3 columns: {line}"));
            continue;
        };
        if harm.trim_matches('|').trim() == "harm" || harm.contains("---") {
            continue;
        }
        rows += 1;
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        if stopped.is_empty() || named.is_empty() {
            problems.push(format!("{harm}: nothing stops it, or no test says so"));
        }
        let missing = named.iter().filter(|test| !exists(test));
        problems.extend(missing.map(|test| format!("{harm}: no test {test}")));
    }
    assert!(rows > 30, "{rows} rows");
    none(&problems, "docs/threat-model.md");
}

#[test]
fn what_is_said_of_strength_is_shown_by_tests_that_exist_and_run_longer_as_said() {
    let page = read("docs/reliability.md");
    let code = files("crates", &[".rs"]);
    let read_by_code = |name: &str| {
        let quoted = format!("\"{name}\"");
        code.iter().any(|(_, text)| text.contains(&quoted))
    };
    let (mut problems, mut ids) = (Vec::new(), Vec::new());
    for line in page.lines().filter(|line| line.starts_with("| K")) {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", id, shown, tests, _, ""] = columns.as_slice() else {
            problems.push(format!("not 4 columns: {line}"));
            continue;
        };
        ids.push((*id).to_owned());
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        if shown.is_empty() || named.is_empty() {
            problems.push(format!("{id}: nothing is shown, or no test shows it"));
        }
        let missing = named.iter().filter(|test| !exists(test));
        problems.extend(missing.map(|test| format!("{id}: no test {test}")));
    }
    ids.dedup();
    let expected: Vec<_> = (1..=12).map(|number| format!("K{number}")).collect();
    assert_eq!(ids, expected, "a row for each, in order");
    let words = page.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'));
    let variables: Vec<_> = words.filter(|word| word.starts_with("ROSTER_")).collect();
    assert!(variables.len() > 5, "{variables:?}");
    let unread = variables.iter().filter(|name| !read_by_code(name));
    problems.extend(unread.map(|name| format!("nothing reads {name}")));
    // A test that is called after its row is in it.
    for (file, text) in &code {
        let rest = text
            .lines()
            .filter_map(|line| line.trim().split_once("fn k")?.1.split_once('('));
        for (name, _) in rest.filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_digit())) {
            if !page.contains(&format!("{file}::k{name}`")) {
                problems.push(format!("{file}::k{name} is in no row"));
            }
        }
    }
    none(&problems, "docs/reliability.md");
}

/// Whether a test named as `path::claim` exists: a claim of a judge, or a test function.
fn exists(test: &str) -> bool {
    let Some((path, claim)) = test.split_once("::") else {
        return false;
    };
    let Ok(source) = fs::read_to_string(root().join(path)) else {
        return false;
    };
    if Path::new(path).extension().is_some_and(|ending| ending == "py") {
        let number = format!("\"{claim}\"");
        source
            .lines()
            .any(|line| line.starts_with("@claim(") && line.contains(&number))
    } else {
        source.contains(&format!("fn {claim}("))
    }
}
