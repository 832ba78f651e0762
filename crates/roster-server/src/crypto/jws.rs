//! Compact JSON Web Signatures with RS256, the only algorithm there is here.
//!
//! The key decides how a signature is checked; what a header claims about the algorithm only leads to refusal.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::master::hex;

/// Longer texts are no tokens of anybody's.
const MAX_LEN: usize = 16 * 1024;

/// A compact JWS taken apart, not verified yet.
#[derive(Debug, Clone)]
pub struct Jws<'a> {
    /// The protected header.
    pub header: Map<String, Value>,
    /// The claims, as they stand: a JSON object.
    pub payload: Vec<u8>,
    input: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart; `None` when it is not three parts of unpadded base64url with a JSON object in the first,
    /// or asks for another algorithm than RS256.
    pub fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_LEN {
            return None;
        }
        let (input, signature) = token.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        let header = object(header)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        // No extension is understood, so none may be critical.
        if header.get("alg").and_then(Value::as_str) != Some("RS256") || header.contains_key("crit") {
            return None;
        }
        Some(Self {
            header,
            payload,
            input: input.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Whether the signature was made with the private half of an RSA key of at least 2048 bits (DER, PKCS#1 or
    /// SubjectPublicKeyInfo).
    pub fn is_signed_by(&self, public_key: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
            .verify(self.input, &self.signature)
            .is_ok()
    }

    /// The key id of the header.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// A key that signs access tokens. It does not print.
pub struct SigningKey {
    kid: String,
    pair: KeyPair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// The system could not make, read or use a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused {0}")]
pub struct CryptoError(pub &'static str);

impl SigningKey {
    /// Makes an RSA key of 2048 bits, named after its public half. Takes tens to hundreds of milliseconds.
    pub fn generate() -> Result<Self, CryptoError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| CryptoError("to make an RSA key"))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pair.public_key().as_ref());
        let mut kid = hex(digest.as_ref());
        kid.truncate(16);
        Ok(Self {
            kid: format!("roster-{kid}"),
            pair,
        })
    }

    /// Reads a private key (PKCS#8 DER).
    pub fn from_pkcs8(kid: &str, der: &[u8]) -> Result<Self, CryptoError> {
        Ok(Self {
            kid: kid.to_owned(),
            pair: KeyPair::from_pkcs8(der).map_err(|_| CryptoError("a private key"))?,
        })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private half, PKCS#8 DER.
    pub(crate) fn private_der(&self) -> Result<Vec<u8>, CryptoError> {
        let der = self
            .pair
            .as_der()
            .map_err(|_| CryptoError("to write a private key"))?;
        Ok(der.as_ref().to_vec())
    }

    /// The public half, SubjectPublicKeyInfo DER.
    pub fn public_der(&self) -> Result<Vec<u8>, CryptoError> {
        let der: PublicKeyX509Der<'_> = self
            .pair
            .public_key()
            .as_der()
            .map_err(|_| CryptoError("to write a public key"))?;
        Ok(der.as_ref().to_vec())
    }

    /// A compact JWS over `claims`.
    pub fn sign(&self, claims: &impl serde::Serialize) -> Result<String, CryptoError> {
        let header = json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"}).to_string();
        let claims = serde_json::to_vec(claims).map_err(|_| CryptoError("to write claims"))?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| CryptoError("to sign"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// The published form of a public key (DER): an entry of `/ims/keys`.
pub fn published(kid: &str, public_der: &[u8]) -> Option<roster_umapi::token::PublicKey> {
    let key = PublicKey::from_der(public_der).ok()?;
    Some(roster_umapi::token::PublicKey {
        kid: kid.to_owned(),
        n: URL_SAFE_NO_PAD.encode(key.modulus().big_endian_without_leading_zero()),
        e: URL_SAFE_NO_PAD.encode(key.exponent().big_endian_without_leading_zero()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Map<String, Value> {
        let Value::Object(map) = json!({"client_id": "c", "type": "access_token"}) else {
            panic!("an object");
        };
        map
    }

    #[test]
    fn a_token_is_verified_by_its_own_key_only() {
        let key = SigningKey::generate().unwrap();
        let copy = SigningKey::from_pkcs8(key.kid(), &key.private_der().unwrap()).unwrap();
        let token = copy.sign(&claims()).unwrap();
        assert!(token.starts_with("eyJ") && token.len() < 4096);
        let jws = Jws::parse(&token).unwrap();
        assert_eq!(jws.kid(), Some(key.kid()));
        assert_eq!(
            serde_json::from_slice::<Map<String, Value>>(&jws.payload).unwrap(),
            claims()
        );
        assert!(jws.is_signed_by(&key.public_der().unwrap()));
        assert!(!jws.is_signed_by(&SigningKey::generate().unwrap().public_der().unwrap()));
        assert!(!jws.is_signed_by(b"no key"));
        let mut changed = token.clone().into_bytes();
        let place = changed.len() - 20;
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            !Jws::parse(&changed)
                .unwrap()
                .is_signed_by(&key.public_der().unwrap())
        );
    }

    #[test]
    fn other_algorithms_and_shapes_are_refused() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = part(json!({}));
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "rs256"}),
            json!({"alg": 5}),
            json!({}),
            json!([]),
            json!({"alg": "RS256", "crit": ["exp"]}),
        ] {
            assert!(Jws::parse(&format!("{}.{claims}.AAAA", part(header))).is_none());
        }
        let header = part(json!({"alg": "RS256"}));
        assert!(Jws::parse(&format!("{header}.{claims}.AAAA")).is_some());
        for bad in [
            String::new(),
            "a.b".to_owned(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.AA=="),
            format!("{header}.{claims}.{claims}.AAAA"),
            format!("{header}.{claims}.{}", "A".repeat(MAX_LEN)),
        ] {
            assert!(Jws::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn published_keys_have_modulus_and_exponent() {
        let key = SigningKey::generate().unwrap();
        let jwk = published(key.kid(), &key.public_der().unwrap()).unwrap();
        assert_eq!(jwk.e, "AQAB");
        assert_eq!(jwk.n.len(), 342);
        assert!(published("x", b"no key").is_none());
    }
}
