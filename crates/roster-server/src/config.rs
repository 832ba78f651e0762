//! Everything that can be set, as plain values with defaults. Where they come from (flags, environment, file) is
//! the binary's affair.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use roster_core::decide::Rules;

use crate::clock::{Chance, Clock};
use crate::throttle::Class;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How connections are protected.
    pub tls: Tls,
    /// The address under which clients reach the server, when it is not the one it listens on.
    pub public_url: Option<String>,
    /// Where keys and certificates are made and kept; `None` keeps no local state.
    pub data_dir: Option<PathBuf>,
    /// The key that protects secrets at rest; by default `master.key` in the data directory, made on first start.
    pub master_key_file: Option<PathBuf>,
    /// Request limits.
    pub throttle: Throttle,
    /// Users on a page of the current endpoints.
    pub page_size_users: u64,
    /// Groups on a page of the current endpoints.
    pub page_size_groups: u64,
    /// Entries on a page of the deprecated lists.
    pub page_size_deprecated: u64,
    /// Entries in one list of an add or remove step.
    pub max_list_entries: usize,
    /// What the rules of the core depend on.
    pub rules: Rules,
    /// Host names (with port where there is one) that the audience and metascopes of a JWT may name; the first
    /// is the canonical one.
    pub ims_hosts: Vec<String>,
    /// How long an access token is announced to be valid.
    pub token_ttl: Duration,
    /// How far in the future the expiry of an exchanged JWT may be.
    pub jwt_max_lifetime: Duration,
    /// What has to be brought to see `/metrics`, wherever from; without it, callers on this machine may.
    pub metrics_token: Option<Secret>,
    /// How long a client has to wait between two marked starts of a sync; zero is not at all.
    pub sync_min_interval: Duration,
    /// Protection against overload and slow clients.
    pub guard: Guard,
    /// What `/status` reports as `build`.
    pub build: String,
    /// What `/status` reports as `environment`.
    pub environment: String,
    /// Time, as an input.
    pub clock: Clock,
    /// Chance, as an input.
    pub chance: Chance,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            tls: Tls::SelfSigned,
            public_url: None,
            data_dir: None,
            master_key_file: None,
            throttle: Throttle::default(),
            page_size_users: 2000,
            page_size_groups: 400,
            page_size_deprecated: 400,
            max_list_entries: 10,
            rules: Rules::default(),
            ims_hosts: Vec::new(),
            token_ttl: Duration::from_hours(24),
            jwt_max_lifetime: Duration::from_hours(7 * 24),
            metrics_token: None,
            sync_min_interval: Duration::ZERO,
            guard: Guard::default(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            environment: "roster".to_owned(),
            clock: Clock::default(),
            chance: Chance::default(),
        }
    }
}

/// How connections are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain http.
    Off,
    /// A certificate of a local authority, both made on first start in the data directory.
    SelfSigned,
    /// A certificate chain and its private key, both PEM.
    Given {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// Request limits (umapi.md 2.8): per minute, per client and over all clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttle {
    /// Whether the documented limits hold.
    pub documented: bool,
    /// Single limits that differ; 0 removes one. They hold whether or not the documented ones do.
    pub per_client: BTreeMap<Class, u32>,
    /// The same for the limits over all clients.
    pub global: BTreeMap<Class, u32>,
}

impl Throttle {
    /// The limits in force for a class: per client, over all clients; 0 is none.
    pub fn limits(&self, class: Class) -> (u32, u32) {
        let (client, global) = if self.documented {
            class.documented()
        } else {
            (0, 0)
        };
        (
            self.per_client.get(&class).copied().unwrap_or(client),
            self.global.get(&class).copied().unwrap_or(global),
        )
    }
}

/// Protection against overload and slow clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// How long a connection may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
    /// Requests worked on at once, of which those that change something take at most three in four; those beyond are
    /// asked to come back.
    pub max_in_flight: usize,
    /// Bytes of request bodies held at once, over all requests.
    pub max_body_bytes: usize,
    /// How long requests in flight may take to finish when the server stops.
    pub stop_grace: Duration,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_in_flight: 1024,
            max_body_bytes: 64 << 20,
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_limit_set_to_zero_leaves_the_others() {
        let mut throttle = Throttle {
            documented: true,
            ..Throttle::default()
        };
        throttle.per_client.insert(Class::Action, 0);
        assert_eq!(throttle.limits(Class::Action), (0, 100));
        assert_eq!(throttle.limits(Class::Groups), (5, 100));
        assert_eq!(Throttle::default().limits(Class::Groups), (0, 0));
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "[hidden]");
    }
}
