//! TLS towards PostgreSQL: whom to believe, and what it means when a handshake fails.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::address::{Mode, Roots, Wanted, unusable};
use crate::error::StoreError;

/// What a server is offered when it is asked for TLS without the plain question before it (`sslnegotiation=direct`);
/// PostgreSQL's own clients offer it always.
const PROTOCOL: &[u8] = b"postgresql";

/// Builds the configuration; TLS 1.2 and newer.
pub(super) fn config(wanted: &Wanted) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&format!("TLS cannot be set up: {error}")))?;
    let roots = match (wanted.mode, &wanted.roots) {
        (Mode::Disable, _) | (_, None) => None,
        (_, Some(roots)) => Some(load(roots)?),
    };
    let builder = match roots {
        Some(roots) if wanted.mode == Mode::VerifyFull => builder.with_root_certificates(roots),
        roots => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { roots, provider })),
    };
    let mut config = match &wanted.identity {
        Some((cert, key)) if wanted.mode != Mode::Disable => {
            let chain = certificates("sslcert", cert)?;
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| file("sslkey", key, "private key", &error))?;
            builder.with_client_auth_cert(chain, private).map_err(|error| {
                unusable(&format!(
                    "the certificate `sslcert={}` and the key `sslkey={}` cannot be used together: {error}",
                    cert.display(),
                    key.display()
                ))
            })?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

fn load(roots: &Roots) -> Result<RootCertStore, StoreError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                let why = found.errors.first().map(|error| format!(" ({error})"));
                return Err(unusable(&format!(
                    "`sslrootcert=system`: the operating system names no authorities{}; install its package of CA \
                     certificates, or name a file",
                    why.unwrap_or_default()
                )));
            }
        }
        Roots::File(path) => {
            for certificate in certificates("sslrootcert", path)? {
                store.add(certificate).map_err(|error| {
                    unusable(&format!(
                        "`sslrootcert={}` holds a certificate that cannot be read: {error}",
                        path.display()
                    ))
                })?;
            }
        }
    }
    Ok(store)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file(key, path, "certificate", &error))?;
    if found.is_empty() {
        return Err(file(key, path, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn file(key: &str, path: &Path, what: &str, error: &pem::Error) -> StoreError {
    let path = path.display();
    unusable(&match error {
        pem::Error::Io(error) => format!("`{key}={path}`: the file cannot be read: {error}"),
        _ => format!("`{key}={path}`: the file holds no {what} in PEM form"),
    })
}

/// Believes a certificate of one of the authorities, whatever name is in it, or any at all where there are none.
/// What is signed must be signed by the key in it: channel binding rests on that.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(leaf)?,
                roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        if self.roots.is_some() {
            return verify_tls13_signature(message, cert, signed, algorithms);
        }
        // Certificates made as PostgreSQL's manual shows are often of X.509 version 1, which rustls does not read. Where
        // nobody vouches for the certificate, its key is all that counts.
        let (_, parsed) = X509Certificate::from_der(cert)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let key = SubjectPublicKeyInfoDer::from(parsed.tbs_certificate.subject_pki.raw);
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What went wrong with TLS and what to look at, when that is why `error` came about.
pub(super) fn failure(error: &(dyn Error + 'static), wanted: &Wanted) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(format!("{tls}; {}", advice(tls, wanted)));
        }
        // The driver has no kind of its own for this answer.
        if cause.to_string() == "server does not support TLS" {
            return Some(
                "it answers that it has no TLS; check that `ssl = on` in its postgresql.conf, and that this is the \
                 server you mean. Where the way to it is safe without, give sslmode=disable"
                    .to_owned(),
            );
        }
        // An I/O error passes over the error it wraps when it is asked for its source.
        let inner = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn advice(error: &rustls::Error, wanted: &Wanted) -> &'static str {
    use CertificateError as Cert;
    match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            Cert::UnknownIssuer | Cert::BadSignature => {
                "check that `sslrootcert` holds the authority that issued the server's certificate, and that the \
                 server sends the certificates in between"
            }
            Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
                "check the host in the address: the certificate has to name it as a subjectAltName (a common name \
                 alone does not count); sslmode=verify-ca leaves the name unchecked"
            }
            Cert::Expired
            | Cert::ExpiredContext { .. }
            | Cert::NotValidYet
            | Cert::NotValidYetContext { .. } => {
                "check the dates of the server's certificate, and the clock here"
            }
            _ => {
                "check the server's certificate: it has to be of X.509 version 3 and issued by an authority, not the \
                 authority's own"
            }
        },
        rustls::Error::AlertReceived(_) if wanted.identity.is_some() => {
            "check that the server knows the authority of `sslcert` (ssl_ca_file), and its log"
        }
        rustls::Error::AlertReceived(_) => {
            "check the server's log; a server that wants a certificate of its clients is given one with `sslcert` and \
             `sslkey`"
        }
        _ => "check that the server speaks TLS 1.2 or newer, and its log",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may be blunt")]
mod tests {
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::{ClientConnection, ServerConfig, ServerConnection};

    use super::*;

    /// A certificate as `openssl x509 -req` makes it when nothing is said of extensions: X.509 version 1.
    const VERSION_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/version-1.pem");

    fn wanted(mode: Mode, roots: Option<Roots>) -> Wanted {
        Wanted {
            mode,
            roots,
            identity: None,
        }
    }

    /// A handshake in memory. `key` is what the server signs with.
    fn handshake(client: ClientConfig, key: &[u8]) -> Result<(), rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(key).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let chain = certificates("", Path::new(VERSION_1)).unwrap();
        let certified = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certified));
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        let mut client =
            ClientConnection::new(Arc::new(client), ServerName::try_from("localhost").unwrap()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn an_old_certificate_is_good_enough_where_nobody_vouches_for_it() {
        let own = std::fs::read(VERSION_1).unwrap();
        for mode in [Mode::Prefer, Mode::Require] {
            assert_eq!(handshake(config(&wanted(mode, None)).unwrap(), &own), Ok(()));
        }
        let roots = Some(Roots::File(VERSION_1.into()));
        let wanted = wanted(Mode::VerifyCa, roots);
        let error = handshake(config(&wanted).unwrap(), &own).unwrap_err();
        let text = failure(&std::io::Error::other(error), &wanted).unwrap();
        assert!(text.contains("X.509 version 3"), "{text}");
    }

    #[test]
    fn a_server_has_to_hold_the_key_of_the_certificate_it_shows() {
        let other = include_bytes!("../../tests/other-key.pem");
        let error = handshake(config(&wanted(Mode::Require, None)).unwrap(), other).unwrap_err();
        assert_eq!(
            error,
            rustls::Error::InvalidCertificate(CertificateError::BadSignature)
        );
    }
}
