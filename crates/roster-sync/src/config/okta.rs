//! The connector file of Okta.

use std::path::PathBuf;

use roster_client::Secret;
use roster_core::value::IdentityType;

use crate::config::Files;
use crate::config::credential::{self, SecretStore};
use crate::config::main_file::{identity_type, unknown_type};
use crate::config::section::{Problems, Section};
use crate::config::yaml::Node;
use crate::read::okta::predicate::Predicate;
use crate::read::template::Template;

/// How Okta is reached and how its people are understood.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Scheme and host, without a slash at the end.
    pub base: String,
    /// The token.
    pub token: Secret,
    /// What groups are looked for with; the name of the group is filled in.
    pub group_filter: Template,
    /// Who of the members counts.
    pub filter: Predicate,
    /// The e-mail of somebody.
    pub email: Template,
    /// The username; the e-mail without it.
    pub username: Option<Template>,
    /// The domain; that of the e-mail without it.
    pub domain: Option<Template>,
    /// The first name.
    pub firstname: Template,
    /// The last name.
    pub lastname: Template,
    /// The country.
    pub country: Template,
    /// `user_identity_type`.
    pub default_type: Option<IdentityType>,
}

/// Reads the connector file.
pub(crate) fn read(
    files: Files,
    paths: &[PathBuf],
    store: &dyn SecretStore,
    problems: &Problems,
) -> Option<Settings> {
    settings(&files.read_merged(paths, problems)?, store, problems)
}

/// The settings in a connector file.
pub(crate) fn settings(node: &Node, store: &dyn SecretStore, problems: &Problems) -> Option<Settings> {
    let root = Section::new(node, "", problems)?;
    let host = root.required_text("host");
    let base = host.as_deref().and_then(|host| base(host, &root));
    let token = credential::read(&root, "api_token", host.as_deref(), true, store, &|key, what| {
        problems.error(
            Some(root.place()),
            key,
            format!("The connector file of Okta {what}"),
        );
    });
    let group_filter = template(&root, "group_filter_format", Some("{group}"));
    if let Some(template) = &group_filter
        && let Some(name) = template.names().find(|name| *name != "group")
    {
        problems.error(
            root.get("group_filter_format").map(|n| &n.place),
            "bad-format",
            format!("`group_filter_format` knows `{{group}}`, not `{{{name}}}`"),
        );
    }
    let filter = root
        .text("all_users_filter")
        .unwrap_or_else(|| "user.status == \"ACTIVE\"".to_owned());
    let filter = Predicate::parse(&filter)
        .map_err(|why| {
            problems.error(
                root.get("all_users_filter").map(|n| &n.place),
                "okta-filter",
                format!("`all_users_filter`: Invalid syntax in predicate `{filter}`: {why}"),
            );
        })
        .ok();
    let default_type = root.text("user_identity_type").and_then(|word| {
        let found = identity_type(&word);
        if found.is_none() {
            let place = root.get("user_identity_type").map_or(root.place(), |n| &n.place);
            unknown_type(problems, place, "user_identity_type", &word);
        }
        found
    });
    if let Some(node) = root.get("user_identity_type_format") {
        problems.warning(
            Some(&node.place),
            "setting-without-effect",
            "`user_identity_type_format` has no effect with Okta; `user_identity_type` sets one type for all",
        );
    }
    let email = template(&root, "user_email_format", Some("{email}"));
    let username = template(&root, "user_username_format", None);
    let domain = template(&root, "user_domain_format", None);
    let firstname = template(&root, "user_given_name_format", Some("{firstName}"));
    let lastname = template(&root, "user_surname_format", Some("{lastName}"));
    let country = template(&root, "user_country_code_format", Some("{countryCode}"));
    // Okta speaks UTF-8.
    root.get("string_encoding");
    root.get("logger_name");
    root.finish();
    Some(Settings {
        base: base?,
        token: token?,
        group_filter: group_filter?,
        filter: filter?,
        email: email?,
        username,
        domain,
        firstname: firstname?,
        lastname: lastname?,
        country: country?,
        default_type,
    })
}

