//! Private keys as they are kept in files: with a passphrase or without, in every form that user-sync has read or written.
//!
//! What is written is PKCS#8 with PBKDF2, SHA-256 and AES-256; the older ciphers are only read.

mod legacy;
mod pem;

use aws_lc_rs::rand;
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use roster_client::Secret;

use pem::Pem;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text holds no key.
    #[error("this is no private key in PEM form (-----BEGIN … PRIVATE KEY-----)")]
    NotAKey,
    /// It is a certificate or a public key.
    #[error("this is {0}; the private key that was made with it is needed (-----BEGIN … PRIVATE KEY-----)")]
    Public(&'static str),
    /// It is a key of another kind.
    #[error("this is no RSA key; the interface takes RSA keys only")]
    NotRsa,
    /// It has a passphrase and none is given.
    #[error("the key has a passphrase, and none is given (`priv_key_pass`)")]
    NoPassphrase,
    /// It does not open.
    #[error("the passphrase is wrong, or the key is damaged")]
    Passphrase,
    /// It is encrypted in a way nobody here can undo.
    #[error(
        "the key is encrypted with `{0}`, which is not supported; `openssl pkcs8 -topk8 -v2 aes256` writes one that is"
    )]
    Unsupported(String),
    /// It has a passphrase already.
    #[error("the key is already encrypted")]
    Encrypted,
    /// It has no passphrase.
    #[error("the key is not encrypted")]
    NotEncrypted,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoChance,
}

/// OID of RSA keys, as DER has it.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// The fixed part in front of an RSA key in PKCS#8: version 0, the OID and NULL.
const RSA_HEAD: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
    0x00,
];
const ITERATIONS: u32 = 600_000;

/// Opens a key for use: PEM without a passphrase, with clean line ends. A text that shows no encryption is handed on as
/// it is, passphrase or not.
///
/// # Errors
///
/// A key that has a passphrase and does not open, and a certificate or public key without one.
pub fn open(text: &str, passphrase: Option<&str>) -> Result<Secret, KeyError> {
    if let Some(what) = pem::public(text) {
        return Err(KeyError::Public(what));
    }
    if !is_encrypted(text) {
        return Ok(Secret::new(pem::with_line_ends(text)));
    }
    let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
    let pem = Pem::parse(text).ok_or(KeyError::NotAKey)?;
    let (label, der) = plain(&pem, passphrase)?;
    Ok(Secret::new(pem::write(label, &der)))
}

/// Whether a key has a passphrase.
pub fn is_encrypted(text: &str) -> bool {
    text.contains("ENCRYPTED")
}

/// Puts a passphrase on an RSA key.
///
/// # Errors
///
/// A key that has one, or is none.
pub fn encrypt(text: &str, passphrase: &str) -> Result<String, KeyError> {
    sealed(text, passphrase, ITERATIONS)
}

fn sealed(text: &str, passphrase: &str, rounds: u32) -> Result<String, KeyError> {
    if is_encrypted(text) {
        return Err(KeyError::Encrypted);
    }
    let pem = Pem::parse(text).ok_or(KeyError::NotAKey)?;
    let der = pkcs8(&pem.label, &pem.body)?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rand::fill(&mut salt).map_err(|_| KeyError::NoChance)?;
    rand::fill(&mut iv).map_err(|_| KeyError::NoChance)?;
    let not_a_key = |_| KeyError::NotAKey;
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &salt, iv)
        .map_err(|_| KeyError::NoChance)?;
    let key = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(not_a_key)?;
    let sealed = key
        .encrypt_with_params(parameters, passphrase)
        .map_err(|_| KeyError::NotAKey)?;
    Ok(pem::write("ENCRYPTED PRIVATE KEY", sealed.as_bytes()))
}

/// Takes the passphrase off; PKCS#1, as user-sync writes it.
///
/// # Errors
///
/// A key that has none, does not open, or is no RSA key.
pub fn decrypt(text: &str, passphrase: &str) -> Result<Secret, KeyError> {
    if Pem::parse(text).is_none() {
        return Err(KeyError::NotAKey);
    }
    if !is_encrypted(text) {
        return Err(KeyError::NotEncrypted);
    }
    let opened = open(text, Some(passphrase))?;
    let pem = Pem::parse(opened.reveal()).ok_or(KeyError::NotAKey)?;
    Ok(Secret::new(pem::write(
        "RSA PRIVATE KEY",
        &pkcs1(&pem.label, &pem.body)?,
    )))
}

/// A PKCS#8 key (DER) as the PKCS#1 file that user-sync's `certgen` writes.
///
/// # Errors
///
/// A key that is no RSA key.
pub fn pkcs1_pem(der: &[u8]) -> Result<Secret, KeyError> {
    Ok(Secret::new(pem::write(
        "RSA PRIVATE KEY",
        &pkcs1("PRIVATE KEY", der)?,
    )))
}

