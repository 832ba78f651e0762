//! TLS: a local authority and its leaf, made once and renewed in time, or the certificate that was given.
//!
//! Clients that exist speak https only, so a fresh installation has to come with a certificate: `DIR/tls/ca.pem` is
//! what they are told to trust. Everything is in files; losing `DIR/tls` costs nothing but telling the clients again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::clock::random;
use crate::crypto::file::{private_dir, write_private, write_public};
use crate::crypto::master::hex;

/// How long the authority is valid.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a leaf is valid; some clients take no longer ones.
const LEAF_DAYS: i64 = 390;
/// A leaf with less than this left is replaced.
const RENEW_DAYS: i64 = 60;
/// An authority that could not cover a whole new leaf is replaced.
const RENEW_AUTHORITY_DAYS: i64 = LEAF_DAYS + 10;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("the TLS file `{}` cannot be {what}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("`{}` holds no {what} in PEM form", .path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A certificate could not be made.
    #[error("a certificate for {names} could not be made")]
    Make {
        /// The names it was to be valid for.
        names: String,
        /// Why.
        source: rcgen::Error,
    },
    /// Certificate and key do not go together, or are of no use.
    #[error("the TLS certificate and its key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

/// A certificate chain and its key, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, leaf first, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// The authority to trust, where it is our own.
    pub ca: Option<PathBuf>,
}

/// Makes or renews, where needed, the local authority in `dir` and a leaf valid for `localhost`, the loopback
/// addresses and `hosts`.
pub fn local_authority(dir: &Path, hosts: &[String], now_ms: i64) -> Result<Files, TlsError> {
    let now =
        OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    private_dir(dir).map_err(|source| TlsError::File {
        path: dir.to_owned(),
        what: "written",
        source,
    })?;
    let files = Files {
        cert: dir.join("cert.pem"),
        key: dir.join("key.pem"),
        ca: Some(dir.join("ca.pem")),
    };
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    for host in hosts {
        if !names.contains(host) {
            names.push(host.clone());
        }
    }
    let (authority, is_new) = authority(dir, now)?;
    // A crash between two files leaves a certificate with the key of another.
    if is_new || !is_good_leaf(&files.cert, &names, now) || server_config(&files).is_err() {
        make_leaf(&authority, &files, &names, now)?;
    }
    Ok(files)
}

