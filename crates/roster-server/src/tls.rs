//! TLS: a local authority and its leaf, made once and renewed in time, or the certificate that was given.
//!
//! Clients that exist speak https only, so a fresh installation has to come with a certificate: `DIR/tls/ca.pem` is
//! what they are told to trust. Everything is in files; losing `DIR/tls` costs nothing but telling the clients again. An authority
//! that is there in part is refused: a new one in its place would lock out every client that trusts it, and nobody would know why.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
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
/// A certificate that somebody else has to renew is told of so long before its end.
const NEAR_ITS_END_DAYS: i64 = 14;
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
    /// The authority that clients trust is not whole.
    #[error("the server's own certificate authority is damaged: `{}` {what}", .path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
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
    let now = moment(now_ms);
    private_dir(dir).map_err(|source| TlsError::File {
        path: dir.to_owned(),
        what: "written",
        source,
    })?;
    let authority = match find_authority(dir, now)? {
        Found::Whole(known) => *known,
        Found::AtItsEnd { end } => {
            let kept = set_aside(dir, now)?;
            tracing::warn!(
                "the certificate authority {} ends on {}, and the clock says {}: a new one is made, and clients have to trust its ca.pem \
                 anew. The old one is kept as {}: if the clock was wrong, stop the server, set the clock, and put it back",
                dir.join("ca.pem").display(),
                day(end),
                now.date(),
                kept.display()
            );
            make_authority(dir, None, now)?
        }
        Found::Nothing => make_authority(dir, None, now)?,
        Found::Key(key) => make_authority(dir, Some(key), now)?,
    };
    signed_leaf(&authority, dir, hosts, now)
}

/// Renews the leaf of a server that runs. The authority that it began with has to be there: clients trust no other.
pub fn renew_leaf(dir: &Path, hosts: &[String], now_ms: i64) -> Result<Files, TlsError> {
    let now = moment(now_ms);
    match find_authority(dir, now)? {
        Found::Whole(known) => signed_leaf(&known, dir, hosts, now),
        Found::AtItsEnd { .. } => local_authority(dir, hosts, now_ms),
        Found::Nothing | Found::Key(_) => Err(damaged(dir, "ca.pem", MISSING)),
    }
}

/// Refuses an authority in `dir` that is there in part, or that is damaged. Changes nothing.
pub fn check_authority(dir: &Path, now_ms: i64) -> Result<(), TlsError> {
    find_authority(dir, moment(now_ms)).map(drop)
}

