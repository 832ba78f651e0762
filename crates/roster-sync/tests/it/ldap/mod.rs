//! Real directories: OpenLDAP's server, started by each test for itself, and an Active Directory where
//! `scripts/with-samba.sh` has made one. And a server with a script, for what they do only on a bad day.

mod active_directory;
mod failing;
mod openldap;
mod scripted;
mod slapd;

use std::fmt::Write as _;

/// Says that a test is left out, unless all tests are asked for.
fn pass_over(why: &str) {
    assert!(
        std::env::var_os("ROSTER_TEST_ALL").is_none_or(|value| value != "1"),
        "{why}, and ROSTER_TEST_ALL=1 asks for all tests"
    );
    eprintln!("passed over: {why}");
}

/// The main file of a run over LDAP: `Painters`, `Weavers` and more mapped to groups of their own.
fn main_file(groups: &[&str]) -> String {
    let mut mapping = String::new();
    for name in groups {
        let quoted = name.replace('\'', "''");
        let _ = write!(
            mapping,
            "    - directory_group: '{quoted}'\n      adobe_groups: ['A {quoted}']\n"
        );
    }
    format!(
        "adobe_users:\n  connectors: {{umapi: umapi.yml}}\ndirectory_users:\n  user_identity_type: federatedID\n  \
         default_country_code: US\n  connectors: {{ldap: ldap.yml}}\n  groups:\n{mapping}limits: {{max_adobe_only_users: 50}}\n"
    )
}

/// Who is put into which groups by what arrived at the server, as `name: group, group`.
fn joined(server: &crate::server::Server) -> Vec<String> {
    let mut found = Vec::new();
    for request in crate::scene::writes(server) {
        let body = request.json();
        let Some(commands) = body.as_array() else { continue };
        for command in commands {
            let mut groups: Vec<String> = command["do"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|step| step["add"]["group"].as_array())
                .flatten()
                .filter_map(|name| Some(name.as_str()?.trim_start_matches("A ").to_owned()))
                .collect();
            groups.sort();
            let user = command["user"].as_str().unwrap();
            found.push(format!(
                "{}: {}",
                user.split('@').next().unwrap(),
                groups.join(", ")
            ));
        }
    }
    found.sort();
    found
}