/// The settings of the TLS side of the listener: TLS 1.2 and newer, HTTP/2 and HTTP/1.1.
pub fn server_config(files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|error| pem_error(&files.cert, "certificate", error))?;
    if chain.is_empty() {
        return Err(TlsError::Content {
            path: files.cert.clone(),
            what: "certificate",
        });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| pem_error(&files.key, "private key", error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn pem_error(path: &Path, what: &'static str, error: rustls::pki_types::pem::Error) -> TlsError {
    match error {
        rustls::pki_types::pem::Error::Io(source) => TlsError::File {
            path: path.to_owned(),
            what: "read",
            source,
        },
        _ => TlsError::Content {
            path: path.to_owned(),
            what,
        },
    }
}

/// The authority's name and key: what it takes to sign a leaf.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

fn authority(dir: &Path, now: OffsetDateTime) -> Result<(Authority, bool), TlsError> {
    let (cert_path, key_path) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
    if let Some(known) = known_authority(&cert_path, &key_path, now) {
        return Ok((known, false));
    }
    let name = format!("Roster local authority {}", hex(&random::<4>()));
    let made = |source| TlsError::Make {
        names: name.clone(),
        source,
    };
    let key = KeyPair::generate().map_err(made)?;
    let params = authority_params(&name, now);
    let cert = params.self_signed(&key).map_err(made)?;
    write(&key_path, key.serialize_pem().as_bytes(), write_private)?;
    write(&cert_path, cert.pem().as_bytes(), write_public)?;
    Ok((Authority { params, key }, true))
}

fn known_authority(cert_path: &Path, key_path: &Path, now: OffsetDateTime) -> Option<Authority> {
    let der = CertificateDer::from_pem_file(cert_path).ok()?;
    let (_, cert) = X509Certificate::from_der(&der).ok()?;
    let left = cert.validity().not_after.timestamp() - now.unix_timestamp();
    if left < RENEW_AUTHORITY_DAYS * 86_400 {
        return None;
    }
    let name = cert
        .subject()
        .iter_common_name()
        .next()?
        .as_str()
        .ok()?
        .to_owned();
    let key = KeyPair::from_pem(&std::fs::read_to_string(key_path).ok()?).ok()?;
    if key.subject_public_key_info() != cert.public_key().raw {
        return None;
    }
    Some(Authority {
        params: authority_params(&name, now),
        key,
    })
}

fn authority_params(name: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn make_leaf(
    authority: &Authority,
    files: &Files,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(), TlsError> {
    let made = |source| TlsError::Make {
        names: names.join(", "),
        source,
    };
    let mut params = CertificateParams::new(names.to_vec()).map_err(made)?;
    params.distinguished_name = common_name("Roster");
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(LEAF_DAYS);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers ask which key of the authority signed.
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(made)?;
    let issuer = Issuer::from_params(&authority.params, &authority.key);
    let cert = params.signed_by(&key, &issuer).map_err(made)?;
    write(&files.key, key.serialize_pem().as_bytes(), write_private)?;
    write(&files.cert, cert.pem().as_bytes(), write_public)
}

/// Whether the leaf at hand is valid for all names and for long enough.
fn is_good_leaf(path: &Path, names: &[String], now: OffsetDateTime) -> bool {
    let Ok(der) = CertificateDer::from_pem_file(path) else {
        return false;
    };
    let Ok((_, cert)) = X509Certificate::from_der(&der) else {
        return false;
    };
    let left = cert.validity().not_after.timestamp() - now.unix_timestamp();
    let Ok(Some(alternative)) = cert.subject_alternative_name() else {
        return false;
    };
    let covered: Vec<String> = alternative
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(dns) => Some((*dns).to_owned()),
            GeneralName::IPAddress(bytes) => ip_text(bytes),
            _ => None,
        })
        .collect();
    left >= RENEW_DAYS * 86_400 && names.iter().all(|name| covered.contains(name))
}

fn ip_text(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn write(path: &Path, content: &[u8], how: fn(&Path, &[u8]) -> io::Result<()>) -> Result<(), TlsError> {
    how(path, content).map_err(|source| TlsError::File {
        path: path.to_owned(),
        what: "written",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 1_790_000_000_000;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn made_once_kept_and_renewed_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let files = local_authority(dir.path(), &[], NOW).unwrap();
        let ca = files.ca.clone().unwrap();
        let (first_ca, first) = (read(&ca), read(&files.cert));
        assert!(server_config(&files).is_ok());

        local_authority(dir.path(), &[], NOW + 300 * DAY).unwrap();
        assert_eq!(read(&files.cert), first, "still good");
        local_authority(dir.path(), &[], NOW + 340 * DAY).unwrap();
        assert_ne!(read(&files.cert), first, "the leaf is renewed");
        assert_eq!(read(&ca), first_ca, "clients need not be told again");
        assert!(server_config(&files).is_ok());

        local_authority(dir.path(), &[], NOW + 3600 * DAY).unwrap();
        assert_ne!(read(&ca), first_ca, "an authority at its end is renewed");
    }

    #[test]
    fn another_public_host_gets_a_leaf_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let files = local_authority(dir.path(), &[], NOW).unwrap();
        let first = read(&files.cert);
        local_authority(dir.path(), &["umapi.example.com".to_owned()], NOW).unwrap();
        let second = read(&files.cert);
        assert_ne!(second, first);
        local_authority(dir.path(), &["umapi.example.com".to_owned()], NOW).unwrap();
        assert_eq!(read(&files.cert), second);
        local_authority(dir.path(), &["127.0.0.1".to_owned()], NOW).unwrap();
        assert_eq!(read(&files.cert), second, "named anyway");
    }

    #[test]
    fn halves_of_different_pairs_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let files = local_authority(dir.path(), &[], NOW).unwrap();
        let other = KeyPair::generate().unwrap().serialize_pem();
        std::fs::write(&files.key, &other).unwrap();
        assert!(server_config(&files).is_err());
        local_authority(dir.path(), &[], NOW).unwrap();
        assert!(server_config(&files).is_ok());
        let ca = files.ca.clone().unwrap();
        let before = read(&ca);
        std::fs::write(dir.path().join("ca-key.pem"), &other).unwrap();
        local_authority(dir.path(), &[], NOW).unwrap();
        assert_ne!(read(&ca), before);
    }

    #[test]
    fn files_that_are_no_certificates_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("a.pem"), dir.path().join("b.pem"));
        let files = Files {
            cert: cert.clone(),
            key,
            ca: None,
        };
        assert!(server_config(&files).unwrap_err().to_string().contains("a.pem"));
        std::fs::write(&cert, "nonsense").unwrap();
        let text = server_config(&files).unwrap_err().to_string();
        assert!(text.contains("a.pem") && text.contains("certificate"), "{text}");
    }
}