/// The label and content that are under the encryption.
fn plain(pem: &Pem, passphrase: &str) -> Result<(&'static str, Vec<u8>), KeyError> {
    if pem.label == "ENCRYPTED PRIVATE KEY" {
        if let Some(opened) = legacy::pbes1(&pem.body, passphrase) {
            return Ok(("PRIVATE KEY", checked("PRIVATE KEY", opened?)?));
        }
        let sealed = EncryptedPrivateKeyInfoRef::try_from(pem.body.as_slice())
            .map_err(|_| KeyError::Unsupported("a scheme of its own".to_owned()))?;
        if !is_bearable(&sealed.encryption_algorithm) {
            return Err(KeyError::Unsupported(
                "more rounds or memory than are allowed".to_owned(),
            ));
        }
        let opened = sealed.decrypt(passphrase).map_err(|_| KeyError::Passphrase)?;
        return Ok(("PRIVATE KEY", checked("PRIVATE KEY", opened.as_bytes().to_vec())?));
    }
    let label = match pem.label.as_str() {
        "RSA PRIVATE KEY" => "RSA PRIVATE KEY",
        "PRIVATE KEY" => "PRIVATE KEY",
        _ => return Err(KeyError::NotRsa),
    };
    let (cipher, iv) = pem.dek().ok_or(KeyError::NotAKey)?;
    let opened = legacy::dek(&cipher, &iv, passphrase, &pem.body)?;
    Ok((label, checked(label, opened)?))
}

/// Whether opening the key takes a time and a memory that a file may ask for.
fn is_bearable(scheme: &EncryptionScheme) -> bool {
    const MOST_ROUNDS: u32 = 2_000_000;
    // Eight times what OpenSSL asks for: 128 MiB.
    const MOST_BLOCKS: u64 = 1 << 20;
    let Some(parameters) = scheme.pbes2() else {
        return true;
    };
    let rounds = parameters.kdf.pbkdf2().map_or(0, |pbkdf2| pbkdf2.iteration_count);
    let blocks = parameters.kdf.scrypt().map_or(Some(0), |scrypt| {
        let once = scrypt.cost_parameter.checked_mul(u64::from(scrypt.block_size))?;
        once.checked_mul(u64::from(scrypt.parallelization))
    });
    rounds <= MOST_ROUNDS && blocks.is_some_and(|blocks| blocks <= MOST_BLOCKS)
}

/// A wrong passphrase often leaves bytes behind whose padding looks right.
fn checked(label: &str, der: Vec<u8>) -> Result<Vec<u8>, KeyError> {
    let whole = if label == "PRIVATE KEY" {
        PrivateKeyInfoRef::try_from(der.as_slice()).is_ok()
    } else {
        legacy::sequence(&der).is_some_and(|(_, rest)| rest.is_empty())
    };
    if whole { Ok(der) } else { Err(KeyError::Passphrase) }
}

fn pkcs1(label: &str, der: &[u8]) -> Result<Vec<u8>, KeyError> {
    if label == "RSA PRIVATE KEY" {
        return Ok(der.to_vec());
    }
    if label != "PRIVATE KEY" {
        return Err(KeyError::NotRsa);
    }
    let key = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::NotAKey)?;
    if key.algorithm.oid.as_bytes() != RSA {
        return Err(KeyError::NotRsa);
    }
    Ok(key.private_key.as_bytes().to_vec())
}

