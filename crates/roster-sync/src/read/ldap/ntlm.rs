//! NTLM version 2 (MS-NLMP), as far as proving a password needs it: no signing and no sealing, which is what TLS is for.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, rand};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;

use crate::read::ldap::ber::{Reader, SEQUENCE};

const SIGNATURE: &[u8] = b"NTLMSSP\0";

// What both sides can do.
const UNICODE: u32 = 0x1;
const REQUEST_TARGET: u32 = 0x4;
const NTLM: u32 = 0x200;
const ALWAYS_SIGN: u32 = 0x8000;
const EXTENDED_SESSION_SECURITY: u32 = 0x8_0000;
const TARGET_INFO: u32 = 0x80_0000;
const OURS: u32 = UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | TARGET_INFO;

// Pairs of the server's description of itself.
const END: u16 = 0;
const FLAGS: u16 = 6;
const TIMESTAMP: u16 = 7;
const TARGET_NAME: u16 = 9;
const CHANNEL_BINDINGS: u16 = 10;
/// In `FLAGS`: the last message has a check of all three.
const HAS_CHECK: u32 = 2;

/// Where the last message has its check, and how long it is.
const CHECK_AT: usize = 72;
const CHECK: [u8; 16] = [0; 16];
/// Where its texts begin.
const PAYLOAD: usize = CHECK_AT + CHECK.len();

/// The first message.
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(OURS.to_le_bytes());
    // No domain, no workstation.
    message.extend([0; 16]);
    message
}

/// Who logs in, and where.
pub(super) struct Login<'l> {
    /// `DOMAIN\user` or a UPN.
    pub(super) username: &'l str,
    /// The password, or `LMHASH:NTHASH`.
    pub(super) password: &'l str,
    /// The service, as in `ldap/dc1.example.com`.
    pub(super) target: &'l str,
    /// The certificate of the TLS connection, DER, which the proof is tied to.
    pub(super) certificate: Option<&'l [u8]>,
}

/// What is chosen anew for every login.
struct Fresh {
    challenge: [u8; 8],
    /// In tenths of microseconds since 1601.
    time: u64,
}

impl Login<'_> {
    /// The answer to the server's challenge.
    pub(super) fn answer(&self, challenge: &[u8]) -> Result<Vec<u8>, String> {
        let mut random = [0; 8];
        rand::fill(&mut random).map_err(|_| "the system has no random numbers".to_owned())?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fresh = Fresh {
            challenge: random,
            time: (since_1970.as_secs() + 11_644_473_600) * 10_000_000
                + u64::from(since_1970.subsec_nanos()) / 100,
        };
        self.answer_with(challenge, &fresh)
    }

    fn answer_with(&self, challenge: &[u8], fresh: &Fresh) -> Result<Vec<u8>, String> {
        let theirs = Challenge::parse(challenge).ok_or("the server's NTLM challenge is malformed")?;
        let (domain, user) = self.username.split_once('\\').unwrap_or(("", self.username));
        let key = owner_key(&password_hash(self.password), user, domain);
        let server_time = theirs
            .pair(TIMESTAMP)
            .and_then(|time| <[u8; 8]>::try_from(time).ok());
        let time = server_time.unwrap_or_else(|| fresh.time.to_le_bytes());
        let blob = blob(time, fresh.challenge, &self.pairs(&theirs, server_time.is_some()));
        let proof = authentic(&key, &[&theirs.random, &blob]);
        let nt = [&proof[..], &blob].concat();
        let lm = if server_time.is_some() {
            vec![0; 24]
        } else {
            let proof = authentic(&key, &[&theirs.random, &fresh.challenge]);
            [&proof[..], &fresh.challenge].concat()
        };
        let mut message = SIGNATURE.to_vec();
        message.extend(3_u32.to_le_bytes());
        let mut payload: Vec<u8> = Vec::new();
        let none = Vec::new();
        for part in [&lm, &nt, &utf16(domain), &utf16(user), &none, &none] {
            let length = u16::try_from(part.len()).map_err(|_| "the server's NTLM challenge is too long")?;
            let offset = u32::try_from(PAYLOAD + payload.len()).unwrap_or(u32::MAX);
            message.extend(length.to_le_bytes());
            message.extend(length.to_le_bytes());
            message.extend(offset.to_le_bytes());
            payload.extend(part);
        }
        message.extend((OURS & theirs.flags).to_le_bytes());
        // No version of anything.
        message.extend([0; 8]);
        message.extend(CHECK);
        message.extend(payload);
        if server_time.is_some() {
            let session = authentic(&key, &[&proof]);
            let check = authentic(&session, &[&negotiate(), challenge, &message]);
            if let Some(place) = message.get_mut(CHECK_AT..PAYLOAD) {
                place.copy_from_slice(&check);
            }
        }
        Ok(message)
    }

    /// The server's pairs with ours behind them.
    fn pairs(&self, theirs: &Challenge<'_>, with_check: bool) -> Vec<u8> {
        let mut pairs = Vec::new();
        let mut add = |kind: u16, value: &[u8]| {
            let length = u16::try_from(value.len()).unwrap_or(0);
            pairs.extend(kind.to_le_bytes());
            pairs.extend(length.to_le_bytes());
            pairs.extend(value.get(..usize::from(length)).unwrap_or_default());
        };
        for (kind, value) in &theirs.pairs {
            if !matches!(*kind, FLAGS | TARGET_NAME | CHANNEL_BINDINGS) {
                add(*kind, value);
            }
        }
        let flags = theirs
            .pair(FLAGS)
            .and_then(|flags| <[u8; 4]>::try_from(flags).ok());
        let flags = flags.map_or(0, u32::from_le_bytes) | if with_check { HAS_CHECK } else { 0 };
        if flags != 0 {
            add(FLAGS, &flags.to_le_bytes());
        }
        add(TARGET_NAME, &utf16(self.target));
        add(CHANNEL_BINDINGS, &channel(self.certificate));
        add(END, &[]);
        pairs
    }
}

