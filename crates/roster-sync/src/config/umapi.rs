//! The connector file of an organization: address and credentials of its User Management API.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use roster_client::{Config, Host, Secret};

use crate::config::Files;
use crate::config::files::resolve;
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Value};

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
    problems: &Problems,
) -> Option<Connection> {
    let node = match files.read_merged(paths, problems) {
        Some(node) => node,
        None if paths.is_empty() => return None,
        None => return None,
    };
    let mine = Problems::default();
    let connection = connection(&node, organization.unwrap_or("primary"), &mine);
    for problem in mine.into_list() {
        problems.add(
            problem.place.as_ref(),
            problem.keys,
            problem.text,
            problem.warning,
        );
    }
    connection
}

fn connection(node: &Node, organization: &str, problems: &Problems) -> Option<Connection> {
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
        .and_then(|s| credentials(&s, oauth, organization, ["tech_acct", "tech_acct_id"]))?;
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
) -> Option<Config> {
    let problems = section.problems();
    let id = section.required_text("org_id");
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
        refused(
            section,
            organization,
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
        credential(section, key, organization, true)
    };
    let secret = credential(section, "client_secret", organization, true);
    let key = if oauth {
        None
    } else {
        private_key(section, organization)
    };
    section.finish();
    let (id, client_id, secret) = (id?, client_id?, secret?);
    if oauth {
        return Some(Config::oauth(&id, &client_id, secret.as_str()));
    }
    Some(Config::jwt(
        &id,
        &client_id,
        secret.as_str(),
        &account?,
        key?.reveal(),
    ))
}

/// A problem with credentials also means that the organization cannot be reached.
fn refused(section: &Section<'_, '_>, organization: &str, key: &'static str, what: &str) {
    section.problems().add(
        Some(section.place()),
        vec![key, "connection-refused-by-settings"],
        format!(
            "Connection to org {organization} failed: `{}` {what}",
            section.name("").trim_end_matches('.')
        ),
        false,
    );
}

/// A credential in clear. A reference to a store of the operating system is understood and not yet followed.
fn credential(section: &Section<'_, '_>, key: &str, organization: &str, required: bool) -> Option<String> {
    let secure = format!("secure_{key}_key");
    match (section.has(key), section.has(&secure)) {
        (true, true) => {
            refused(
                section,
                organization,
                "credential-twice",
                &format!("cannot contain setting for both `{key}` and `{secure}`"),
            );
            None
        }
        (true, false) => {
            let text = section.text(key);
            if text.is_none() && section.get(key).is_none() && required {
                refused(
                    section,
                    organization,
                    "credential-missing",
                    &format!("must contain setting for `{key}`"),
                );
            }
            text
        }
        (false, true) => {
            refused(
                section,
                organization,
                "credential-store",
                &format!(
                    "names a secure store with `{secure}`, which this version cannot read yet; write `{key}` into the file for now"
                ),
            );
            None
        }
        (false, false) => {
            if required {
                refused(
                    section,
                    organization,
                    "credential-missing",
                    &format!("must contain setting for `{key}`"),
                );
            }
            None
        }
    }
}

fn private_key(section: &Section<'_, '_>, organization: &str) -> Option<Secret> {
    let path = section.text("priv_key_path");
    let has_data = section.has("priv_key_data") || section.has("secure_priv_key_data_key");
    let passphrase = credential(section, "priv_key_pass", organization, false);
    let text = match (path, has_data) {
        (Some(_), true) => {
            credential(section, "priv_key_data", organization, false);
            refused(
                section,
                organization,
                "credential-twice",
                "cannot specify both \"priv_key_path\" and \"priv_key_data\"",
            );
            return None;
        }
        (None, false) => {
            refused(
                section,
                organization,
                "credential-missing",
                "must contain setting for one of \"priv_key_path\" and \"priv_key_data\"",
            );
            return None;
        }
        (None, true) => credential(section, "priv_key_data", organization, true)?,
        (Some(path), false) => {
            let place = section.get("priv_key_path").map_or(section.place(), |n| &n.place);
            let path = resolve(
                &path,
                place,
                true,
                &section.name("priv_key_path"),
                section.problems(),
            )?;
            match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    refused(
                        section,
                        organization,
                        "credential-unreadable",
                        &format!("names a key that cannot be read: {}: {error}", path.display()),
                    );
                    return None;
                }
            }
        }
    };
    let text = with_line_ends(&text);
    if text.contains("ENCRYPTED") {
        let why = if passphrase.is_some() {
            "Error decrypting private key: keys with a passphrase are not supported yet; take the passphrase off and protect the file"
        } else {
            "Error decrypting private key: the key has a passphrase and `priv_key_pass` is not set"
        };
        refused(section, organization, "credential-key-decrypt", why);
        return None;
    }
    Some(Secret::new(text))
}

/// Keys come with any line end, bare carriage returns included, and with blanks around.
fn with_line_ends(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    lines.push("");
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    fn read(text: &str) -> (Option<Connection>, Vec<String>) {
        let node = parse(text, "umapi.yml").unwrap();
        let problems = Problems::default();
        let connection = connection(&node, "primary", &problems);
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
    fn keys_have_any_line_end_and_need_no_passphrase() {
        assert_eq!(
            with_line_ends(" -----BEGIN\rx\r-----END\r"),
            "-----BEGIN\nx\n-----END\n"
        );
        assert_eq!(with_line_ends("a\r\nb"), "a\nb\n");
        let (connection, said) = read(
            "enterprise: {org_id: o, client_id: k, client_secret: s, tech_acct: t, priv_key_data: 'Proc-Type: 4,ENCRYPTED'}\n",
        );
        assert!(
            connection.is_none() && said[0].contains("[credential-key-decrypt]"),
            "{said:?}"
        );
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
}
