//! The connector file of an organization: address and credentials of its User Management API.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use roster_client::{Config, Host, Secret};

use crate::config::Files;
use crate::config::credential::{self, KEY_DATA, SecretStore};
use crate::config::files::resolve;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Value};
use crate::key::{self, KeyError};

/// An organization as its connector file describes it.
#[derive(Debug)]
pub struct Connection {
    /// The client's settings; observer, trust and mode are the caller's.
    pub config: Config,
    /// `ssl_verify` of the `server` section.
    pub verify: Option<bool>,
    /// `uses_business_id`.
    pub uses_business_id: bool,
    /// `trusted`: only changes words.
    pub trusted: bool,
}

/// Reads the connector file of an organization (`None` for the primary one).
pub fn read(
    files: Files,
    paths: &[PathBuf],
    organization: Option<&str>,
    store: &dyn SecretStore,
    problems: &Problems,
) -> Option<Connection> {
    let node = files.read_merged(paths, problems)?;
    connection(&node, organization.unwrap_or("primary"), store, problems)
}

fn connection(
    node: &Node,
    organization: &str,
    store: &dyn SecretStore,
    problems: &Problems,
) -> Option<Connection> {
    let root = Section::new(node, "", problems)?;
    let oauth = is_oauth(&root)?;
    let server = server(&root, true);
    let business_id = root.boolean("uses_business_id").unwrap_or(false);
    if root.get("uses_business_id").is_some() {
        problems.warning(
            root.get("uses_business_id").map(|n| &n.place),
            "business-id",
            "uses_business_id is deprecated; remove it once all accounts are of their final type",
        );
    }
    let trusted = root.boolean("trusted").unwrap_or(false);
    root.get("logger_name");
    if root.has("ssl_verify") {
        problems.warning(
            node.get("ssl_verify").map(|n| &n.place),
            "setting-without-effect",
            "`ssl_verify` has no effect here; it belongs into the `server` section",
        );
    }
    warn_about_unknown(&root, problems);
    let config = root
        .required_section("enterprise")
        .and_then(|s| credentials(&s, oauth, organization, ["tech_acct", "tech_acct_id"], store))?;
    let mut connection = Connection {
        config,
        verify: None,
        uses_business_id: business_id,
        trusted,
    };
    server?.apply(&mut connection);
    Some(connection)
}

/// `authentication_method`.
pub(super) fn is_oauth(root: &Section<'_, '_>) -> Option<bool> {
    match root.text("authentication_method").as_deref().map(str::trim) {
        None | Some("jwt") => Some(false),
        Some("oauth") => Some(true),
        Some(other) => {
            root.problems().error(
                root.get("authentication_method").map(|n| &n.place),
                "unknown-authentication-method",
                format!("`authentication_method` is `oauth` or `jwt`, not `{other}`"),
            );
            None
        }
    }
}

/// Unknown keys at the top are said and not refused, as ever.
fn warn_about_unknown(root: &Section<'_, '_>, problems: &Problems) {
    const KNOWN: [&str; 7] = [
        "authentication_method",
        "uses_business_id",
        "trusted",
        "logger_name",
        "ssl_verify",
        "server",
        "enterprise",
    ];
    for (key, _) in root.entries() {
        if let Value::Text(name) = &key.value
            && !KNOWN.contains(&name.as_str())
        {
            problems.warning(
                Some(&key.place),
                "unknown-setting",
                format!("`{name}` is not known and has no effect"),
            );
        }
    }
}

/// The `server` section.
pub(super) struct Server {
    host: Option<String>,
    endpoint: Option<String>,
    auth_host: Option<String>,
    auth_endpoint: Option<String>,
    timeout: Option<i64>,
    /// `retries`, which not every connector counts alike.
    pub(super) retries: Option<i64>,
    verify: Option<bool>,
}