/// The server's message.
struct Challenge<'b> {
    random: [u8; 8],
    flags: u32,
    pairs: Vec<(u16, &'b [u8])>,
}

impl<'b> Challenge<'b> {
    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
        if !bytes.starts_with(SIGNATURE) || number(8)? != 2 {
            return None;
        }
        let length = u16::from_le_bytes(*bytes.get(40..)?.first_chunk::<2>()?);
        let offset = usize::try_from(number(44)?).ok()?;
        let mut rest = bytes.get(offset..offset.checked_add(usize::from(length))?)?;
        let mut pairs = Vec::new();
        while let Some((header, behind)) = rest.split_first_chunk::<4>() {
            let [a, b, c, d] = *header;
            let kind = u16::from_le_bytes([a, b]);
            let (value, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes([c, d])))?;
            if kind == END {
                break;
            }
            pairs.push((kind, value));
            rest = behind;
        }
        Some(Self {
            random: *bytes.get(24..)?.first_chunk::<8>()?,
            flags: number(20)?,
            pairs,
        })
    }

    fn pair(&self, kind: u16) -> Option<&'b [u8]> {
        self.pairs
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, value)| *value)
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The hash that Windows keeps of a password, which may be given in its place.
fn password_hash(password: &str) -> [u8; 16] {
    if let Some((lm, nt)) = password.split_once(':')
        && lm.len() == 32
        && nt.len() == 32
        && let Some(hash) = bytes_of(nt)
        && bytes_of(lm).is_some()
    {
        return hash;
    }
    Md4::digest(utf16(password)).into()
}

