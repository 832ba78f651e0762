//! The connector file of an organization that is the directory of a run (`adobe_console`).

use std::path::PathBuf;

use roster_core::value::IdentityType;

use crate::config::Files;
use crate::config::credential::SecretStore;
use crate::config::main_file::{identity_type, unknown_type};
use crate::config::section::{Problems, Section};
use crate::config::umapi::{self, Connection};
use crate::config::yaml::Node;

/// An organization that people come from.
#[derive(Debug)]
pub struct Console {
    /// How it is reached.
    pub connection: Connection,
    /// Only accounts of this type; `None` for all.
    pub only: Option<IdentityType>,
}

/// Reads the connector file.
pub fn read(
    files: Files,
    paths: &[PathBuf],
    store: &dyn SecretStore,
    problems: &Problems,
) -> Option<Console> {
    console(&files.read_merged(paths, problems)?, store, problems)
}

fn console(node: &Node, store: &dyn SecretStore, problems: &Problems) -> Option<Console> {
    let root = Section::new(node, "", problems)?;
    let oauth = umapi::is_oauth(&root);
    let word = root.text("identity_type_filter");
    let only = match word.as_deref().map(str::trim) {
        None => None,
        Some(all) if all.eq_ignore_ascii_case("all") => None,
        Some(word) => {
            let found = identity_type(word);
            if found.is_none() {
                let place = root
                    .get("identity_type_filter")
                    .map_or(root.place(), |n| &n.place);
                unknown_type(problems, place, "identity_type_filter", word);
            }
            found
        }
    };
    let verify = root.boolean("ssl_cert_verify");
    // Every account has a type of its own, so this one never counts.
    root.get("user_identity_type");
    root.get("logger_name");
    let server = umapi::server(&root, false);
    let config = oauth.and_then(|oauth| {
        let section = root.required_section("integration")?;
        umapi::credentials(
            &section,
            oauth,
            "adobe_console",
            ["tech_acct_id", "tech_acct"],
            store,
        )
    });
    root.finish();
    let mut connection = Connection {
        config: config?,
        verify: None,
        uses_business_id: false,
        trusted: false,
    };
    let server = server?;
    // Here the setting counts what comes after the first attempt.
    let retries = server.retries.map_or(3, |n| u32::try_from(n).unwrap_or(0));
    server.apply(&mut connection);
    connection.config.attempts = retries.saturating_add(1);
    connection.verify = verify;
    Some(Console { connection, only })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::credential::tests::One;
    use crate::config::yaml::parse;

    fn read(text: &str) -> (Option<Console>, Vec<String>) {
        let problems = Problems::default();
        let console = console(&parse(text, "console.yml").unwrap(), &One("", "", ""), &problems);
        let said = problems.into_list().iter().map(ToString::to_string).collect();
        (console, said)
    }

    const INTEGRATION: &str = "integration: {org_id: o, client_id: c, client_secret: s}\n";

    #[test]
    fn retries_come_on_top_of_the_first_attempt() {
        for (server, attempts) in [
            ("server: {retries: 2}\n", 3),
            ("server: {retries: 0}\n", 1),
            ("", 4),
        ] {
            let (console, said) = read(&format!("authentication_method: oauth\n{server}{INTEGRATION}"));
            assert_eq!(
                console.map(|c| c.connection.config.attempts),
                Some(attempts),
                "{said:?}"
            );
        }
    }

    #[test]
    fn of_both_names_of_the_technical_account_the_new_one_counts() {
        let (console, said) = read(
            "integration: {org_id: o, client_id: c, client_secret: s, tech_acct: old, tech_acct_id: new, priv_key_data: K}\n",
        );
        let grant = console
            .unwrap_or_else(|| panic!("{said:?}"))
            .connection
            .config
            .grant;
        assert!(
            matches!(grant, roster_client::Grant::Jwt { technical_account, .. } if technical_account == "new")
        );
    }

    #[test]
    fn filters_and_keys_that_are_not_known_are_refused_with_their_line() {
        let (console, said) = read(&format!(
            "authentication_method: oauth\nidentity_type_filter: staff\nserver: {{ssl_verify: no}}\nenterprise: {{}}\n{INTEGRATION}"
        ));
        assert!(
            said.iter()
                .any(|s| s.contains("console.yml:2: `identity_type_filter`")),
            "{said:?}"
        );
        assert!(
            said.iter()
                .any(|s| s.contains("`server.ssl_verify` is not known")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|s| s.contains("`enterprise` is not known")),
            "{said:?}"
        );
        assert!(console.is_some_and(|console| console.only.is_none()));
    }

    #[test]
    fn the_example_is_right_with_everything_in_it_switched_on() {
        let text = include_str!("../../../roster/src/command/sync/examples/connector-adobe-console.yml");
        let (console, said) = read(&crate::config::section::switched_on(text, &[]));
        assert!(console.is_some() && said.is_empty(), "{said:?}");
    }
}
