//! `roster sync` held against what user-sync.py was seen to do: scenarios recorded in `tests/golden`, topic by topic.
//!
//! The judge is a Python program with a server of its own; topics about LDAP start an OpenLDAP server each. Where there is
//! no Python 3.11 or no `slapd` the tests pass over what needs it and say so; with `ROSTER_TEST_ALL=1` its absence is a
//! failure.

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("golden")
}

fn python() -> Option<&'static str> {
    let new_enough = |program: &&str| {
        let check = "import sys; sys.exit(sys.version_info < (3, 11))";
        Command::new(program)
            .args(["-c", check])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "python"].into_iter().find(new_enough);
    if found.is_none() {
        pass_over("the golden scenarios need Python 3.11 or newer");
    }
    found
}

/// Says that something is left out, unless all tests are asked for.
fn pass_over(why: &str) {
    assert!(
        std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"),
        "{why}, and ROSTER_TEST_ALL=1 asks for all tests"
    );
    eprintln!("passed over: {why}");
}

/// Whether OpenLDAP's server is there, looked for where the judge looks.
fn has_slapd() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/libexec", "/usr/lib/openldap"].map(PathBuf::from))
        .any(|folder| folder.join("slapd").is_file());
    if !found {
        pass_over("the scenarios about LDAP need OpenLDAP's server, slapd");
    }
    found
}

/// Every scenario of a topic fits what was intended or, where nothing else was, what was recorded.
fn topic(name: &str) {
    let Some(python) = python() else { return };
    if name.starts_with("ldap") && !has_slapd() {
        return;
    }
    let output = Command::new(python)
        .arg(folder().join("run.py"))
        .args(["check", "--intended", "--tool"])
        .arg(format!("'{}' sync", env!("CARGO_BIN_EXE_roster")))
        .args(["--only", &format!("^{name}/")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.ends_with(" passed, 0 failed") && !last.starts_with("0 "),
        "no scenario was run: {said}"
    );
}

macro_rules! topics {
    ($($test:ident: $topic:literal,)*) => {
        $(
            #[test]
            fn $test() {
                topic($topic);
            }
        )*

        #[test]
        fn every_topic_of_the_scenarios_is_run() {
            let known = [$($topic),*];
            for entry in std::fs::read_dir(folder().join("scenarios")).unwrap() {
                let path = entry.unwrap().path().join("scenario.json");
                let text = std::fs::read_to_string(&path).unwrap();
                let scenario: serde_json::Value = serde_json::from_str(&text).unwrap();
                let topic = scenario["topic"].as_str().unwrap();
                assert!(known.contains(&topic), "{}: no test runs the topic `{topic}`", path.display());
            }
        }
    };
}

topics! {
    additional_groups_follow_their_rules: "additional",
    adobe_only_users_get_what_the_option_says: "adobe-only",
    lists_of_adobe_only_users_are_read_and_acted_on: "adobe-only-list",
    adobe_users_limits_who_is_looked_at: "adobe-users",
    adobe_ids_with_a_directory_address_are_told_apart: "adobeid",
    tokens_keys_and_certificates_work_or_are_refused_plainly: "auth",
    missing_groups_are_created_first: "auto-create",
    people_are_created_changed_and_counted: "basic",
    letter_case_does_not_make_two_people_of_one: "case",
    unusable_configurations_are_refused: "config",
    countries_fall_back_in_order: "country",
    csv_files_are_read_as_they_come: "csv",
    excluded_people_are_left_alone: "exclude",
    hooks_change_people_between_the_mapping_and_the_comparison: "hook",
    identity_types_usernames_and_domains_are_told_apart: "identity",
    ldap_directories_are_searched_as_user_sync_does: "ldap",
    the_usual_filters_fit_active_directory: "ldap-ad",
    an_attribute_with_groups_leads_to_additional_groups: "ldap-dynamic",
    ldap_attributes_become_names_and_addresses: "ldap-format",
    ldap_attributes_reach_hooks: "ldap-hook",
    special_characters_in_ldap_names_do_no_harm: "ldap-names",
    members_are_looked_up_in_two_steps: "ldap-two-steps",
    limits_hold_back_what_would_hit_too_many: "limits",
    directory_groups_lead_to_adobe_groups: "mapping",
    names_that_differ_between_the_sides_still_match: "mismatch",
    the_command_line_wins_over_the_defaults: "precedence",
    push_sends_without_reading: "push",
    another_organization_can_be_the_directory: "console",
    several_organizations_are_kept_in_step: "secondary",
    refusals_and_failures_of_the_server_are_survived: "server",
    unmapped_users_can_be_left_out: "unmapped",
    attributes_are_updated_as_configured: "update",
    users_are_selected_as_asked: "users",
}

#[test]
fn every_row_about_user_sync_names_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/sync-compat.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| S"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let numbers: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let expected: Vec<String> = (1..=161).map(|number| format!("S{number}")).collect();
    assert_eq!(numbers, expected, "one row for every requirement, in order");
    for row in &rows {
        let [number, what, ours, shown] = row.as_slice() else {
            panic!("{row:?} has not four columns")
        };
        assert!(
            !what.is_empty() && !ours.is_empty(),
            "{number} has an empty column"
        );
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(
            !named.is_empty() || shown.starts_with("later"),
            "{number} is shown by nothing"
        );
        for name in named {
            if let Some(scenario) = name.strip_prefix("golden:") {
                assert!(
                    folder().join("scenarios").join(scenario).is_dir(),
                    "{number}: no scenario {scenario}"
                );
                continue;
            }
            let (path, test) = name.split_once("::").unwrap();
            let source = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            assert!(
                source.contains(&format!("fn {test}(")),
                "{number}: no test {name}"
            );
        }
    }
}
