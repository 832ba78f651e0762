//! PEM, with the headers that older keys have, and line ends of any kind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A PEM file that holds one thing.
pub(super) struct Pem {
    /// What it says it is: `RSA PRIVATE KEY`.
    pub(super) label: String,
    headers: Vec<(String, String)>,
    /// The content.
    pub(super) body: Vec<u8>,
}

impl Pem {
    /// Reads the first private key of a text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = with_line_ends(text);
        let mut lines = text.lines();
        let label = lines.find_map(|line| {
            let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
            label.ends_with("PRIVATE KEY").then(|| label.to_owned())
        })?;
        let end = format!("-----END {label}-----");
        let (mut headers, mut body, mut ended) = (Vec::new(), String::new(), false);
        for line in lines {
            if line == end {
                ended = true;
                break;
            }
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None => body.push_str(line),
            }
        }
        let body = STANDARD.decode(body).ok().filter(|_| ended)?;
        Some(Self { label, headers, body })
    }

    /// The cipher and the bytes it starts with, from `DEK-Info`.
    pub(super) fn dek(&self) -> Option<(String, Vec<u8>)> {
        let (_, value) = self.headers.iter().find(|(name, _)| name == "DEK-Info")?;
        let (cipher, iv) = value.split_once(',')?;
        Some((cipher.trim().to_ascii_uppercase(), hex(iv.trim())?))
    }
}

/// What a text without a private key holds instead, where it is what belongs to one.
pub(super) fn public(text: &str) -> Option<&'static str> {
    let begins = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if text.contains("PRIVATE KEY-----") {
        return None;
    }
    if begins("CERTIFICATE") || begins("TRUSTED CERTIFICATE") {
        return Some("a certificate and no private key");
    }
    if begins("CERTIFICATE REQUEST") || begins("NEW CERTIFICATE REQUEST") {
        return Some("a request for a certificate and no private key");
    }
    (begins("PUBLIC KEY") || begins("RSA PUBLIC KEY")).then_some("a public key and no private key")
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| {
            pair.iter()
                .try_fold(0, |all, digit| u8::try_from(all * 16 + digit).ok().map(u32::from))
        })
        .map(|byte| byte.and_then(|byte| u8::try_from(byte).ok()))
        .collect()
}

/// A PEM file.
pub(super) fn write(label: &str, body: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, c) in STANDARD.encode(body).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n-----END " + label + "-----\n"
}

/// Keys come with any line end, bare carriage returns included, and with blanks around.
pub(super) fn with_line_ends(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    lines.push("");
    lines.join("\n")
}

/// A value of DER.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|&byte| byte == 0).collect();
    match (content.len(), u8::try_from(significant.len())) {
        (short @ 0..128, _) => bytes.push(u8::try_from(short).unwrap_or_default()),
        (_, Ok(count)) => {
            bytes.push(0x80 | count);
            bytes.extend(significant);
        }
        (_, Err(_)) => {}
    }
    bytes.extend(content);
    bytes
}
