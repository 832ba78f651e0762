//! How a connection is protected: TLS, whom we believe, and what we show of ourselves.

use std::path::Path;
use std::sync::Arc;

use roster_client::{ClientError, Trust};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::key::is_encrypted;
use crate::read::ldap::host::{Host, Scheme};
use crate::read::ldap::settings::Reader;

/// How far the certificate of a server is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Not at all, and no StartTLS.
    Nothing,
    /// An authority that is trusted has to have issued it, for whatever name.
    Chain,
    /// It has to be for the name in `host` as well.
    Full,
}

const CHECKS: [(&str, Check); 3] = [
    ("none", Check::Nothing),
    ("chain", Check::Chain),
    ("full", Check::Full),
];

/// The settings of it.
#[derive(Debug)]
pub(crate) struct Security {
    /// `require_tls_cert` and `tls_verify`.
    pub(crate) check: Check,
    /// Authorities to trust as well, PEM.
    authorities: Option<Vec<u8>>,
    /// The certificate that is shown to a server which asks for one, with its key.
    identity: Option<Arc<CertifiedKey>>,
    /// Whether a login is tied to the TLS connection it is made over.
    channel_binding: bool,
}

impl Security {
    /// The certificate of the server that a login is tied to, if it is tied to any.
    pub(crate) fn bound_to<'c>(&self, certificate: Option<&'c [u8]>) -> Option<&'c [u8]> {
        certificate.filter(|_| self.channel_binding)
    }

    /// Whether a connection in clear goes on with TLS.
    pub(crate) fn starts_tls(&self) -> bool {
        self.check != Check::Nothing
    }

    /// The configuration of a TLS connection.
    ///
    /// # Errors
    ///
    /// A file of authorities that is not PEM.
    pub(crate) fn tls(&self, trust: &[Vec<u8>]) -> Result<ClientConfig, ClientError> {
        let trust = Trust {
            system_roots: true,
            pem: trust.iter().cloned().chain(self.authorities.clone()).collect(),
            verify: self.check != Check::Nothing,
            names: self.check == Check::Full,
        };
        let mut config = roster_client::tls_config(&trust)?;
        if let Some(identity) = &self.identity {
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(identity)));
        }
        Ok(config)
    }
}

impl Reader<'_, '_, '_> {
    /// Reads what `connector-ldap.yml` says of it.
    pub(super) fn security(&self, hosts: &[Host]) -> Option<Security> {
        let check = self.check();
        let authorities = self.file("tls_ca_file").map(|(_, pem)| pem);
        let identity = self.identity();
        let channel_binding = self.word("channel_binding", &[("auto", true), ("off", false)]);
        let in_clear = |host: &Host| match host.scheme {
            Scheme::Ldaps => false,
            Scheme::Ldap => check == Some(Check::Nothing),
            Scheme::Ldapi => true,
        };
        if identity.is_some() && !hosts.is_empty() && hosts.iter().all(in_clear) {
            self.error(
                "client_cert",
                "ldap-client-certificate",
                "`client_cert` is shown over TLS only: use `ldaps://` in `host`, or `require_tls_cert: true` for StartTLS"
                    .to_owned(),
            );
        }
        Some(Security {
            check: check?,
            authorities,
            identity,
            channel_binding: channel_binding.unwrap_or(true),
        })
    }

    fn check(&self) -> Option<Check> {
        let required = self.section.boolean("require_tls_cert");
        if self.section.get("tls_verify").is_none() {
            return Some(if required == Some(true) {
                Check::Full
            } else {
                Check::Nothing
            });
        }
        let check = self.word("tls_verify", &CHECKS)?;
        if required.is_some_and(|required| required == (check == Check::Nothing)) {
            let line = self.place("require_tls_cert").map_or(0, |place| place.line);
            let [word, required] = ["tls_verify", "require_tls_cert"].map(|key| self.typed(key));
            self.error(
                "tls_verify",
                "ldap-tls-contradiction",
                format!(
                    "`tls_verify: {word}` contradicts `require_tls_cert: {required}` in line {line}; take one of them out"
                ),
            );
            return None;
        }
        Some(check)
    }

    /// `client_cert` and `client_key`, which belong together.
    fn identity(&self) -> Option<Arc<CertifiedKey>> {
        const KEYS: [&str; 2] = ["client_cert", "client_key"];
        let [cert, key] = KEYS.map(|key| self.section.get(key).is_some());
        if cert != key {
            let [given, missing] = if cert { KEYS } else { [KEYS[1], KEYS[0]] };
            self.error(
                given,
                "ldap-client-certificate",
                format!("`{given}` goes with `{missing}`, which is missing: each names a file, PEM"),
            );
        }
        let (cert, key) = (self.file("client_cert"), self.file("client_key"));
        let (cert_path, chain) = cert?;
        let (key_path, key) = key?;
        let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        if chain.is_none() {
            self.no_pem("client_cert", &cert_path, "certificate");
        }
        if is_encrypted(&String::from_utf8_lossy(&key)) {
            let shown = key_path.display();
            self.error(
                "client_key",
                "ldap-client-certificate",
                format!(
                    "`client_key`: `{shown}` has a passphrase, which is not supported here; `openssl pkey -in {shown} -out FILE` \
                     writes it without one, into a file that its owner alone should be able to read"
                ),
            );
            return None;
        }
        let key = PrivateKeyDer::from_pem_slice(&key).ok();
        if key.is_none() {
            self.no_pem("client_key", &key_path, "private key");
        }
        match CertifiedKey::from_der(chain?, key?, &aws_lc_rs::default_provider()) {
            Ok(identity) => Some(Arc::new(identity)),
            Err(error) => {
                self.error(
                    "client_key",
                    "ldap-client-certificate",
                    format!(
                        "`client_key`: `{}` is not the key of the certificate in `{}` (`client_cert`), or of a kind that \
                         cannot be used: {error}",
                        key_path.display(),
                        cert_path.display()
                    ),
                );
                None
            }
        }
    }

    fn no_pem(&self, key: &str, path: &Path, what: &str) {
        let text = format!("`{key}`: `{}` holds no {what} in PEM form", path.display());
        self.error(key, "ldap-client-certificate", text);
    }
}
