//! Certificates that integrations sign their JWTs with (ims.md 10).

use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::master::hex;

/// A certificate's parts that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Its public key, SubjectPublicKeyInfo DER.
    pub public_key: Vec<u8>,
    /// SHA-256 of the public key, lower-case hex: the same key twice in one credential is refused.
    pub fingerprint: String,
    /// Seconds since 1970; not valid before.
    pub not_before: i64,
    /// Seconds since 1970; not valid after.
    pub not_after: i64,
}

/// Why something is not accepted as a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Neither PEM nor DER of an X.509 certificate.
    #[error("this is no X.509 certificate, neither PEM (`-----BEGIN CERTIFICATE-----`) nor DER")]
    Unreadable,
    /// The key is of another kind.
    #[error("the certificate's key is not an RSA key")]
    NotRsa,
    /// The key is too short.
    #[error("the certificate's RSA key has {0} bits; at least 2048 are needed")]
    TooShort(usize),
}

impl Certificate {
    /// Writes a certificate as PEM.
    pub fn pem(der: &[u8]) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// Reads a certificate to be uploaded: PEM (the first one in it) or DER, with an RSA key of 2048 bits or more.
    /// Expired ones are fine; they are refused when they are used.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let pem = x509_parser::pem::Pem::iter_from_buffer(bytes)
            .filter_map(Result::ok)
            .find(|pem| pem.label == "CERTIFICATE");
        match pem {
            Some(pem) => Self::from_der(&pem.contents),
            None => Self::from_der(bytes),
        }
    }

    /// Reads a DER certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, cert) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
        if !rest.is_empty() {
            return Err(CertificateError::Unreadable);
        }
        let key = cert.public_key();
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() < 2048 => {
                return Err(CertificateError::TooShort(rsa.key_size()));
            }
            Ok(PublicKey::RSA(_)) => {}
            _ => return Err(CertificateError::NotRsa),
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.raw);
        Ok(Self {
            der: der.to_vec(),
            public_key: key.raw.to_vec(),
            fingerprint: hex(digest.as_ref()),
            not_before: cert.validity().not_before.timestamp(),
            not_after: cert.validity().not_after.timestamp(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(key: &rcgen::KeyPair) -> rcgen::Certificate {
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2001, 2, 3);
        params.not_after = rcgen::date_time_ymd(2002, 3, 4);
        params.self_signed(key).unwrap()
    }

    #[test]
    fn pem_and_der_are_read_alike() {
        let key =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let cert = make(&key);
        let from_pem = Certificate::parse(cert.pem().as_bytes()).unwrap();
        assert_eq!(from_pem, Certificate::parse(cert.der()).unwrap());
        assert_eq!(
            (from_pem.not_before, from_pem.not_after),
            (981_158_400, 1_015_200_000)
        );
        assert_eq!(from_pem.fingerprint.len(), 64);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let cert = make(&rcgen::KeyPair::generate().unwrap());
        assert_eq!(Certificate::parse(cert.der()), Err(CertificateError::NotRsa));
        assert_eq!(Certificate::parse(b"garbage"), Err(CertificateError::Unreadable));
        assert_eq!(Certificate::parse(b""), Err(CertificateError::Unreadable));
        let mut long = cert.der().to_vec();
        long.push(0);
        assert_eq!(Certificate::parse(&long), Err(CertificateError::Unreadable));
    }
}
