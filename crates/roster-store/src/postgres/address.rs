//! The address of a PostgreSQL database: what libpq knows of TLS and the driver's own parser does not.
//!
//! The driver knows three values of `sslmode` and refuses every key that it has not heard of, so these keys are taken
//! out of the address before it reads the rest. A message never repeats the address: it may hold a password.

use std::collections::BTreeSet;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::error::StoreError;

/// An address, taken apart.
#[derive(Debug)]
pub(super) struct Address {
    /// What is left for the driver.
    pub(super) url: String,
    /// What was said of TLS.
    pub(super) tls: Wanted,
}

/// Which connection is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) mode: Mode,
    pub(super) roots: Option<Roots>,
    /// A certificate and its key to show to the server.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Never TLS.
    Disable,
    /// TLS where the server has it.
    Prefer,
    /// Nothing but TLS, with whomever.
    Require,
    /// And a certificate of a known authority.
    VerifyCa,
    /// And one for this very host.
    VerifyFull,
}

/// Whose certificates are believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of the operating system.
    System,
    /// Those in a file.
    File(PathBuf),
}

const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

impl Mode {
    pub(super) fn name(self) -> &'static str {
        MODES
            .iter()
            .find(|(_, mode)| *mode == self)
            .map_or("", |(name, _)| name)
    }
}

impl Wanted {
    /// As it would be written in an address.
    pub(super) fn describe(&self) -> String {
        match &self.roots {
            None => format!("sslmode={}", self.mode.name()),
            Some(Roots::System) => format!("sslmode={}, sslrootcert=system", self.mode.name()),
            Some(Roots::File(path)) => {
                format!("sslmode={}, sslrootcert={}", self.mode.name(), path.display())
            }
        }
    }
}

/// Takes the keys that are ours out of `address`.
pub(super) fn parse(address: &str) -> Result<Address, StoreError> {
    let (before, parameters) = split(address)?;
    let mut kept = Vec::new();
    let mut seen = BTreeSet::new();
    let (mut mode, mut roots, mut cert, mut key) = (None, None, None, None);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        // A password with an `@` in it ends early and leaves its rest here.
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(unusable(
                "what follows `?` is not made of `key=value` pairs; in a user or password the characters @ : / ? # & % \
                 have to be percent-encoded (@ is %40)",
            ));
        }
        // Of two, either would be taken by somebody; the weaker one may stand far behind.
        let ours = ["sslmode", "sslrootcert", "sslcert", "sslkey"].contains(&name);
        if ours && !seen.insert(name) {
            return Err(unusable(&format!("`{name}` stands in it twice")));
        }
        match name {
            "sslmode" => mode = Some(sslmode(&value(parameter)?)?),
            // As with libpq, an empty file name is none.
            "sslrootcert" => roots = Some(value(parameter)?).filter(|value| !value.is_empty()),
            "sslcert" => cert = Some(value(parameter)?).filter(|value| !value.is_empty()),
            "sslkey" => key = Some(value(parameter)?).filter(|value| !value.is_empty()),
            _ => kept.push(parameter),
        }
    }
    let roots = roots.map(|value| match value.as_str() {
        "system" => Roots::System,
        _ => Roots::File(value.into()),
    });
    let identity = match (cert, key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some((cert.into(), key.into())),
        (Some(_), None) => {
            return Err(unusable(
                "`sslcert` needs `sslkey`, the file with its private key",
            ));
        }
        (None, Some(_)) => {
            return Err(unusable(
                "`sslkey` needs `sslcert`, the file with its certificate",
            ));
        }
    };
    let url = if kept.is_empty() {
        before.to_owned()
    } else {
        format!("{before}?{}", kept.join("&"))
    };
    Ok(Address {
        url,
        tls: Wanted {
            mode: settle(mode, roots.as_ref())?,
            roots,
            identity,
        },
    })
}

/// The mode to use. Nothing said is libpq's `prefer`; who names an authority and no mode wants the server to be
/// checked.
fn settle(said: Option<Mode>, roots: Option<&Roots>) -> Result<Mode, StoreError> {
    match (said, roots) {
        (None, None) => Ok(Mode::Prefer),
        (None, Some(_)) => Ok(Mode::VerifyFull),
        (Some(mode @ (Mode::VerifyCa | Mode::VerifyFull)), None) => Err(unusable(&format!(
            "`sslmode={}` needs `sslrootcert`: a PEM file with the authority that issued the server's certificate, or \
             `system` for those that the operating system trusts",
            mode.name()
        ))),
        // Anybody can have a certificate of a public authority; only the name tells who it is.
        (Some(mode), Some(Roots::System)) if mode != Mode::VerifyFull => Err(unusable(&format!(
            "`sslmode={}` is too weak for `sslrootcert=system`, whose authorities issue certificates to anybody; \
             give `sslmode=verify-full`, or a file as `sslrootcert`",
            mode.name()
        ))),
        // As with libpq, an authority that is named is asked.
        (Some(Mode::Require), Some(Roots::File(_))) => Ok(Mode::VerifyCa),
        (Some(mode), _) => Ok(mode),
    }
}

