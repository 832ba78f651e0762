//! Distinguished names (RFC 4514): compared, and looked into.

/// A name: relative names from the entry upwards, each a list of types and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dn {
    relative: Vec<Vec<(String, String)>>,
}

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no distinguished name such as `cn=Ada,ou=People,dc=example,dc=com`")]
pub(crate) struct BadDn;

impl Dn {
    /// Reads a name. Blanks around its separators do not belong to it.
    pub(crate) fn parse(text: &str) -> Result<Self, BadDn> {
        let mut parser = Parser { rest: text };
        let mut relative = Vec::new();
        parser.blanks();
        if parser.rest.is_empty() {
            return Ok(Self::default());
        }
        loop {
            let mut pairs = Vec::new();
            let separator = loop {
                pairs.push(parser.pair()?);
                match parser.take() {
                    Some('+') => {}
                    other => break other,
                }
            };
            pairs.sort();
            relative.push(pairs);
            match separator {
                None => break,
                Some(',' | ';') => {}
                Some(_) => return Err(BadDn),
            }
        }
        Ok(Self { relative })
    }

    /// The same text for all spellings of one name.
    pub(crate) fn key(&self) -> String {
        let mut key = String::new();
        for pairs in &self.relative {
            for (kind, value) in pairs {
                key.push_str(kind);
                key.push('=');
                // A separator in a value must not look like one between values.
                for c in value.chars().flat_map(char::to_lowercase) {
                    if matches!(c, ',' | '+' | '\\') {
                        key.push('\\');
                    }
                    key.push(c);
                }
                key.push('+');
            }
            key.push(',');
        }
        key
    }

    /// Whether it is `base` or below it.
    pub(crate) fn is_inside(&self, base: &Dn) -> bool {
        let Some(above) = self.relative.len().checked_sub(base.relative.len()) else {
            return false;
        };
        let same = |a: &Vec<(String, String)>, b: &Vec<(String, String)>| {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((ka, va), (kb, vb))| ka == kb && va.to_lowercase() == vb.to_lowercase())
        };
        self.relative
            .iter()
            .skip(above)
            .zip(&base.relative)
            .all(|(a, b)| same(a, b))
    }
}

/// The same text for all spellings of a name.
pub(crate) fn key(text: &str) -> String {
    Dn::parse(text).map_or_else(|_| text.to_lowercase(), |dn| dn.key())
}

/// The value that a name begins with: what a group is called.
pub(crate) fn first_value(text: &str) -> Result<String, BadDn> {
    let (_, value) = Parser { rest: text }.pair()?;
    Ok(value)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r']);
    }

    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        Some(next)
    }

    /// `type=value`, and the blanks behind it.
    fn pair(&mut self) -> Result<(String, String), BadDn> {
        self.blanks();
        let (kind, rest) = self.rest.split_once('=').ok_or(BadDn)?;
        let kind = kind.trim().to_ascii_lowercase();
        let kind = kind.strip_prefix("oid.").map(str::to_owned).unwrap_or(kind);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if kind.is_empty() || !kind.chars().all(allowed) {
            return Err(BadDn);
        }
        self.rest = rest;
        self.blanks();
        let value = if self.rest.starts_with('"') {
            self.quoted()?
        } else {
            self.plain()?
        };
        self.blanks();
        Ok((kind, value))
    }

    fn plain(&mut self) -> Result<String, BadDn> {
        let mut bytes = Vec::new();
        // Blanks at the end do not belong to the value, unless they are escaped.
        let mut meant = 0;
        while let Some(next) = self.rest.chars().next().filter(|c| !matches!(c, ',' | ';' | '+')) {
            self.take();
            if next == '\\' {
                self.escaped(&mut bytes)?;
                meant = bytes.len();
                continue;
            }
            bytes.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            if next != ' ' {
                meant = bytes.len();
            }
        }
        bytes.truncate(meant);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn quoted(&mut self) -> Result<String, BadDn> {
        self.take();
        let mut bytes = Vec::new();
        loop {
            match self.take().ok_or(BadDn)? {
                '"' => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                '\\' => self.escaped(&mut bytes)?,
                other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What a backslash stands for: two digits are a byte, anything else is itself.
    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<(), BadDn> {
        let digits = self.rest.get(..2);
        let byte = digits
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            self.rest = self.rest.get(2..).unwrap_or_default();
            bytes.push(byte);
            return Ok(());
        }
        let next = self.take().ok_or(BadDn)?;
        bytes.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Dn::parse(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .key()
    }

    #[test]
    fn spellings_of_one_name_are_one() {
        let one = key("cn=Ada Okafor,ou=People,dc=example");
        for other in [
            "CN=ada okafor,OU=people,DC=Example",
            "cn = Ada Okafor , ou=People;dc=example",
            r"cn=Ada\20Okafor,ou=People,dc=example",
            r#"cn="Ada Okafor",ou=People,dc=example"#,
            "cn=Ada Okafor,\n ou=People,dc=example",
        ] {
            assert_eq!(key(other), one, "{other}");
        }
        assert_eq!(key("cn=a+uid=b,dc=c"), key("uid=b+cn=a,dc=c"));
        assert_eq!(key(r"cn=\C3\A9"), key("cn=É"));
        for other in [
            r"cn=Ada\, Okafor,ou=People",
            "cn=Ada,cn=Okafor,ou=People",
            r"cn=Ada\20,ou=People",
        ] {
            assert_ne!(key(other), key("cn=Ada,ou=People"), "{other}");
        }
        assert_ne!(
            key(r"cn=a\+\,cn\=b"),
            key("cn=a,cn=b"),
            "separators in values stay apart"
        );
    }

    #[test]
    fn inside_means_at_or_below() {
        let inside = |name: &str, base: &str| Dn::parse(name).unwrap().is_inside(&Dn::parse(base).unwrap());
        assert!(inside("cn=a,ou=b,dc=c", "OU=B, dc=C"));
        assert!(inside("ou=b,dc=c", "ou=b,dc=c"));
        assert!(inside("cn=a", ""));
        assert!(!inside("dc=c", "ou=b,dc=c"));
        assert!(!inside("cn=a,xou=b,dc=c", "ou=b,dc=c"), "names are no texts");
        assert!(
            !inside(r"cn=a\,ou=b,dc=c", "ou=b,dc=c"),
            "an escaped comma separates nothing"
        );
    }

    #[test]
    fn groups_are_called_what_stands_first_in_their_name() {
        let first = |text: &str| first_value(text).unwrap();
        assert_eq!(first(r"cn=Paint\, Wool,ou=groups"), "Paint, Wool");
        assert_eq!(first(r"CN=\#1 Team,ou=groups"), "#1 Team");
        assert_eq!(first(r#"cn=The \"Best\",ou=g"#), r#"The "Best""#);
        assert_eq!(first("cn=a+ou=b,dc=c"), "a");
        assert_eq!(first(r"cn=K\C3\BCnstler,dc=c"), "Künstler");
        assert_eq!(first(r"cn=a\+b,dc=c"), "a+b");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "ada",
            "ada@example.com",
            "=a",
            "cn=a,",
            "cn=a,b",
            r"cn=a\",
            "cn=\"a",
            "a b=c",
        ] {
            assert_eq!(Dn::parse(bad), Err(BadDn), "{bad}");
        }
        assert_eq!(Dn::parse(" "), Ok(Dn::default()));
    }
}
