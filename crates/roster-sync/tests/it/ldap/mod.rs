//! Real directories: OpenLDAP's server, started by each test for itself, and an Active Directory where
//! `scripts/with-samba.sh` has made one. And a server with a script, for what they do only on a bad day.

mod active_directory;
mod cut;
mod failing;
mod openldap;
mod protection;
mod referrals;
mod scripted;
mod slapd;

use std::fmt::Write as _;

use crate::scene::{Ended, Scene, fine, organization};
use crate::server::Server;
use slapd::{PASSWORD, admin, group, person};

const EVE: &str = r#"{"email":"eve@x.com","type":"federatedID","groups":["A Painters"]}"#;
const REMOVE: &str = "--process-groups --users mapped --adobe-only-user-action remove";

fn people() -> String {
    let painters = "cn=Painters,dc=x";
    format!(
        "{}{}{}{}",
        admin(),
        person("ada", &[painters]),
        person("kim", &[]),
        group(painters, "Painters", &["uid=ada,dc=x"])
    )
}

/// A run with a connector file, against an organization in which Eve is.
async fn run(connector: &str, groups: &[&str], options: &str) -> (Ended, Server) {
    run_against(EVE, connector, groups, options).await
}

/// A run with a connector file, against an organization in which nobody is.
async fn run_in_empty(connector: &str, groups: &[&str], options: &str) -> (Ended, Server) {
    run_against("", connector, groups, options).await
}

/// A run with a connector file, against an organization of these accounts.
async fn run_against(
    accounts: &'static str,
    connector: &str,
    groups: &[&str],
    options: &str,
) -> (Ended, Server) {
    let server = organization(accounts, fine).await;
    let scene = Scene::new(&server.url);
    scene.write("user-sync-config.yml", &main_file(groups));
    scene.write("ldap.yml", connector);
    let ended = scene.run(options).await;
    (ended, server)
}

/// A run that has to end with nothing read from the organization and nothing sent, saying all of `parts`.
async fn refused(connector: &str, parts: &[&str]) {
    let (ended, server) = run(connector, &["Painters"], REMOVE).await;
    assert_eq!(ended.code, 1, "{}", ended.log);
    for part in parts {
        assert!(ended.log.contains(part), "`{part}` is missing: {}", ended.log);
    }
    assert!(
        !ended.log.contains(PASSWORD),
        "no password in the log: {}",
        ended.log
    );
    assert_eq!(
        server.requests().len(),
        0,
        "nothing is read or sent: {}",
        ended.log
    );
}

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
