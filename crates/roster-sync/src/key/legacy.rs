//! Ciphers of old keys: `DEK-Info` of OpenSSL, which user-sync's `encrypt` wrote, and PBES1 with its PKCS#12 kin. They are
//! read and never written: MD5, SHA-1 and DES protect little.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use sha1::Sha1;

use super::KeyError;

/// A cipher in CBC mode with the usual padding.
macro_rules! open {
    ($cipher:ty, $key:expr, $iv:expr, $data:expr) => {
        Decryptor::<$cipher>::new_from_slices($key, $iv)
            .ok()
            .and_then(|cipher| cipher.decrypt_padded_vec::<Pkcs7>($data).ok())
    };
}
/// Opens what `DEK-Info` describes.
pub(super) fn dek(cipher: &str, iv: &[u8], passphrase: &str, data: &[u8]) -> Result<Vec<u8>, KeyError> {
    let salt = iv.get(..8).ok_or(KeyError::NotAKey)?;
    let key = |length| openssl_key(passphrase.as_bytes(), salt, length);
    match cipher {
        "DES-CBC" => des_cbc(&key(8), iv, data),
        "DES-EDE3-CBC" => des3_cbc(&key(24), iv, data),
        "AES-128-CBC" => open!(Aes128, &key(16), iv, data),
        "AES-192-CBC" => open!(Aes192, &key(24), iv, data),
        "AES-256-CBC" => open!(Aes256, &key(32), iv, data),
        other => return Err(KeyError::Unsupported(other.to_owned())),
    }
    .ok_or(KeyError::Passphrase)
}

fn des_cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    open!(Des, key, iv, data)
}

fn des3_cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    open!(TdesEde3, key, iv, data)
}

/// `EVP_BytesToKey` with MD5 and one round.
fn openssl_key(passphrase: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while key.len() < length {
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(passphrase);
        hash.update(salt);
        last = hash.finalize().to_vec();
        key.extend(&last);
    }
    key.truncate(length);
    key
}

/// Passphrase, salt, rounds and data to what is in them.
type Scheme = fn(&str, &[u8], u64, &[u8]) -> Option<Vec<u8>>;

/// More rounds than anybody has used with these; a file that asks for more wants to keep the program busy.
const MOST_ROUNDS: u64 = 300_000;

/// Opens a key that is encrypted with PBES1 or the triple DES of PKCS#12; `None` when it is another scheme.
pub(super) fn pbes1(der: &[u8], passphrase: &str) -> Option<Result<Vec<u8>, KeyError>> {
    let (outer, _) = sequence(der)?;
    let (algorithm, rest) = sequence(outer)?;
    let (data, _) = value(0x04, rest)?;
    let (oid, parameters) = value(0x06, algorithm)?;
    let open: Scheme = match oid {
        // pbeWithMD5AndDES-CBC, pbeWithSHA1AndDES-CBC, pbeWithSHAAnd3-KeyTripleDES-CBC
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x03] => pbkdf1::<Md5>,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0a] => pbkdf1::<Sha1>,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03] => pkcs12,
        _ => return None,
    };
    let (parameters, _) = sequence(parameters)?;
    let (salt, rest) = value(0x04, parameters)?;
    let (rounds, _) = value(0x02, rest)?;
    let rounds = rounds
        .iter()
        .try_fold(0_u64, |all, &byte| {
            all.checked_mul(256)?.checked_add(u64::from(byte))
        })
        .filter(|&rounds| rounds <= MOST_ROUNDS);
    let Some(rounds) = rounds else {
        return Some(Err(KeyError::NotAKey));
    };
    Some(open(passphrase, salt, rounds, data).ok_or(KeyError::Passphrase))
}

fn pbkdf1<H: Digest>(passphrase: &str, salt: &[u8], rounds: u64, data: &[u8]) -> Option<Vec<u8>> {
    let mut hash = H::new();
    hash.update(passphrase.as_bytes());
    hash.update(salt);
    let mut made = hash.finalize();
    for _ in 1..rounds {
        made = H::digest(&made);
    }
    des_cbc(made.get(..8)?, made.get(8..16)?, data)
}

fn pkcs12(passphrase: &str, salt: &[u8], rounds: u64, data: &[u8]) -> Option<Vec<u8>> {
    let key = pkcs12_bytes(1, passphrase, salt, rounds, 24);
    let iv = pkcs12_bytes(2, passphrase, salt, rounds, 8);
    des3_cbc(&key, &iv, data)
}

/// RFC 7292, appendix B.2, with SHA-1.
fn pkcs12_bytes(purpose: u8, passphrase: &str, salt: &[u8], rounds: u64, length: usize) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut wide: Vec<u8> = passphrase.encode_utf16().flat_map(u16::to_be_bytes).collect();
    wide.extend([0, 0]);
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let whole = bytes.len().div_ceil(BLOCK) * BLOCK;
        bytes.iter().copied().cycle().take(whole).collect()
    };
    let mut input = filled(salt);
    input.extend(filled(&wide));
    let mut made = Vec::new();
    while made.len() < length {
        let mut hash = Sha1::new();
        hash.update([purpose; BLOCK]);
        hash.update(&input);
        let mut block = hash.finalize();
        for _ in 1..rounds {
            block = Sha1::digest(block);
        }
        made.extend(&block);
        // Each block of the input has the hash, repeated to its length, and one added to it.
        for chunk in input.chunks_mut(BLOCK) {
            let mut carry = 1_u16;
            let repeated: Vec<u8> = block.iter().copied().cycle().take(chunk.len()).collect();
            for (byte, add) in chunk.iter_mut().zip(repeated).rev() {
                let [high, low] = (u16::from(*byte) + u16::from(add) + carry).to_be_bytes();
                *byte = low;
                carry = u16::from(high);
            }
        }
    }
    made.truncate(length);
    made
}

/// The content of a DER sequence, and what is behind it.
pub(super) fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    value(0x30, der)
}

fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes.iter().try_fold(0_usize, |all, &byte| {
            all.checked_mul(256)?.checked_add(usize::from(byte))
        })?;
        (length, rest)
    };
    rest.split_at_checked(length)
}
