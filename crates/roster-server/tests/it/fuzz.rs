//! K10: tokens and certificates as nobody would send them. See `roster_testkit::fuzz`.

use roster_server::crypto::certificate::Certificate;
use roster_server::crypto::jws::Jws;
use roster_testkit::fuzz::Target;
use x509_parser::prelude::FromDer as _;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// The certificate whose key signed the one good token of the corpus.
const SIGNER: &[u8] = include_bytes!("../corpus/certificate/rsa.der");
const SIGNED: &[u8] = include_bytes!("../corpus/token/signed");

#[test]
fn k10_tokens() {
    let signer = Certificate::from_der(SIGNER).unwrap();
    let good = std::str::from_utf8(SIGNED).unwrap();
    assert!(Jws::parse(good).unwrap().is_signed_by(&signer.public_key));
    Target {
        name: "token",
        corpus: CORPUS,
        words: &[
            ".",
            "=",
            "eyJ",
            "eyJhbGciOiJub25lIn0",
            "eyJhbGciOiJSUzI1NiJ9",
            "AAAA",
            "-",
            "_",
            "/",
            "+",
            " ",
        ],
        property: |token| {
            let Ok(token) = std::str::from_utf8(token) else {
                return;
            };
            let Some(jws) = Jws::parse(token) else { return };
            assert_eq!(jws.header["alg"], "RS256");
            let _ = jws.kid();
            let key = Certificate::from_der(SIGNER).unwrap().public_key;
            // Nothing but the very token that was signed has a good signature.
            assert_eq!(jws.is_signed_by(&key), token.as_bytes() == SIGNED, "{token}");
        },
    }
    .run();
}

#[test]
fn k10_certificates() {
    Target {
        name: "certificate",
        corpus: CORPUS,
        words: &[
            "-----BEGIN CERTIFICATE-----\n",
            "-----END CERTIFICATE-----\n",
            "-----BEGIN ",
            "\x30\x03",
            "\x30\u{0}",
            "\x02\x01\x01",
            "\x06\x09",
            "\x17\x0d",
        ],
        property: |bytes| {
            let Ok(certificate) = Certificate::parse(bytes) else {
                return;
            };
            let pem = Certificate::pem(&certificate.der);
            assert_eq!(Certificate::parse(pem.as_bytes()).as_ref(), Ok(&certificate));
            assert_eq!(certificate.fingerprint.len(), 64);
            let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(&certificate.der).unwrap();
            assert_eq!(parsed.public_key().raw, certificate.public_key);
            // Whatever the key is made of, asking it is safe.
            let good = std::str::from_utf8(SIGNED).unwrap();
            let _ = Jws::parse(good).unwrap().is_signed_by(&certificate.public_key);
        },
    }
    .run();
}