fn sslmode(value: &str) -> Result<Mode, StoreError> {
    let found = MODES.iter().find(|(name, _)| *name == value);
    found.map(|(_, mode)| *mode).ok_or_else(|| {
        unusable(&format!(
            "`sslmode` is `{value}`; it has to be disable, prefer, require, verify-ca or verify-full"
        ))
    })
}

/// Where the parameters begin is decided as the driver does it: the first `@` ends user and password.
fn split(address: &str) -> Result<(&str, &str), StoreError> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| address.starts_with(scheme))
    {
        return Err(unusable("it has to begin with postgres:// or postgresql://"));
    }
    let credentials = address.find('@').map_or(0, |at| at + 1);
    let end = address
        .get(credentials..)
        .and_then(|rest| rest.find('?'))
        .map_or(address.len(), |mark| credentials + mark);
    let (before, rest) = address.split_at(end);
    Ok((before, rest.strip_prefix('?').unwrap_or(rest)))
}

fn value(parameter: &str) -> Result<String, StoreError> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    percent_decode_str(value)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| unusable(&format!("`{name}` is not UTF-8")))
}

/// An address that no connection can be tried with.
pub(super) fn unusable(why: &str) -> StoreError {
    StoreError::Unavailable(format!("the database address cannot be used: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may be blunt")]
mod tests {
    use super::*;

    fn wanted(parameters: &str) -> Wanted {
        parse(&format!("postgres://roster:pw@db.example.com/roster{parameters}"))
            .unwrap()
            .tls
    }

    fn refused(address: &str) -> String {
        parse(address).unwrap_err().to_string()
    }

    #[test]
    fn the_driver_gets_the_address_without_our_keys() {
        let left = |address: &str| parse(address).unwrap().url;
        assert_eq!(left("postgres://u:p@h/d"), "postgres://u:p@h/d");
        assert_eq!(
            left(
                "postgresql://u@h/d?sslmode=verify-full&application_name=a%20b&sslrootcert=%2Fca.pem&connect_timeout=3"
            ),
            "postgresql://u@h/d?application_name=a%20b&connect_timeout=3"
        );
        assert_eq!(left("postgres://u@h/d?sslmode=disable"), "postgres://u@h/d");
        // The driver takes a `?` before the `@` for a part of the password.
        assert_eq!(
            left("postgres://u:p?sslmode=x@h/d?sslmode=require"),
            "postgres://u:p?sslmode=x@h/d"
        );
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        for key in [
            "sslmode=verify-full&sslmode=disable",
            "sslrootcert=system&sslrootcert=system",
            "sslkey=a&sslkey=b",
        ] {
            let message = refused(&format!("postgres://u@h/d?{key}"));
            assert!(message.contains("twice"), "{message}");
        }
    }

    #[test]
    fn a_mode_that_is_not_said_depends_on_whether_an_authority_is() {
        assert_eq!(wanted("").mode, Mode::Prefer);
        assert_eq!(wanted("?sslrootcert=").mode, Mode::Prefer);
        assert_eq!(wanted("?sslrootcert=ca.pem").mode, Mode::VerifyFull);
        assert_eq!(wanted("?sslrootcert=system").mode, Mode::VerifyFull);
    }

    #[test]
    fn require_checks_the_chain_as_soon_as_an_authority_is_named() {
        assert_eq!(wanted("?sslmode=require").mode, Mode::Require);
        let with = wanted("?sslmode=require&sslrootcert=%2Fetc%2Fmy%20ca.pem");
        assert_eq!(with.mode, Mode::VerifyCa);
        assert_eq!(with.roots, Some(Roots::File("/etc/my ca.pem".into())));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_way_out() {
        let with = |parameters: &str| refused(&format!("postgres://u:hunter2@h/d?{parameters}"));
        for (parameters, words) in [
            (
                "sslmode=verify_full",
                "`sslmode` is `verify_full`; it has to be disable, prefer",
            ),
            ("sslmode", "`sslmode` is ``"),
            ("sslmode=verify-full", "needs `sslrootcert`"),
            ("sslmode=verify-ca", "needs `sslrootcert`"),
            ("sslmode=require&sslrootcert=system", "too weak"),
            ("sslmode=verify-ca&sslrootcert=system", "too weak"),
            ("sslcert=c.pem", "needs `sslkey`"),
            ("sslkey=k.pem", "needs `sslcert`"),
            ("sslmode=%ff", "`sslmode` is not UTF-8"),
        ] {
            let text = with(parameters);
            assert!(text.contains(words), "{parameters}: {text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(refused("host=h user=u password=hunter2").contains("postgres://"));
    }

    #[test]
    fn a_password_with_an_at_sign_is_not_repeated() {
        let text = refused("postgres://u:start@hunter?2@h/d?sslmode=require");
        assert!(text.contains("percent-encoded"), "{text}");
        assert!(!text.contains("hunter") && !text.contains("2@h"), "{text}");
    }
}
