//! Where a directory is: `ldaps://dc1.example.com:636`.

use std::fmt;
use std::str::FromStr;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) scheme: Scheme,
    /// The name or address, without brackets; the path of a socket.
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// How a server is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// In clear, until StartTLS.
    Ldap,
    /// TLS from the first byte.
    Ldaps,
    /// A socket of this machine.
    Ldapi,
}

/// Why a text names no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    /// Something else before `://`.
    #[error("begins with neither `ldap://`, `ldaps://` nor `ldapi://`")]
    Scheme,
    /// No number behind the colon.
    #[error("has no port number behind its colon; an IPv6 address stands in brackets")]
    Port,
    /// Nothing.
    #[error("names no server")]
    Empty,
}

impl FromStr for Host {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Ldap, text),
            Some((word, rest)) => match word.to_ascii_lowercase().as_str() {
                "ldap" => (Scheme::Ldap, rest),
                "ldaps" => (Scheme::Ldaps, rest),
                "ldapi" => (Scheme::Ldapi, rest),
                _ => return Err(BadHost::Scheme),
            },
        };
        if scheme == Scheme::Ldapi {
            let name = unescaped(rest);
            if name.is_empty() {
                return Err(BadHost::Empty);
            }
            return Ok(Self {
                scheme,
                name,
                port: 0,
            });
        }
        let rest = rest.split('/').next().unwrap_or_default();
        let (name, port) = if let Some(bracketed) = rest.strip_prefix('[') {
            let (name, behind) = bracketed.split_once(']').ok_or(BadHost::Port)?;
            (
                name,
                behind
                    .strip_prefix(':')
                    .or_else(|| behind.is_empty().then_some("")),
            )
        } else {
            match rest.split_once(':') {
                None => (rest, Some("")),
                Some((name, port)) => (name, Some(port)),
            }
        };
        let usual = if scheme == Scheme::Ldaps { 636 } else { 389 };
        let port = match port.ok_or(BadHost::Port)? {
            "" => usual,
            digits => digits.parse().map_err(|_| BadHost::Port)?,
        };
        if name.is_empty() {
            return Err(BadHost::Empty);
        }
        Ok(Self {
            scheme,
            name: name.to_owned(),
            port,
        })
    }
}

/// `%2F` is a slash.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(byte)) = (first, byte) {
            bytes.push(byte);
            rest = behind.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.scheme {
            Scheme::Ldap => "ldap",
            Scheme::Ldaps => "ldaps",
            Scheme::Ldapi => return write!(f, "ldapi://{}", self.name),
        };
        if self.name.contains(':') {
            write!(f, "{word}://[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{word}://{}:{}", self.name, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_in_many_ways() {
        for (text, shown) in [
            ("dc1.example.com", "ldap://dc1.example.com:389"),
            ("LDAPS://dc1", "ldaps://dc1:636"),
            ("ldap://dc1:3389/", "ldap://dc1:3389"),
            ("ldaps://[::1]", "ldaps://[::1]:636"),
            ("[::1]:390", "ldap://[::1]:390"),
            ("ldapi://%2Frun%2Fldapi", "ldapi:///run/ldapi"),
        ] {
            assert_eq!(
                Host::from_str(text).map(|host| host.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        for (text, problem) in [
            ("http://dc1", BadHost::Scheme),
            ("ldap://", BadHost::Empty),
            ("dc1:x", BadHost::Port),
            ("::1", BadHost::Port),
            ("[::1", BadHost::Port),
            ("[::1]x", BadHost::Port),
            ("dc1:99999", BadHost::Port),
        ] {
            assert_eq!(Host::from_str(text), Err(problem), "{text}");
        }
    }
}
