//! What a client is told: where the server is, who is asking, how patient to be.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::observe::{Observer, Silent};

/// Everything a [`Client`](crate::Client) needs. Start from [`Config::oauth`] or [`Config::jwt`] and change fields.
#[derive(Clone)]
pub struct Config {
    /// The service: a host with an optional port, or a full URL. Default `usermanagement.adobe.io`.
    pub host: Host,
    /// The path below the host under which the service answers. Default `/v2/usermanagement`.
    pub endpoint: String,
    /// The token service. Default `ims-na1.adobelogin.com`.
    pub auth_host: Host,
    /// The path of the token endpoint; `None` takes the usual one of the grant.
    pub auth_endpoint: Option<String>,
    /// The organization's id, as in `1A2B3C4D5E6F7A8B9C0D1E2F@AdobeOrg`.
    pub organization: String,
    /// The integration's client id, also sent as `x-api-key`.
    pub client_id: String,
    /// The integration's client secret.
    pub client_secret: Secret,
    /// How the token is asked for.
    pub grant: Grant,
    /// Sends every action with `testOnly=true`: the server checks and changes nothing.
    pub test_mode: bool,
    /// Announces the start and the end of a synchronization in the `Pragma` header, as user-sync does, so that the
    /// service can plan its load.
    pub sync_signals: bool,
    /// How long one request may take, headers and body; `None` waits forever. Default 120 s.
    pub timeout: Option<Duration>,
    /// How long connecting may take. Default 10 s.
    pub connect_timeout: Duration,
    /// How often a request is tried in all, the first time included. Default 4.
    pub attempts: u32,
    /// The pause after the first failed attempt where the server names none; it doubles each time, and up to a third
    /// of it is added at random. Default 15 s.
    pub first_pause: Duration,
    /// The longest wait the server may ask for; a longer one is an error. Waits of more than a minute that the server
    /// asked for do not count as attempts. Default 2 h.
    pub longest_wait: Duration,
    /// The `User-Agent`.
    pub user_agent: String,
    /// Whom to trust for https.
    pub trust: Trust,
    /// Proxies; none by default, as the environment is not read here.
    pub proxies: Proxies,
    /// Once set, nothing more is begun: a request under way is finished, a pause before another try is cut short.
    pub stop: Option<Arc<AtomicBool>>,
    /// Who is told about retries, waits and signals.
    pub observer: Arc<dyn Observer>,
}

/// How a token is asked for.
#[derive(Debug, Clone)]
pub enum Grant {
    /// OAuth server-to-server: id and secret are enough.
    ClientCredentials {
        /// Comma-separated scopes.
        scope: String,
    },
    /// A signed JWT is exchanged for a token.
    Jwt {
        /// The id of the technical account, as in `7F…@techacct.adobe.com`.
        technical_account: String,
        /// The RSA key, PEM, not encrypted: PKCS#1 or PKCS#8.
        private_key: Secret,
    },
}

/// Whom to trust for https.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The certificate authorities of the operating system. Default yes.
    pub system_roots: bool,
    /// Further authorities: the content of PEM files.
    pub pem: Vec<Vec<u8>>,
    /// `false` accepts any certificate: encryption without knowing who is at the other end.
    pub verify: bool,
    /// `false` accepts a certificate that a trusted authority issued for another name. Default yes.
    pub names: bool,
}

/// Proxies, each a URL such as `http://user:password@proxy.example.com:3128`.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For https addresses.
    pub https: Option<Secret>,
    /// For http addresses.
    pub http: Option<Secret>,
    /// Comma-separated hosts that are reached directly.
    pub except: Option<String>,
}

/// A host as settings name it: `host`, `host:port`, or a full URL (`http://127.0.0.1:8080`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// Takes the text of a setting; blanks and slashes at the end do not count.
    pub fn new(text: &str) -> Self {
        Self(text.trim().trim_end_matches('/').to_owned())
    }

    /// The address with its scheme, `https` unless it names one.
    pub fn url(&self) -> String {
        if self.0.contains("://") {
            self.0.clone()
        } else {
            format!("https://{}", self.0)
        }
    }

    /// The host and port alone, as they appear in the claims of a JWT.
    pub fn name(&self) -> &str {
        self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest)
    }
}

/// A text that does not show itself when printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            system_roots: true,
            pem: Vec::new(),
            verify: true,
            names: true,
        }
    }
}