fn bytes_of(digits: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(at * 2..at * 2 + 2)?;
        if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

/// The key of a user.
fn owner_key(hash: &[u8; 16], user: &str, domain: &str) -> [u8; 16] {
    authentic(hash, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

/// HMAC-MD5.
fn authentic(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    // A key of 16 bytes is never refused; any length is taken.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else {
        return CHECK;
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What is proved besides the password: when, and to whom.
fn blob(time: [u8; 8], challenge: [u8; 8], pairs: &[u8]) -> Vec<u8> {
    [
        &[1, 1, 0, 0, 0, 0, 0, 0][..],
        &time,
        &challenge,
        &[0; 4],
        pairs,
        &[0; 4],
    ]
    .concat()
}

/// The TLS connection that a proof belongs to, so that it is of no use on another; zeros without one.
fn channel(certificate: Option<&[u8]>) -> [u8; 16] {
    let Some(certificate) = certificate else {
        return CHECK;
    };
    let binding = end_point(certificate);
    let length = u32::try_from(binding.len()).unwrap_or(0);
    // Addresses of both sides are left empty: four numbers.
    let whole = [&[0; 16][..], &length.to_le_bytes(), &binding].concat();
    Md5::digest(whole).into()
}

/// `tls-server-end-point` of a certificate (RFC 5929).
pub(super) fn end_point(certificate: &[u8]) -> Vec<u8> {
    let hash = digest::digest(signature_hash(certificate), certificate);
    [&b"tls-server-end-point:"[..], hash.as_ref()].concat()
}

/// The hash that a certificate is signed with; SHA-256 in the place of what is weaker.
fn signature_hash(certificate: &[u8]) -> &'static digest::Algorithm {
    let name = || {
        let mut outer = Reader::new(Reader::new(certificate).expect(SEQUENCE, "a certificate").ok()?);
        outer.next().ok()?;
        let mut algorithm = Reader::new(outer.expect(SEQUENCE, "the algorithm of a certificate").ok()?);
        algorithm.next().ok().map(|(_, name)| name)
    };
    match name() {
        // sha384WithRSAEncryption, ecdsa-with-SHA384
        Some([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]) => {
            &digest::SHA384
        }
        // sha512WithRSAEncryption, ecdsa-with-SHA512
        Some([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]) => {
            &digest::SHA512
        }
        _ => &digest::SHA256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    }

    /// The example of MS-NLMP, section 4.2.4.
    #[test]
    fn the_proof_is_that_of_the_published_example() {
        let key = owner_key(&password_hash("Password"), "User", "Domain");
        assert_eq!(hex(&key), "0c868a403bfd7a93a3001ef22ef02e3f");
        let mut pairs = Vec::new();
        for (kind, value) in [(2_u16, utf16("Domain")), (1, utf16("Server")), (0, Vec::new())] {
            pairs.extend(kind.to_le_bytes());
            pairs.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            pairs.extend(value);
        }
        let blob = blob([0; 8], [0xaa; 8], &pairs);
        let challenge = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        assert_eq!(
            hex(&authentic(&key, &[&challenge, &blob])),
            "68cd0ab851e51c96aabc927bebef6a1c"
        );
    }

    #[test]
    fn a_pair_of_hashes_stands_for_the_password() {
        let hash = hex(&password_hash("Password"));
        assert_eq!(hash, "a4f49c406510bdcab6824ee7c30fd852");
        let pair = format!("aad3b435b51404eeaad3b435b51404ee:{hash}");
        assert_eq!(hex(&password_hash(&pair)), hash);
        assert_ne!(
            hex(&password_hash("not:hashes")),
            hash,
            "a colon alone is a password"
        );
    }

    #[test]
    fn a_challenge_that_is_cut_off_is_refused() {
        let mut challenge = SIGNATURE.to_vec();
        challenge.extend(2_u32.to_le_bytes());
        challenge.extend([0; 8]);
        challenge.extend(OURS.to_le_bytes());
        challenge.extend([7; 8]);
        challenge.extend([0; 8]);
        challenge.extend([12, 0, 12, 0, 48, 0, 0, 0]);
        challenge.extend([7, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let login = Login {
            username: "CORP\\ada",
            password: "x",
            target: "ldap/dc1",
            certificate: None,
        };
        let fresh = Fresh {
            challenge: [9; 8],
            time: 1,
        };
        let answer = login.answer_with(&challenge, &fresh).unwrap();
        assert_eq!(
            &answer[PAYLOAD..PAYLOAD + 24],
            [0; 24],
            "no weak proof beside the strong one"
        );
        assert_ne!(
            &answer[CHECK_AT..PAYLOAD],
            [0; 16],
            "the messages are tied together"
        );
        for length in 0..challenge.len() {
            assert!(
                login.answer_with(&challenge[..length], &fresh).is_err(),
                "{length}"
            );
        }
    }
}
