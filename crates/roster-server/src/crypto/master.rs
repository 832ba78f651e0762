//! The master key: it encrypts signing keys at rest and peppers the hashes of client secrets.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::file::{create_private, private_dir};
use crate::clock::random;

/// A client secret begins with this, so that it is recognised when it leaks.
pub const SECRET_PREFIX: &str = "p8e-";

const SALT_LEN: usize = 16;
/// Tells today's form of a stored hash from later ones.
const HASH_VERSION: u8 = 1;

/// Why a master key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read.
    #[error("the master key `{}` cannot be read; without it secrets and signing keys are lost", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("the master key `{}` cannot be written", .path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{}` is no master key: it has to hold 64 hexadecimal digits, as `openssl rand -hex 32` makes them", .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
}

/// The key that protects what is secret at rest. It does not print.
pub struct MasterKey {
    seal: RandomizedNonceKey,
    pepper: hmac::Key,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Reads a key from a file of 64 hexadecimal digits.
    pub fn open(path: &Path) -> Result<Self, MasterKeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| MasterKeyError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let bytes = unhex(text.trim()).ok_or_else(|| MasterKeyError::Malformed {
            path: path.to_owned(),
        })?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Reads the key, or makes the file (mode 0600) when there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        if path.exists() {
            return Self::open(path);
        }
        let unwritable = |source| MasterKeyError::Unwritable {
            path: path.to_owned(),
            source,
        };
        if let Some(dir) = path.parent() {
            private_dir(dir).map_err(unwritable)?;
        }
        let mut text = hex(&random::<32>());
        text.push('\n');
        // Another program may be making it at the same moment: whichever is there first is the key of both.
        create_private(path, text.as_bytes()).map_err(unwritable)?;
        Self::open(path)
    }

    /// Takes 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let sealing = derive(bytes, b"roster signing keys at rest");
        let pepper = derive(bytes, b"roster client secrets");
        #[expect(clippy::expect_used, reason = "a key of 32 bytes fits AES-256")]
        let seal = RandomizedNonceKey::new(&AES_256_GCM, &sealing).expect("32 bytes are a key");
        Self {
            seal,
            pepper: hmac::Key::new(hmac::HMAC_SHA256, &pepper),
        }
    }

    /// The stored form of a client secret: salted, and peppered with this key. Bound to the integration, so that a
    /// hash copied to another one opens nothing.
    pub fn hash_secret(&self, client_id: &str, secret: &str) -> Vec<u8> {
        let salt = random::<SALT_LEN>();
        let tag = hmac::sign(&self.pepper, &secret_input(&salt, client_id, secret));
        let mut stored = vec![HASH_VERSION];
        stored.extend_from_slice(&salt);
        stored.extend_from_slice(tag.as_ref());
        stored
    }

    /// Whether `secret` is the one that was stored; takes the same time whatever is wrong with it.
    pub fn verify_secret(&self, client_id: &str, secret: &str, stored: &[u8]) -> bool {
        let Some((&HASH_VERSION, rest)) = stored.split_first() else {
            return false;
        };
        let Some((salt, tag)) = rest.split_at_checked(SALT_LEN) else {
            return false;
        };
        hmac::verify(&self.pepper, &secret_input(salt, client_id, secret), tag).is_ok()
    }

    /// Whether something that a database keeps was sealed with this key, under this label.
    pub fn opens(&self, label: &str, sealed: &[u8]) -> bool {
        self.unseal(label, sealed).is_some()
    }

    /// Encrypts `plain`; only [`Self::unseal`] with the same `label` gives it back.
    pub(crate) fn seal(&self, label: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut sealed)
            .ok()?;
        let mut out = nonce.as_ref().to_vec();
        out.append(&mut sealed);
        Some(out)
    }

    /// Decrypts; `None` when it was encrypted with another key or under another label, or was changed.
    pub(crate) fn unseal(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .seal
            .open_in_place(nonce, Aad::from(label.as_bytes()), &mut sealed)
            .ok()?;
        Some(plain.to_vec())
    }
}

/// A new client secret: `p8e-` and 32 characters of `[A-Za-z0-9_-]` (ims.md 9).
pub fn generate_secret() -> String {
    format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<24>()))
}

fn secret_input(salt: &[u8], client_id: &str, secret: &str) -> Vec<u8> {
    let mut input = Vec::with_capacity(salt.len() + client_id.len() + secret.len() + 1);
    input.extend_from_slice(salt);
    input.extend_from_slice(client_id.as_bytes());
    input.push(0);
    input.extend_from_slice(secret.as_bytes());
    input
}

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

fn derive(master: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let prk = Salt::new(HKDF_SHA256, b"roster").extract(master);
    let mut key = [0; 32];
    #[expect(clippy::expect_used, reason = "HKDF gives up to 255 blocks; 32 bytes are one")]
    prk.expand(&[purpose], Len32)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes can be derived");
    key
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_and_nothing_else_is() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let stored = key.hash_secret("client", "p8e-secret");
        assert!(key.verify_secret("client", "p8e-secret", &stored));
        assert!(!key.verify_secret("client", "p8e-secreT", &stored));
        assert!(!key.verify_secret("other", "p8e-secret", &stored));
        assert!(!MasterKey::from_bytes(&[8; 32]).verify_secret("client", "p8e-secret", &stored));
        assert!(!key.verify_secret("client", "p8e-secret", &[]));
        assert!(!key.verify_secret("client", "p8e-secret", stored.get(..20).unwrap()));
        assert_ne!(stored, key.hash_secret("client", "p8e-secret"), "salted");
    }

    #[test]
    fn r317_generated_secrets_need_no_escaping() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let secret = generate_secret();
            assert_eq!(secret.len(), 36);
            assert!(secret.starts_with(SECRET_PREFIX));
            assert!(
                secret
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            );
            assert!(seen.insert(secret));
        }
    }

    #[test]
    fn what_is_sealed_opens_only_under_its_label_and_key() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let sealed = key.seal("kid", b"private").unwrap();
        assert_eq!(key.unseal("kid", &sealed).as_deref(), Some(&b"private"[..]));
        assert_eq!(key.unseal("kid2", &sealed), None);
        assert_eq!(MasterKey::from_bytes(&[8; 32]).unseal("kid", &sealed), None);
        assert_eq!(key.unseal("kid", b"short"), None);
    }

    #[test]
    fn the_file_is_made_once_and_must_be_well_formed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/master.key");
        let first = MasterKey::open_or_create(&path).unwrap();
        let stored = first.hash_secret("c", "s");
        assert!(
            MasterKey::open_or_create(&path)
                .unwrap()
                .verify_secret("c", "s", &stored)
        );
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(
            MasterKey::open_or_create(&path),
            Err(MasterKeyError::Malformed { .. })
        ));
    }

    #[test]
    fn of_many_who_make_it_at_once_all_have_the_one_that_stays() {
        for _ in 0..50 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("master.key");
            let together = std::sync::Barrier::new(4);
            let stored: Vec<Vec<u8>> = std::thread::scope(|scope| {
                let make = || {
                    together.wait();
                    MasterKey::open_or_create(&path).unwrap().hash_secret("c", "s")
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let stays = MasterKey::open(&path).unwrap();
            assert!(stored.iter().all(|stored| stays.verify_secret("c", "s", stored)));
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no leftovers");
        }
    }
}