fn moment(now_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn signed_leaf(
    authority: &Authority,
    dir: &Path,
    hosts: &[String],
    now: OffsetDateTime,
) -> Result<Files, TlsError> {
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
    if authority.begins > now.unix_timestamp() {
        tracing::warn!(
            "the certificate authority {} is not valid before {}, and the clock says {}: no client accepts it until then. If the clock is \
             wrong, set it. If it was ahead when the authority was made, stop the server and put back the one from before (ca-before-….pem \
             and ca-key-before-….pem beside it, or your copy of the folder); where there is none, remove the whole folder {}: a new \
             authority is made then, and every client has to be given its ca.pem",
            dir.join("ca.pem").display(),
            day(authority.begins),
            now.date(),
            dir.display()
        );
    }
    // A crash between two files leaves a certificate with the key of another.
    let why = fault_of_leaf(&files.cert, authority, &names, now).or_else(|| {
        server_config(&files)
            .err()
            .map(|_| "its key was not the one beside it")
    });
    if let Some(why) = why {
        make_leaf(authority, &files, &names, now)?;
        tracing::info!(
            "a certificate for {} was made, valid until {}: {why} ({})",
            names.join(", "),
            (now + Duration::days(LEAF_DAYS)).date(),
            files.cert.display()
        );
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

/// What clients will not like of the time that a certificate is for, if anything: the leaf is the first in the file. One that is
/// near its end has to be replaced by whoever gave it.
pub fn fault_of_time(cert: &Path, now_ms: i64) -> Option<String> {
    let der = CertificateDer::from_pem_file(cert).ok()?;
    let (_, leaf) = X509Certificate::from_der(&der).ok()?;
    let (begins, ends) = (
        leaf.validity().not_before.timestamp(),
        leaf.validity().not_after.timestamp(),
    );
    let now = now_ms.div_euclid(1000);
    if now > ends {
        Some(format!(
            "has ended on {}: clients refuse it; replace it, the server reads it again by itself",
            day(ends)
        ))
    } else if now < begins {
        Some(format!(
            "is not valid before {}, and the clock says {}: clients refuse it until then",
            day(begins),
            day(now)
        ))
    } else if ends - now < NEAR_ITS_END_DAYS * 86_400 {
        Some(format!(
            "ends on {}: replace it before, the server reads it again by itself",
            day(ends)
        ))
    } else {
        None
    }
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
    name: String,
    /// The second since 1970 from which on it is valid.
    begins: i64,
    params: CertificateParams,
    key: KeyPair,
}

/// What there is of an authority.
enum Found {
    /// Nothing at all.
    Nothing,
    /// A key alone: what a first start leaves that was killed. Nobody can trust it yet.
    Key(KeyPair),
    /// One that could not cover a whole new leaf any more, whatever its key is.
    AtItsEnd {
        /// The second since 1970 that it ends at.
        end: i64,
    },
    /// All of it.
    Whole(Box<Authority>),
}

const MISSING: &str = "is missing";

fn damaged(dir: &Path, file: &str, what: &'static str) -> TlsError {
    TlsError::Authority {
        path: dir.join(file),
        what,
    }
}

/// Files are written in this order: `ca-key.pem`, `ca.pem`, `key.pem`, `cert.pem`; each whole or not at all. So what a crash leaves can
/// be told from what somebody removed or damaged.
fn find_authority(dir: &Path, now: OffsetDateTime) -> Result<Found, TlsError> {
    let (cert, key) = (read(dir, "ca.pem")?, read(dir, "ca-key.pem")?);
    let key = key.map(|pem| {
        std::str::from_utf8(&pem)
            .ok()
            .and_then(|pem| KeyPair::from_pem(pem).ok())
            .ok_or_else(|| damaged(dir, "ca-key.pem", "holds no private key in PEM form"))
    });
    let Some(cert) = cert else {
        if read(dir, "cert.pem")?.is_some() || read(dir, "key.pem")?.is_some() {
            return Err(damaged(dir, "ca.pem", MISSING));
        }
        return Ok(key.transpose()?.map_or(Found::Nothing, Found::Key));
    };
    let der = CertificateDer::from_pem_slice(&cert).ok();
    let About {
        name,
        begins,
        end,
        public,
    } = der
        .as_deref()
        .and_then(about_authority)
        .ok_or_else(|| damaged(dir, "ca.pem", "holds no certificate of an authority in PEM form"))?;
    if end - now.unix_timestamp() < RENEW_AUTHORITY_DAYS * 86_400 {
        return Ok(Found::AtItsEnd { end });
    }
    let key = key.ok_or_else(|| damaged(dir, "ca-key.pem", MISSING))??;
    if key.subject_public_key_info() != public {
        return Err(damaged(
            dir,
            "ca-key.pem",
            "is not the key of the certificate in ca.pem beside it",
        ));
    }
    let params = authority_params(&name, now);
    Ok(Found::Whole(Box::new(Authority {
        name,
        begins,
        params,
        key,
    })))
}

/// A file, where it is there.
fn read(dir: &Path, file: &str) -> Result<Option<Vec<u8>>, TlsError> {
    let path = dir.join(file);
    match std::fs::read(&path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File {
            path,
            what: "read",
            source,
        }),
    }
}

/// What an authority's certificate says of it; the moments in seconds since 1970.
struct About {
    name: String,
    begins: i64,
    end: i64,
    public: Vec<u8>,
}

fn about_authority(der: &[u8]) -> Option<About> {
    let (_, cert) = X509Certificate::from_der(der).ok()?;
    let name = cert.subject().iter_common_name().next()?.as_str().ok()?;
    Some(About {
        name: name.to_owned(),
        begins: cert.validity().not_before.timestamp(),
        end: cert.validity().not_after.timestamp(),
        public: cert.public_key().raw.to_vec(),
    })
}

/// The day of a second since 1970.
fn day(second: i64) -> time::Date {
    OffsetDateTime::from_unix_timestamp(second)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date()
}

/// Gives an authority that is to be replaced, and its key where there is one, a second name beside; the certificate's. The clock
/// may be wrong, and clients trust the old one.
fn set_aside(dir: &Path, now: OffsetDateTime) -> Result<PathBuf, TlsError> {
    let mut kept = PathBuf::new();
    for (file, stem, how) in [
        (
            "ca-key.pem",
            "ca-key-before",
            write_private as fn(&Path, &[u8]) -> io::Result<()>,
        ),
        ("ca.pem", "ca-before", write_public),
    ] {
        let Some(content) = read(dir, file)? else {
            continue;
        };
        let mut name = format!("{stem}-{}.pem", now.date());
        let mut number = 1;
        // A start that was killed may have kept it already.
        while let Some(there) = read(dir, &name)? {
            if there == content {
                break;
            }
            number += 1;
            name = format!("{stem}-{}-{number}.pem", now.date());
        }
        kept = dir.join(name);
        write(&kept, &content, how)?;
    }
    Ok(kept)
}

/// Makes an authority, with a key that is there already or a new one.
fn make_authority(dir: &Path, key: Option<KeyPair>, now: OffsetDateTime) -> Result<Authority, TlsError> {
    let name = format!("Roster local authority {}", hex(&random::<4>()));
    let made = |source| TlsError::Make {
        names: name.clone(),
        source,
    };
    let key = if let Some(key) = key {
        key
    } else {
        let key = KeyPair::generate().map_err(made)?;
        write(
            &dir.join("ca-key.pem"),
            key.serialize_pem().as_bytes(),
            write_private,
        )?;
        key
    };
    let params = authority_params(&name, now);
    let cert = params.self_signed(&key).map_err(made)?;
    let path = dir.join("ca.pem");
    write(&path, cert.pem().as_bytes(), write_public)?;
    tracing::info!(
        "a certificate authority was made, which clients have to trust: {} (SHA-256 {})",
        path.display(),
        fingerprint(cert.der())
    );
    Ok(Authority {
        name,
        begins: params.not_before.unix_timestamp(),
        params,
        key,
    })
}

/// As `openssl x509 -fingerprint -sha256` writes it.
fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = digest(&SHA256, der)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    bytes.join(":")
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

/// Why the leaf at hand cannot stay: it has to be this authority's, and valid for all names, now and for long enough.
fn fault_of_leaf(
    path: &Path,
    authority: &Authority,
    names: &[String],
    now: OffsetDateTime,
) -> Option<&'static str> {
    const UNREADABLE: &str = "the one that was there cannot be read";
    if !path.exists() {
        return Some("there was none");
    }
    let Ok(der) = CertificateDer::from_pem_file(path) else {
        return Some(UNREADABLE);
    };
    let Ok((_, cert)) = X509Certificate::from_der(&der) else {
        return Some(UNREADABLE);
    };
    let mut issuers = cert.issuer().iter_common_name();
    if issuers.next().and_then(|name| name.as_str().ok()) != Some(authority.name.as_str()) {
        return Some("the one that was there is of another authority");
    }
    let Ok(Some(alternative)) = cert.subject_alternative_name() else {
        return Some(UNREADABLE);
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
    if !names.iter().all(|name| covered.contains(name)) {
        return Some("the one that was there has other names");
    }
    let (validity, now) = (cert.validity(), now.unix_timestamp());
    if validity.not_before.timestamp() > now {
        return Some("the one that was there is not valid yet, by a clock that was ahead or is behind now");
    }
    (validity.not_after.timestamp() - now < RENEW_DAYS * 86_400)
        .then_some("the one that was there has ended or soon does")
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
mod tests;