/// Reads the `server` section; `with_verify` where `ssl_verify` may stand in it.
pub(super) fn server(root: &Section<'_, '_>, with_verify: bool) -> Option<Server> {
    let none = Server {
        host: None,
        endpoint: None,
        auth_host: None,
        auth_endpoint: None,
        timeout: None,
        retries: None,
        verify: None,
    };
    if root.get("server").is_none() {
        return Some(none);
    }
    let section = root.section("server")?;
    let old_or_new = |old: &str, new: &str| {
        let new = section.text(new);
        section.text(old).or(new)
    };
    for (host, endpoint) in [
        ("host", "endpoint"),
        ("ims_host", "auth_endpoint"),
        ("auth_host", "auth_endpoint"),
    ] {
        let Some(text) = section.text(host) else { continue };
        let named = Host::new(&text);
        if named.name().contains(['/', '?', '#']) {
            section.problems().error(
                section.get(host).map(|node| &node.place),
                "host-with-path",
                format!(
                    "`{}` is a host with a port at most, not `{text}`: what stands behind it belongs into `{}`",
                    section.name(host),
                    section.name(endpoint)
                ),
            );
        }
    }
    let server = Server {
        host: section.text("host"),
        endpoint: section.text("endpoint"),
        auth_host: old_or_new("ims_host", "auth_host"),
        auth_endpoint: old_or_new("ims_endpoint_jwt", "auth_endpoint"),
        timeout: section.integer("timeout"),
        retries: section.integer("retries"),
        verify: with_verify.then(|| section.boolean("ssl_verify")).flatten(),
    };
    section.finish();
    Some(server)
}

impl Server {
    pub(super) fn apply(self, connection: &mut Connection) {
        let config = &mut connection.config;
        if let Some(host) = self.host {
            config.host = Host::new(&host);
        }
        if let Some(endpoint) = self.endpoint {
            config.endpoint = endpoint;
        }
        if let Some(host) = self.auth_host {
            config.auth_host = Host::new(&host);
        }
        config.auth_endpoint = self.auth_endpoint;
        config.attempts = self.retries.map_or(3, |n| u32::try_from(n).unwrap_or(1)).max(1);
        config.timeout = match self.timeout {
            None => Some(Duration::from_mins(2)),
            Some(seconds) => u64::try_from(seconds)
                .ok()
                .filter(|&s| s > 0)
                .map(Duration::from_secs),
        };
        connection.verify = self.verify;
    }
}

/// Who asks: the organization, the client and its secrets. `account` has both names of the technical account; where both
/// stand, the first counts.
pub(super) fn credentials(
    section: &Section<'_, '_>,
    oauth: bool,
    organization: &str,
    account: [&str; 2],
    store: &dyn SecretStore,
) -> Option<Config> {
    let problems = section.problems();
    let id = section.required_text("org_id");
    let owner = Owner {
        section,
        organization,
        id: id.as_deref(),
        store,
    };
    let [first, second] = account.map(|name| section.text(name));
    let account = first.or(second);
    if oauth && account.is_some() {
        problems.error(
            Some(section.place()),
            "oauth-account-not-wanted",
            format!(
                "`{}` should not be set for oauth authentication",
                section.name("tech_acct_id")
            ),
        );
    }
    if !oauth && account.is_none() {
        problems.error(
            Some(section.place()),
            "jwt-account-missing",
            format!(
                "`{}` is required for jwt authentication",
                section.name("tech_acct_id")
            ),
        );
    }
    let client_id = if section.has("api_key") && section.has("client_id") {
        owner.refused(
            "credential-twice",
            "cannot contain setting for both `api_key` and `client_id`",
        );
        None
    } else {
        let key = if section.has("api_key") || section.has("secure_api_key_key") {
            "api_key"
        } else {
            "client_id"
        };
        owner.credential(key, true)
    };
    let secret = owner.credential("client_secret", true);
    let key = if oauth { None } else { owner.private_key() };
    section.finish();
    let (client_id, secret) = (client_id?, secret?);
    if oauth {
        return Some(Config::oauth(&id?, client_id.reveal(), secret.reveal()));
    }
    Some(Config::jwt(
        &id?,
        client_id.reveal(),
        secret.reveal(),
        &account?,
        key?.reveal(),
    ))
}

