//! Search filters: the text of RFC 4515 into what goes over the wire, and arguments put into it.

use std::fmt::Write as _;

use crate::read::ldap::ber::{BOOLEAN, OCTETS, Writer};

/// How deep filters may be nested; a deeper one is no filter that somebody wrote.
const DEEPEST: usize = 100;

/// A filter as it goes over the wire, and the names in it that a server's schema can lack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) bytes: Vec<u8>,
    /// The attributes it looks at.
    pub(crate) attributes: Vec<String>,
    /// The object classes it asks for.
    pub(crate) classes: Vec<String>,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at}")]
pub(crate) struct BadFilter {
    what: String,
    /// Counted from 1.
    at: usize,
}

/// The filter that everything fits.
pub(crate) const EVERYTHING: &str = "(objectClass=*)";

/// An argument as it may stand in a filter. The set of characters is user-sync's.
pub(crate) fn escape(argument: &str) -> String {
    let mut escaped = String::with_capacity(argument.len());
    for c in argument.chars() {
        match c {
            '*' | '(' | ')' | '\\' | '&' | '|' | '<' | '>' | '~' | '!' | ':' | '\0' => {
                let _ = write!(escaped, "\\{:02x}", u32::from(c));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A filter without parentheses around it gets them.
pub(crate) fn wrapped(filter: &str) -> String {
    let filter = filter.trim();
    if filter.starts_with('(') {
        filter.to_owned()
    } else {
        format!("({filter})")
    }
}

/// Reads a filter.
pub(crate) fn parse(text: &str) -> Result<Filter, BadFilter> {
    let mut parser = Parser {
        text: text.as_bytes(),
        at: 0,
        found: Filter::default(),
    };
    let mut writer = Writer::default();
    parser.blanks();
    parser.filter(&mut writer, 0)?;
    parser.blanks();
    if parser.at < parser.text.len() {
        return Err(parser.bad("something follows the last parenthesis"));
    }
    parser.found.bytes = writer.into_bytes();
    Ok(parser.found)
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    found: Filter,
}

impl Parser<'_> {
    fn bad(&self, what: &str) -> BadFilter {
        let before = self.text.get(..self.at).unwrap_or_default();
        BadFilter {
            what: what.to_owned(),
            at: String::from_utf8_lossy(before).chars().count() + 1,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Blanks and line ends between the parts, as in a filter that is written over several lines.
    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn filter(&mut self, writer: &mut Writer, depth: usize) -> Result<(), BadFilter> {
        if depth > DEEPEST {
            return Err(self.bad("it is nested too deeply"));
        }
        if self.peek() != Some(b'(') {
            return Err(self.bad("`(` is missing"));
        }
        self.at += 1;
        self.blanks();
        match self.peek() {
            Some(b'&') => self.list(writer, 0xa0, depth)?,
            Some(b'|') => self.list(writer, 0xa1, depth)?,
            Some(b'!') => {
                self.at += 1;
                self.blanks();
                let mut inner = Writer::default();
                self.filter(&mut inner, depth + 1)?;
                writer.element(0xa2, &inner.into_bytes());
            }
            _ => self.item(writer)?,
        }
        self.blanks();
        if self.peek() != Some(b')') {
            return Err(self.bad("`)` is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn list(&mut self, writer: &mut Writer, tag: u8, depth: usize) -> Result<(), BadFilter> {
        self.at += 1;
        self.blanks();
        let mut inner = Writer::default();
        while self.peek() == Some(b'(') {
            self.filter(&mut inner, depth + 1)?;
            self.blanks();
        }
        writer.element(tag, &inner.into_bytes());
        Ok(())
    }

    /// `attribute=value` and its relatives.
    fn item(&mut self, writer: &mut Writer) -> Result<(), BadFilter> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| !matches!(byte, b'=' | b'~' | b'<' | b'>' | b':' | b'(' | b')'))
        {
            self.at += 1;
        }
        let name = self.text.get(start..self.at).unwrap_or_default();
        let name = String::from_utf8_lossy(name).trim().to_owned();
        let operator = self.peek();
        if operator == Some(b':') {
            return self.extensible(writer, &name);
        }
        if name.is_empty() {
            self.at = start;
            return Err(self.bad("the name of an attribute is missing"));
        }
        let tag = match operator {
            Some(b'=') => None,
            Some(b'>') => Some(0xa5),
            Some(b'<') => Some(0xa6),
            Some(b'~') => Some(0xa8),
            _ => return Err(self.bad("`=` is missing")),
        };
        if tag.is_some() {
            self.at += 1;
        }
        if self.peek() != Some(b'=') {
            return Err(self.bad("`=` is missing"));
        }
        self.at += 1;
        let parts = self.value()?;
        self.found.attributes.push(name.clone());
        let pair = |w: &mut Writer, tag: u8, value: &[u8]| {
            w.nested(tag, |pair| {
                pair.element(OCTETS, name.as_bytes());
                pair.element(OCTETS, value);
            });
        };
        match (tag, parts.as_slice()) {
            (Some(tag), [value]) => pair(writer, tag, value),
            (Some(_), _) => return Err(self.bad("`*` only goes with `=`")),
            (None, [value]) => {
                if name.eq_ignore_ascii_case("objectClass") {
                    self.found
                        .classes
                        .push(String::from_utf8_lossy(value).into_owned());
                }
                pair(writer, 0xa3, value);
            }
            (None, [first, last]) if first.is_empty() && last.is_empty() => {
                writer.element(0x87, name.as_bytes());
            }
            (None, [first, middle @ .., last]) => writer.nested(0xa4, |w| {
                w.element(OCTETS, name.as_bytes());
                w.nested(0x30, |list| {
                    let some = |tag: u8, part: &Vec<u8>, list: &mut Writer| {
                        if !part.is_empty() {
                            list.element(tag, part);
                        }
                    };
                    some(0x80, first, list);
                    for part in middle {
                        some(0x81, part, list);
                    }
                    some(0x82, last, list);
                });
            }),
            (None, []) => return Err(self.bad("the value is missing")),
        }
        Ok(())
    }

    /// `attribute:dn:rule:=value`, where most parts may be missing.
    fn extensible(&mut self, writer: &mut Writer, name: &str) -> Result<(), BadFilter> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| !matches!(byte, b'=' | b'(' | b')'))
        {
            self.at += 1;
        }
        let parts = String::from_utf8_lossy(self.text.get(start..self.at).unwrap_or_default()).into_owned();
        let inner = parts.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        if self.peek() != Some(b'=') || (inner.is_none() && parts != ":") {
            self.at = start;
            return Err(self.bad("`:=` is missing"));
        }
        self.at += 1;
        let mut words: Vec<&str> = inner.unwrap_or_default().split(':').map(str::trim).collect();
        let with_dn = words.first().is_some_and(|word| word.eq_ignore_ascii_case("dn"));
        if with_dn {
            words.remove(0);
        }
        let rule = match words.as_slice() {
            [] | [""] => None,
            [rule] => Some((*rule).to_owned()),
            _ => return Err(self.bad("there are too many `:`")),
        };
        let mut value = self.value()?;
        let (Some(value), true) = (value.pop(), value.is_empty()) else {
            return Err(self.bad("`*` only goes with `=`"));
        };
        if name.is_empty() && rule.is_none() {
            self.at = start;
            return Err(self.bad("the name of an attribute is missing"));
        }
        if !name.is_empty() {
            self.found.attributes.push(name.to_owned());
        }
        writer.nested(0xa9, |w| {
            if let Some(rule) = &rule {
                w.element(0x81, rule.as_bytes());
            }
            if !name.is_empty() {
                w.element(0x82, name.as_bytes());
            }
            w.element(0x83, &value);
            if with_dn {
                // Tag 4 in this place, with the content of a boolean.
                let mut boolean = Writer::default();
                boolean.element(BOOLEAN, &[0xff]);
                w.element(0x84, boolean.into_bytes().get(2..).unwrap_or_default());
            }
        });
        Ok(())
    }

    /// A value up to its parenthesis, cut at each `*`.
    fn value(&mut self) -> Result<Vec<Vec<u8>>, BadFilter> {
        let mut parts = vec![Vec::new()];
        loop {
            let byte = match self.peek() {
                None => return Err(self.bad("`)` is missing")),
                Some(b')') => return Ok(parts),
                Some(b'(') => return Err(self.bad("`(` in a value has to be written `\\28`")),
                Some(b'*') => {
                    self.at += 1;
                    parts.push(Vec::new());
                    continue;
                }
                Some(b'\\') => {
                    let digits = self.text.get(self.at + 1..self.at + 3);
                    let byte = digits
                        .and_then(|digits| std::str::from_utf8(digits).ok())
                        .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                        .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    let Some(byte) = byte else {
                        return Err(
                            self.bad("`\\` wants two hexadecimal digits behind it; `\\` itself is `\\5c`")
                        );
                    };
                    self.at += 2;
                    byte
                }
                Some(byte) => byte,
            };
            self.at += 1;
            if let Some(last) = parts.last_mut() {
                last.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a filter, readable.
    fn shown(text: &str) -> String {
        let bytes = parse(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .bytes;
        let mut shown = String::new();
        for byte in bytes {
            match byte {
                b' '..=b'~' if byte != b'%' => shown.push(char::from(byte)),
                other => {
                    let _ = write!(shown, "%{other:02x}");
                }
            }
        }
        shown
    }

    #[test]
    fn every_kind_of_filter_is_written_as_the_protocol_says() {
        assert_eq!(shown("(cn=Ann)"), "%a3%09%04%02cn%04%03Ann");
        assert_eq!(shown("(cn=*)"), "%87%02cn");
        assert_eq!(shown("(cn=a*b**c)"), "%a4%0f%04%02cn0%09%80%01a%81%01b%82%01c");
        assert_eq!(shown("(cn=*b*)"), "%a4%09%04%02cn0%03%81%01b");
        assert_eq!(shown("(n>=5)"), "%a5%06%04%01n%04%015");
        assert_eq!(shown("(n<=5)"), "%a6%06%04%01n%04%015");
        assert_eq!(shown("(n~=5)"), "%a8%06%04%01n%04%015");
        assert_eq!(
            shown("(&(a=1)(!(b=2)))"),
            "%a0%12%a3%06%04%01a%04%011%a2%08%a3%06%04%01b%04%012"
        );
        assert_eq!(shown("(|)"), "%a1%00");
        assert_eq!(shown("(a:1.2:=x)"), "%a9%0b%81%031.2%82%01a%83%01x");
        assert_eq!(shown("(a:dn:1.2:=x)"), "%a9%0e%81%031.2%82%01a%83%01x%84%01%ff");
        assert_eq!(shown("(:1.2:=x)"), "%a9%08%81%031.2%83%01x");
        assert_eq!(shown("(a:=x)"), "%a9%06%82%01a%83%01x");
        // Over several lines.
        assert_eq!(shown("(&\n  (a=1)\n  (b=2) )"), shown("(&(a=1)(b=2))"));
        assert_eq!(shown(r"(cn=\2a\c3\a9)"), "%a3%09%04%02cn%04%03*%c3%a9");
    }

    #[test]
    fn names_that_a_schema_can_lack_are_told() {
        let filter =
            parse("(&(objectClass=user)(objectclass=*)(member:1.2.3:=x)(mail=a*)(ObjectClass=Person))")
                .unwrap();
        assert_eq!(
            filter.attributes,
            ["objectClass", "objectclass", "member", "mail", "ObjectClass"]
        );
        assert_eq!(filter.classes, ["user", "Person"]);
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_place() {
        for (text, problem) in [
            ("", "`(` is missing at character 1"),
            ("(a=1", "`)` is missing at character 5"),
            ("(a=1))", "something follows the last parenthesis at character 6"),
            ("(ä)", "`=` is missing at character 3"),
            ("(=1)", "the name of an attribute is missing at character 2"),
            (
                "(a=(b))",
                r"`(` in a value has to be written `\28` at character 4",
            ),
            (
                r"(a=\zz)",
                r"`\` wants two hexadecimal digits behind it; `\` itself is `\5c` at character 4",
            ),
            ("(a>1)", "`=` is missing at character 4"),
            ("(a>=1*)", "`*` only goes with `=` at character 7"),
            ("(a:b=1)", "`:=` is missing at character 3"),
            ("(&(a=1)", "`)` is missing at character 8"),
        ] {
            assert_eq!(
                parse(text).map_err(|error| error.to_string()),
                Err(problem.to_owned()),
                "{text}"
            );
        }
        let deep = format!("{}(a=1){}", "(!".repeat(5000), ")".repeat(5000));
        assert!(parse(&deep).is_err(), "and the stack is left alone");
    }

    #[test]
    fn arguments_are_escaped_as_user_sync_does() {
        assert_eq!(
            escape("*()\\&|<>~!:\0 ,é#"),
            r"\2a\28\29\5c\26\7c\3c\3e\7e\21\3a\00 ,é#"
        );
        // What was put in comes out at the server.
        let name = "Künstler & Töpfer (*\\)";
        let filter = parse(&format!("(cn={})", escape(name))).unwrap();
        assert!(filter.bytes.ends_with(name.as_bytes()));
    }

    #[test]
    fn filters_without_parentheses_get_them() {
        assert_eq!(wrapped("seeAlso=x"), "(seeAlso=x)");
        assert_eq!(wrapped(" (seeAlso=x) "), "(seeAlso=x)");
    }
}