impl Config {
    /// A client of Adobe's service with OAuth server-to-server credentials.
    ///
    /// ```
    /// use roster_client::{Config, Host};
    ///
    /// let mut config = Config::oauth("1A2B3C@AdobeOrg", "id", "secret");
    /// // Somebody else's server: one host for both, here without TLS on the same machine.
    /// config.host = Host::new("http://127.0.0.1:8080");
    /// config.auth_host = config.host.clone();
    /// assert_eq!(config.api_url(), "http://127.0.0.1:8080/v2/usermanagement");
    /// assert_eq!(config.token_url(), "http://127.0.0.1:8080/ims/token/v2/");
    /// ```
    pub fn oauth(organization: &str, client_id: &str, client_secret: &str) -> Self {
        let grant = Grant::ClientCredentials {
            scope: "openid,AdobeID,user_management_sdk".to_owned(),
        };
        Self::with(organization, client_id, client_secret, grant)
    }

    /// A client of Adobe's service with JWT (service account) credentials.
    ///
    /// ```no_run
    /// use roster_client::Config;
    ///
    /// let key = std::fs::read_to_string("private.key").unwrap();
    /// let config = Config::jwt("1A2B3C@AdobeOrg", "id", "secret", "7F@techacct.adobe.com", &key);
    /// assert_eq!(config.token_url(), "https://ims-na1.adobelogin.com/ims/exchange/jwt/");
    /// ```
    pub fn jwt(
        organization: &str,
        client_id: &str,
        client_secret: &str,
        technical_account: &str,
        private_key: &str,
    ) -> Self {
        let grant = Grant::Jwt {
            technical_account: technical_account.to_owned(),
            private_key: Secret::new(private_key),
        };
        Self::with(organization, client_id, client_secret, grant)
    }

    fn with(organization: &str, client_id: &str, client_secret: &str, grant: Grant) -> Self {
        Self {
            host: Host::new("usermanagement.adobe.io"),
            endpoint: "/v2/usermanagement".to_owned(),
            auth_host: Host::new("ims-na1.adobelogin.com"),
            auth_endpoint: None,
            organization: organization.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: Secret::new(client_secret),
            grant,
            test_mode: false,
            sync_signals: false,
            timeout: Some(Duration::from_mins(2)),
            connect_timeout: Duration::from_secs(10),
            attempts: 4,
            first_pause: Duration::from_secs(15),
            longest_wait: Duration::from_hours(2),
            user_agent: concat!("roster-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            trust: Trust::default(),
            proxies: Proxies::default(),
            stop: None,
            observer: Arc::new(Silent),
        }
    }

    /// The address of the service, without a slash at the end.
    pub fn api_url(&self) -> String {
        let path = self.endpoint.trim_matches('/');
        if path.is_empty() {
            self.host.url()
        } else {
            format!("{}/{path}", self.host.url())
        }
    }

    /// The address of the token endpoint, with exactly one slash at the end, as the clients before this one had it.
    pub fn token_url(&self) -> String {
        let usual = match self.grant {
            Grant::ClientCredentials { .. } => "ims/token/v2",
            Grant::Jwt { .. } => "ims/exchange/jwt",
        };
        let path = self
            .auth_endpoint
            .as_deref()
            .map_or(usual, |path| path.trim_matches('/'));
        format!("{}/{path}/", self.auth_host.url())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api_url", &self.api_url())
            .field("token_url", &self.token_url())
            .field("organization", &self.organization)
            .field("client_id", &self.client_id)
            .field("test_mode", &self.test_mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_a_name_a_name_with_port_or_an_address() {
        assert_eq!(Host::new("a.example").url(), "https://a.example");
        assert_eq!(Host::new("a.example:8443/").url(), "https://a.example:8443");
        assert_eq!(Host::new("http://a.example:80").url(), "http://a.example:80");
        assert_eq!(Host::new("http://a.example:80").name(), "a.example:80");
    }

    #[test]
    fn secrets_do_not_show_when_printed() {
        let config = Config::jwt("org", "id", "s3cret", "tech", "k3y");
        let text = format!("{config:?} {:?} {:?}", config.client_secret, config.grant);
        assert!(!text.contains("s3cret") && !text.contains("k3y"), "{text}");
    }
}