/// Whose credentials are read, and where from.
struct Owner<'o, 'n, 'p> {
    section: &'o Section<'n, 'p>,
    /// What messages call the organization.
    organization: &'o str,
    /// Its id, which is the account that stores know secrets by.
    id: Option<&'o str>,
    store: &'o dyn SecretStore,
}

impl Owner<'_, '_, '_> {
    /// A problem with credentials also means that the organization cannot be reached.
    fn refused(&self, key: &'static str, what: &str) {
        let section = self.section;
        section.problems().add(
            Some(section.place()),
            vec![key, "connection-refused-by-settings"],
            format!(
                "Connection to org {} failed: `{}` {what}",
                self.organization,
                section.name("").trim_end_matches('.')
            ),
            false,
        );
    }

    fn credential(&self, key: &str, required: bool) -> Option<Secret> {
        let complain = |key: &'static str, what: &str| self.refused(key, what);
        credential::read(self.section, key, self.id, required, self.store, &complain)
    }

    fn private_key(&self) -> Option<Secret> {
        let section = self.section;
        let path = section.text("priv_key_path");
        let has_data = section.has("priv_key_data") || section.has("secure_priv_key_data_key");
        let passphrase = self.credential("priv_key_pass", false);
        if passphrase.is_none() && section.has("secure_priv_key_pass_key") {
            // Why it is not there has been said.
            return None;
        }
        let text = match (path, has_data) {
            (Some(_), true) => {
                self.refused(
                    "credential-twice",
                    "cannot specify both \"priv_key_path\" and \"priv_key_data\"",
                );
                return None;
            }
            (None, false) => {
                self.refused(
                    "credential-missing",
                    "must contain setting for one of \"priv_key_path\" and \"priv_key_data\"",
                );
                return None;
            }
            (None, true) => self.credential(KEY_DATA, true)?,
            (Some(path), false) => {
                let place = section.get("priv_key_path").map_or(section.place(), |n| &n.place);
                let name = section.name("priv_key_path");
                let path = resolve(&path, place, true, &name, section.problems())?;
                match fs::read_to_string(&path) {
                    Ok(text) => Secret::new(text),
                    Err(error) => {
                        self.refused(
                            "credential-unreadable",
                            &format!("names a key that cannot be read: {}: {error}", path.display()),
                        );
                        return None;
                    }
                }
            }
        };
        match key::open(text.reveal(), passphrase.as_ref().map(Secret::reveal)) {
            Ok(pem) => Some(pem),
            Err(error @ KeyError::Public(_)) => {
                let setting = section.get("priv_key_path").or(section.get("priv_key_data"));
                let which = match section.text("priv_key_path") {
                    Some(path) => format!("`{}` names `{path}`", section.name("priv_key_path")),
                    None => format!("`{}`", section.name("priv_key_data")),
                };
                section.problems().add(
                    Some(setting.map_or(section.place(), |node| &node.place)),
                    vec!["credential-key", "connection-refused-by-settings"],
                    format!("Connection to org {} failed: {which}: {error}", self.organization),
                    false,
                );
                None
            }
            Err(error) => {
                self.refused(
                    "credential-key-decrypt",
                    &format!("has a key that cannot be used: Error decrypting private key: {error}"),
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::credential::tests::One;
    use crate::config::yaml::parse;

    fn read(text: &str) -> (Option<Connection>, Vec<String>) {
        let node = parse(text, "umapi.yml").unwrap();
        let problems = Problems::default();
        let store = One("", "", "");
        let connection = connection(&node, "primary", &store, &problems);
        let said = problems.into_list().iter().map(ToString::to_string).collect();
        (connection, said)
    }

    #[test]
    fn old_names_of_settings_still_work() {
        let (connection, said) = read(
            "server: {host: h, ims_host: old.example, auth_host: new.example, ims_endpoint_jwt: /x/y}\n\
             enterprise: {org_id: o, api_key: k, client_secret: s, tech_acct: t, tech_acct_id: u, priv_key_data: PEM}\n",
        );
        let config = connection.unwrap_or_else(|| panic!("{said:?}")).config;
        assert_eq!(config.token_url(), "https://old.example/x/y/");
        assert_eq!(config.api_url(), "https://h/v2/usermanagement");
        assert_eq!(config.client_id, "k");
        let roster_client::Grant::Jwt {
            technical_account, ..
        } = config.grant
        else {
            panic!("jwt is the default")
        };
        assert_eq!(technical_account, "t");
    }

    #[test]
    fn timeouts_and_attempts_are_as_configured() {
        let head = "authentication_method: oauth\nenterprise: {org_id: o, client_id: k, client_secret: s}\n";
        let config = |server: &str| read(&format!("{head}{server}")).0.unwrap().config;
        let usual = config("server:\n");
        assert_eq!((usual.attempts, usual.timeout), (3, Some(Duration::from_mins(2))));
        let other = config("server: {timeout: 0, retries: 1}\n");
        assert_eq!((other.attempts, other.timeout), (1, None));
    }

    #[test]
    fn a_host_is_no_address_with_a_path() {
        let head = "authentication_method: oauth\nenterprise: {org_id: o, client_id: k, client_secret: s}\n";
        for (server, name) in [
            ("host: '127.0.0.1:1/v2'", "server.host"),
            ("host: 'https://h/v2/usermanagement/'", "server.host"),
            ("auth_host: 'h/ims'", "server.auth_host"),
            ("ims_host: 'h?x'", "server.ims_host"),
        ] {
            let (_, said) = read(&format!("{head}server:\n  {server}\n"));
            let begins = format!("umapi.yml:4: `{name}`");
            assert!(
                said.len() == 1 && said[0].starts_with(&begins) && said[0].ends_with("[host-with-path]"),
                "{server}: {said:?}"
            );
        }
        let (connection, said) = read(&format!("{head}server: {{host: 'http://127.0.0.1:1/'}}\n"));
        assert!(connection.is_some() && said.is_empty(), "{said:?}");
    }

    #[test]
    fn a_certificate_in_the_place_of_a_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let of = folder.path().join("umapi.yml");
        for (label, said_of_it) in [
            ("CERTIFICATE", "a certificate"),
            ("CERTIFICATE REQUEST", "a request for a certificate"),
            ("PUBLIC KEY", "a public key"),
        ] {
            let pem = format!("-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n");
            std::fs::write(folder.path().join("cert.crt"), &pem).unwrap();
            let text = "enterprise:\n  org_id: o\n  client_id: k\n  client_secret: s\n  tech_acct_id: t\n  \
                        priv_key_path: cert.crt\n";
            let node = parse(text, &of.display().to_string()).unwrap();
            let problems = Problems::default();
            assert!(connection(&node, "primary", &One("", "", ""), &problems).is_none());
            let said: Vec<String> = problems.into_list().iter().map(ToString::to_string).collect();
            assert!(
                said.len() == 1
                    && said[0].starts_with(&format!("{}:6: ", of.display()))
                    && said[0].contains("`cert.crt`")
                    && said[0].contains(said_of_it)
                    && said[0].contains("[credential-key]"),
                "{said:?}"
            );
        }
    }

    #[test]
    fn the_example_is_right_with_everything_in_it_switched_on() {
        let text = include_str!("../../../roster/src/command/sync/examples/connector-umapi.yml");
        let jwt = [
            "secure_client_secret_key",
            "tech_acct_id",
            "priv_key_path",
            "priv_key_pass",
        ];
        let (connection, said) = read(&crate::config::section::switched_on(text, &jwt));
        assert!(connection.is_some() && said.is_empty(), "{said:?}");
    }
}