fn pkcs8(label: &str, der: &[u8]) -> Result<Vec<u8>, KeyError> {
    if label == "PRIVATE KEY" {
        pkcs1(label, der)?;
        return Ok(der.to_vec());
    }
    if label != "RSA PRIVATE KEY" {
        return Err(KeyError::NotRsa);
    }
    legacy::sequence(der).ok_or(KeyError::NotAKey)?;
    let mut inner = RSA_HEAD.to_vec();
    inner.extend(pem::tagged(0x04, der));
    Ok(pem::tagged(0x30, &inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for these tests; opens nothing. The files were written by OpenSSL with the passphrase `open sesame`.
    fn key(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/keys");
        std::fs::read_to_string(format!("{folder}/{name}.pem")).unwrap()
    }

    const PASSPHRASE: &str = "open sesame";

    /// The key itself, whatever it is wrapped in.
    fn core(text: &str) -> Vec<u8> {
        let pem = Pem::parse(text).unwrap();
        pkcs1(&pem.label, &pem.body).unwrap()
    }

    #[test]
    fn keys_of_every_form_open_with_their_passphrase_and_with_no_other() {
        let plain = core(&key("plain"));
        for name in [
            "dek-des",
            "dek-des3",
            "dek-aes128",
            "dek-aes192",
            "dek-aes256",
            "dek-des3-pkcs8",
            "pbes2-aes256-sha256",
            "pbes2-aes128-sha1",
            "pbes2-des3-sha1",
            "pbes2-scrypt",
            "pbes1-des-md5",
            "pbes1-des-sha1",
            "pbes1-des3-sha1",
        ] {
            let text = key(name);
            let opened = open(&text, Some(PASSPHRASE)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(core(opened.reveal()), plain, "{name}");
            assert_eq!(open(&text, Some("shut")), Err(KeyError::Passphrase), "{name}");
            assert_eq!(open(&text, None), Err(KeyError::NoPassphrase), "{name}");
            let bare = text.replace('\n', "\r");
            let opened = open(&format!("  {bare}\r"), Some(PASSPHRASE)).unwrap();
            assert_eq!(core(opened.reveal()), plain, "{name} with bare carriage returns");
        }
    }

    #[test]
    fn what_is_encrypted_here_opens_again_and_is_pkcs8_with_aes() {
        for name in ["plain", "plain-pkcs8"] {
            let sealed = sealed(&key(name), "käse", 1000).unwrap();
            assert!(
                sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
                "{sealed}"
            );
            assert_eq!(encrypt(&sealed, "x"), Err(KeyError::Encrypted));
            assert_eq!(decrypt(&sealed, "kase"), Err(KeyError::Passphrase));
            let opened = decrypt(&sealed, "käse").unwrap();
            assert_eq!(opened.reveal(), key("plain"), "{name}");
            assert_eq!(decrypt(opened.reveal(), "x"), Err(KeyError::NotEncrypted));
        }
    }

    #[test]
    fn what_is_no_rsa_key_is_said_to_be_none() {
        assert_eq!(encrypt("nonsense", "x"), Err(KeyError::NotAKey));
        assert_eq!(decrypt("ENCRYPTED nonsense", "x"), Err(KeyError::NotAKey));
        assert_eq!(encrypt(&key("elliptic"), "x"), Err(KeyError::NotRsa));
        assert_eq!(
            encrypt(
                "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
                "x"
            ),
            Err(KeyError::NotRsa)
        );
        let odd = key("dek-des3").replace("DES-EDE3-CBC", "CAMELLIA-256-CBC");
        let said = open(&odd, Some(PASSPHRASE)).unwrap_err().to_string();
        assert!(said.contains("`CAMELLIA-256-CBC`"), "{said}");
        let cut = key("pbes2-aes256-sha256").replace(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nM",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nA",
        );
        assert!(open(&cut, Some(PASSPHRASE)).is_err());
    }

    #[test]
    fn a_key_that_wants_to_keep_the_program_busy_is_refused() {
        let iv = [0; 16];
        for (rounds, bearable) in [(2_000_000, true), (2_000_001, false)] {
            let parameters =
                pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, b"salt", iv).unwrap();
            assert_eq!(is_bearable(&parameters.into()), bearable, "{rounds}");
        }
        let text = key("pbes2-scrypt");
        let der = Pem::parse(&text).unwrap().body;
        let at = der
            .windows(4)
            .position(|bytes| bytes == [0x02, 0x02, 0x40, 0x00])
            .unwrap();
        let mut greedy = der.clone();
        greedy[at + 2] = 0x7f;
        greedy[at + 3] = 0xff;
        // The block size stands behind: eight times sixteen.
        greedy[at + 6] = 0x7f;
        let said = open(&pem::write("ENCRYPTED PRIVATE KEY", &greedy), Some(PASSPHRASE)).unwrap_err();
        assert!(matches!(said, KeyError::Unsupported(_)), "{said}");
    }

    #[test]
    fn keys_without_passphrase_have_any_line_end() {
        let text = key("plain");
        let bare = format!(" {} ", text.replace('\n', "\r"));
        assert_eq!(open(&bare, None).unwrap().reveal(), text);
        assert_eq!(
            open(&text.replace('\n', "\r\n"), Some("not needed"))
                .unwrap()
                .reveal(),
            text
        );
    }

    #[test]
    fn k10_keys() {
        roster_testkit::fuzz::Target {
            name: "keys",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "-----BEGIN ENCRYPTED PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----",
                "-----END RSA PRIVATE KEY-----",
                "Proc-Type: 4,ENCRYPTED",
                "DEK-Info: DES-EDE3-CBC,0011223344556677",
                "\n",
                "\r",
                "=",
                "////",
            ],
            property: |bytes| {
                let text = String::from_utf8_lossy(bytes);
                let opened = open(&text, Some(PASSPHRASE));
                if is_encrypted(&text)
                    && let Ok(opened) = opened
                {
                    assert!(Pem::parse(opened.reveal()).is_some());
                }
                let _ = open(&pem::write("ENCRYPTED PRIVATE KEY", bytes), Some("x"));
            },
        }
        .run();
    }
}