/// The address of the organization. The token is a secret, so only this machine may be spoken to without TLS.
fn base(host: &str, root: &Section<'_, '_>) -> Option<String> {
    let host = host.trim().trim_end_matches('/');
    let refuse = |why: &str| {
        root.problems().error(
            root.get("host").map(|n| &n.place),
            "okta-host",
            format!("`host` is `{host}`: {why}; write for instance `example.okta.com`"),
        );
    };
    let (scheme, name) = host.split_once("://").unwrap_or(("https", host));
    if name.is_empty() || name.contains(['/', '?', '#', '@', ' ']) {
        refuse("that is not the name of a host");
        return None;
    }
    let here = ["localhost", "127.0.0.1", "[::1]"].iter().any(|here| {
        name.strip_prefix(here)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    });
    match scheme {
        "https" => {}
        "http" if here => {}
        _ => {
            refuse("Okta is spoken to with https");
            return None;
        }
    }
    Some(format!("{scheme}://{name}"))
}

/// A format; an empty one is as good as none.
fn template(root: &Section<'_, '_>, key: &str, usual: Option<&str>) -> Option<Template> {
    let text = root
        .text(key)
        .filter(|text| !text.is_empty())
        .or_else(|| usual.map(str::to_owned))?;
    match Template::parse(&text) {
        Ok(template) => Some(template),
        Err(error) => {
            root.problems().error(
                root.get(key).map(|n| &n.place),
                "bad-format",
                format!("`{key}`: {error}"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::credential::tests::One;
    use crate::config::yaml::parse;

    fn read(text: &str) -> (Option<Settings>, Vec<String>) {
        let problems = Problems::default();
        let store = One("okta_token", "example.okta.com", "s3cret");
        let settings = settings(&parse(text, "okta.yml").unwrap(), &store, &problems);
        (
            settings,
            problems.into_list().iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_tls() {
        for (host, base) in [
            ("example.okta.com", Some("https://example.okta.com")),
            ("https://example.okta.com/", Some("https://example.okta.com")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://example.okta.com", None),
            ("http://localhost.example.com", None),
            ("ftp://example.okta.com", None),
            ("https://example.okta.com/api", None),
        ] {
            let (settings, said) = read(&format!("host: '{host}'\napi_token: t\n"));
            assert_eq!(settings.map(|s| s.base).as_deref(), base, "{host}: {said:?}");
            assert_eq!(said.is_empty(), base.is_some(), "{said:?}");
        }
    }

    #[test]
    fn the_token_is_found_under_the_host_as_it_is_written() {
        let (settings, said) = read("host: example.okta.com\nsecure_api_token_key: okta_token\n");
        assert_eq!(
            settings.map(|s| s.token.reveal().to_owned()).as_deref(),
            Some("s3cret"),
            "{said:?}"
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_line() {
        let (settings, said) = read(
            "host: h\ngroup_filter_format: '{name}'\nall_users_filter: 'user.status ='\nuser_email_format: '{'\n\
             user_identity_type_format: '{x}'\nhostt: h\n",
        );
        assert!(settings.is_none());
        for problem in [
            "okta.yml:1: The connector file of Okta must contain setting for `api_token` [credential-missing]",
            "okta.yml:2: `group_filter_format` knows `{group}`",
            "okta.yml:3: `all_users_filter`: Invalid syntax in predicate",
            "okta.yml:4: `user_email_format`: a single `{`",
            "okta.yml:5: `user_identity_type_format` has no effect",
            "okta.yml:6: Found unused keys: `hostt` is not known",
        ] {
            assert!(
                said.iter().any(|said| said.starts_with(problem)),
                "{problem}: {said:?}"
            );
        }
    }

    #[test]
    fn the_example_is_right_with_everything_in_it_switched_on() {
        let text = include_str!("../../../roster/src/command/sync/examples/connector-okta.yml");
        let text = crate::config::section::switched_on(text, &["secure_api_token_key"]);
        let (settings, said) = read(&text);
        assert!(settings.is_some() && said.is_empty(), "{said:?}");
    }
}
