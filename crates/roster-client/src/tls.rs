//! Whom to trust: the rustls configuration of a client.

use std::error::Error;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use time::OffsetDateTime;

use crate::config::Trust;
use crate::error::ClientError;

/// Builds the configuration of a rustls client; TLS 1.2 and newer.
///
/// # Errors
///
/// A file of trusted certificates that is not PEM.
pub fn client_config(trust: &Trust) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| ClientError::Settings(format!("TLS cannot be set up: {e}")))?;
    let roots = trust.verify.then(|| roots(trust)).transpose()?;
    Ok(match roots {
        Some(roots) if trust.names => builder.with_root_certificates(roots),
        roots => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { roots, provider })),
    }
    .with_no_client_auth())
}

fn roots(trust: &Trust) -> Result<RootCertStore, ClientError> {
    let mut store = RootCertStore::empty();
    if trust.system_roots {
        // A system that cannot be read counts as one that trusts nobody: the handshake then says whom it did not know.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for pem in &trust.pem {
        let mut found = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            found.push(certificate.map_err(|e| {
                ClientError::Settings(format!("a file of trusted certificates is not PEM: {e}"))
            })?);
        }
        store.add_parsable_certificates(found);
    }
    Ok(store)
}

/// Why a server's certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distrust {
    /// What is wrong with it.
    pub cause: String,
    /// What helps, unless it is to trust the authority that issued it.
    pub way_out: Option<&'static str>,
}

impl From<&CertificateError> for Distrust {
    fn from(problem: &CertificateError) -> Self {
        use CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        };
        let date = |at: &UnixTime| {
            let at = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
            let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let (date, time) = (at.date(), at.time());
            format!("{date} {:02}:{:02} UTC", time.hour(), time.minute())
        };
        let cause = match problem {
            ExpiredContext { time, not_after } => format!(
                "certificate expired on {}; the clock of this machine says {}",
                date(not_after),
                date(time)
            ),
            NotValidYetContext { time, not_before } => format!(
                "certificate not valid before {}; the clock of this machine says {}",
                date(not_before),
                date(time)
            ),
            problem => problem.to_string(),
        };
        let way_out = match problem {
            Expired | ExpiredContext { .. } => {
                Some("the server needs a new certificate, or the clock of this machine is wrong")
            }
            NotValidYet | NotValidYetContext { .. } => Some("check the clock of this machine"),
            problem if is_for_no_name(problem) => Some(
                "the certificate is for no name at all, having no subjectAltName: the server needs one with the name in `host`",
            ),
            NotValidForName | NotValidForNameContext { .. } => {
                Some("the name in `host` has to be one that the certificate is for")
            }
            _ => None,
        };
        Self { cause, way_out }
    }
}

/// Whether a certificate is not valid because it is for no name at all; the common name does not count.
#[must_use]
pub fn is_for_no_name(problem: &CertificateError) -> bool {
    matches!(problem, CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty())
}

/// What is wrong with the server's certificate, when that is why `error` came about.
pub(crate) fn distrust(error: &(dyn Error + 'static)) -> Option<Distrust> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(problem)) = cause.downcast_ref() {
            return Some(problem.into());
        }
        // An I/O error passes over the error it wraps when it is asked for its source.
        next = match cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

/// Accepts a certificate of one of the authorities whatever name is in it, or any at all where there are none; what is
/// signed must still be signed by the key in it.
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
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_of_certificates_are_told_as_people_read_them() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext {
            time: at(1_796_047_200),
            not_after: at(1_767_326_645),
        };
        let told = Distrust::from(&expired);
        assert_eq!(
            told.cause,
            "certificate expired on 2026-01-02 04:04 UTC; the clock of this machine says 2026-11-30 14:00 UTC"
        );
        assert!(told.way_out.unwrap().contains("a new certificate"));
        let early = CertificateError::NotValidYetContext {
            time: at(0),
            not_before: at(1_767_326_645),
        };
        let told = Distrust::from(&early);
        assert_eq!(
            told.cause,
            "certificate not valid before 2026-01-02 04:04 UTC; the clock of this machine says 1970-01-01 00:00 UTC"
        );
        assert!(told.way_out.unwrap().contains("clock"));
        let unknown = Distrust::from(&CertificateError::UnknownIssuer);
        assert_eq!((unknown.cause.as_str(), unknown.way_out), ("UnknownIssuer", None));
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_found_below_other_errors() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = std::io::Error::other(std::io::Error::other(tls));
        assert!(distrust(&wrapped).is_some());
        let other = std::io::Error::other(rustls::Error::DecryptError);
        assert_eq!(distrust(&other), None, "that may heal");
    }
}
