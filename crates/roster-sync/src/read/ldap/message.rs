//! LDAP messages (RFC 4511): what is asked and what is answered.

use crate::read::ldap::ber::{
    BOOLEAN, ENUMERATED, INTEGER, Malformed, OCTETS, Reader, SEQUENCE, SET, Writer,
};

/// The simple paged results control.
const PAGED: &str = "1.2.840.113556.1.4.319";
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// The tags of answers.
pub(crate) const BIND_RESPONSE: u8 = 0x61;
pub(crate) const ENTRY: u8 = 0x64;
pub(crate) const SEARCH_DONE: u8 = 0x65;
pub(crate) const REFERENCE: u8 = 0x73;
pub(crate) const EXTENDED_RESPONSE: u8 = 0x78;

/// How far below its base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The base alone.
    Base = 0,
    /// What is right below the base.
    Children = 1,
    /// The base and everything below it.
    Subtree = 2,
}

/// A search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'s> {
    pub(crate) base: &'s str,
    pub(crate) scope: Scope,
    /// As [`filter`](super::filter) made it.
    pub(crate) filter: &'s [u8],
    pub(crate) attributes: &'s [String],
}

/// Puts a request into an envelope.
fn message(id: i32, controls: Option<&[u8]>, operation: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.nested(SEQUENCE, |message| {
        message.integer(INTEGER, id);
        operation(message);
        if let Some(controls) = controls {
            message.element(0xa0, controls);
        }
    });
    writer.into_bytes()
}

/// A bind with name and password; both empty for an anonymous one.
pub(crate) fn simple_bind(id: i32, name: &str, password: &str) -> Vec<u8> {
    message(id, None, |w| {
        w.nested(0x60, |bind| {
            bind.integer(INTEGER, 3);
            bind.element(OCTETS, name.as_bytes());
            bind.element(0x80, password.as_bytes());
        });
    })
}

/// A step of a SASL bind.
pub(crate) fn sasl_bind(id: i32, mechanism: &str, token: Option<&[u8]>) -> Vec<u8> {
    message(id, None, |w| {
        w.nested(0x60, |bind| {
            bind.integer(INTEGER, 3);
            bind.element(OCTETS, b"");
            bind.nested(0xa3, |sasl| {
                sasl.element(OCTETS, mechanism.as_bytes());
                if let Some(token) = token {
                    sasl.element(OCTETS, token);
                }
            });
        });
    })
}

/// The request to go on with TLS.
pub(crate) fn start_tls(id: i32) -> Vec<u8> {
    message(id, None, |w| {
        w.nested(0x77, |extended| extended.element(0x80, START_TLS.as_bytes()));
    })
}

/// The goodbye.
pub(crate) fn unbind(id: i32) -> Vec<u8> {
    message(id, None, |w| w.element(0x42, b""))
}

/// A search; with a page size and the cookie of the page before, for one page of it.
pub(crate) fn search(id: i32, search: &Search<'_>, page: Option<(i32, &[u8])>) -> Vec<u8> {
    let controls = page.map(|(size, cookie)| {
        let mut value = Writer::default();
        value.nested(SEQUENCE, |w| {
            w.integer(INTEGER, size);
            w.element(OCTETS, cookie);
        });
        let mut writer = Writer::default();
        // Without the mark "critical", so that a server which knows no pages answers nevertheless.
        writer.nested(SEQUENCE, |control| {
            control.element(OCTETS, PAGED.as_bytes());
            control.element(OCTETS, &value.into_bytes());
        });
        writer.into_bytes()
    });
    message(id, controls.as_deref(), |w| {
        w.nested(0x63, |request| {
            request.element(OCTETS, search.base.as_bytes());
            request.integer(ENUMERATED, search.scope as i32);
            // Aliases are always followed, as user-sync does.
            request.integer(ENUMERATED, 3);
            request.integer(INTEGER, 0);
            request.integer(INTEGER, 0);
            request.element(BOOLEAN, &[0]);
            request.raw(search.filter);
            request.nested(SEQUENCE, |list| {
                for attribute in search.attributes {
                    list.element(OCTETS, attribute.as_bytes());
                }
                if search.attributes.is_empty() {
                    // An empty list would ask for all.
                    list.element(OCTETS, b"1.1");
                }
            });
        });
    })
}

/// A message of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'b> {
    pub(crate) id: i32,
    pub(crate) tag: u8,
    pub(crate) body: &'b [u8],
    controls: &'b [u8],
}

impl<'b> Message<'b> {
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut message = Reader::new(Reader::new(bytes).expect(SEQUENCE, "a message")?);
        let id = message.integer(INTEGER, "the number of a message")?;
        let (tag, body) = message.next()?;
        Ok(Self {
            id,
            tag,
            body,
            controls: message.optional(0xa0)?.unwrap_or_default(),
        })
    }

    /// The cookie of the next page: empty behind the last one, `None` when nothing is said of pages.
    pub(crate) fn cookie(&self) -> Result<Option<&'b [u8]>, Malformed> {
        let mut controls = Reader::new(self.controls);
        while !controls.is_empty() {
            let mut control = Reader::new(controls.expect(SEQUENCE, "a control")?);
            let name = control.expect(OCTETS, "the name of a control")?;
            control.optional(BOOLEAN)?;
            if name != PAGED.as_bytes() {
                continue;
            }
            let value = control.optional(OCTETS)?.unwrap_or_default();
            let mut value = Reader::new(Reader::new(value).expect(SEQUENCE, "the place in a paged search")?);
            value.next()?;
            return value.expect(OCTETS, "the cookie of a paged search").map(Some);
        }
        Ok(None)
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) diagnostic: String,
    /// Where the server says that the answer is.
    pub(crate) referrals: Vec<String>,
    /// The server's part of a SASL bind.
    pub(crate) token: Option<Vec<u8>>,
}

impl Outcome {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut result = Reader::new(body);
        let code = result.integer(ENUMERATED, "a result")?;
        result.expect(OCTETS, "the matched name of a result")?;
        let diagnostic = result.text("the words of a result")?;
        let mut referrals = Vec::new();
        let mut token = None;
        while !result.is_empty() {
            match result.next()? {
                (0xa3, list) => {
                    let mut list = Reader::new(list);
                    while !list.is_empty() {
                        referrals.push(list.text("a referral")?);
                    }
                }
                (0x87, bytes) => token = Some(bytes.to_vec()),
                _ => {}
            }
        }
        Ok(Self {
            code,
            // Active Directory ends its words with a zero byte.
            diagnostic: diagnostic.trim_end_matches(['\0', '\n', '\r', ' ']).to_owned(),
            referrals,
            token,
        })
    }
}

/// An entry of the directory, still in the bytes it came in.
#[derive(Debug)]
pub(crate) struct Entry<'b> {
    pub(crate) dn: &'b str,
    attributes: Vec<(&'b str, &'b [u8])>,
}

impl<'b> Entry<'b> {
    pub(crate) fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut entry = Reader::new(body);
        let dn = entry.expect(OCTETS, "the name of an entry")?;
        let dn = std::str::from_utf8(dn).map_err(|_| Malformed("the name of an entry is not UTF-8"))?;
        let mut list = Reader::new(entry.expect(SEQUENCE, "the attributes of an entry")?);
        let mut attributes = Vec::new();
        while !list.is_empty() {
            let mut attribute = Reader::new(list.expect(SEQUENCE, "an attribute")?);
            let name = attribute.expect(OCTETS, "the name of an attribute")?;
            let name =
                std::str::from_utf8(name).map_err(|_| Malformed("the name of an attribute is not UTF-8"))?;
            attributes.push((name, attribute.expect(SET, "the values of an attribute")?));
        }
        Ok(Self { dn, attributes })
    }

    /// The values of an attribute, in any letter case of its name, and where to go on when the server held some back.
    pub(crate) fn values(&self, name: &str) -> Result<Values<'b>, Malformed> {
        let mut found = Values::default();
        for (full, set) in &self.attributes {
            let (base, options) = full.split_once(';').unwrap_or((full, ""));
            let plain = full.eq_ignore_ascii_case(name);
            let range = options.split(';').find_map(range_end);
            if !(plain || base.eq_ignore_ascii_case(name) && range.is_some()) {
                continue;
            }
            if let Some(Range::Until(last)) = range {
                found.more_from = last.checked_add(1);
            }
            let mut values = Reader::new(set);
            while !values.is_empty() {
                found.list.push(values.expect(OCTETS, "a value")?);
            }
        }
        Ok(found)
    }
}

/// The values of an attribute.
#[derive(Debug, Default)]
pub(crate) struct Values<'b> {
    pub(crate) list: Vec<&'b [u8]>,
    /// The number of the first value that did not come along.
    pub(crate) more_from: Option<u32>,
}

/// How far a part of a list goes.
enum Range {
    /// `range=1500-*`
    Complete,
    /// `range=0-1499`
    Until(u32),
}

fn range_end(option: &str) -> Option<Range> {
    let (name, range) = option.split_once('=')?;
    let (_, end) = range.split_once('-')?;
    if !name.eq_ignore_ascii_case("range") {
        return None;
    }
    if end == "*" {
        return Some(Range::Complete);
    }
    end.parse().ok().map(Range::Until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.element(OCTETS, b"cn=a,dc=b");
        writer.nested(SEQUENCE, |list| {
            for (name, values) in attributes {
                list.nested(SEQUENCE, |attribute| {
                    attribute.element(OCTETS, name.as_bytes());
                    attribute.nested(SET, |set| {
                        for value in *values {
                            set.element(OCTETS, value.as_bytes());
                        }
                    });
                });
            }
        });
        writer.into_bytes()
    }

    #[test]
    fn a_range_of_values_says_where_to_go_on() {
        let bytes = entry(&[
            ("member", &[]),
            ("Member;range=0-1", &["x", "y"]),
            ("memberUid", &["z"]),
        ]);
        let entry = Entry::parse(&bytes).unwrap();
        let values = entry.values("member").unwrap();
        assert_eq!((values.list, values.more_from), (vec![&b"x"[..], b"y"], Some(2)));
        let bytes = self::entry(&[("member;range=2-*", &["z"])]);
        let values = Entry::parse(&bytes)
            .unwrap()
            .values("MEMBER")
            .map(|v| (v.list.len(), v.more_from));
        assert_eq!(values, Ok((1, None)));
        // Other options are other attributes.
        let bytes = self::entry(&[("sn;lang-de", &["z"])]);
        assert!(
            Entry::parse(&bytes)
                .unwrap()
                .values("sn")
                .unwrap()
                .list
                .is_empty()
        );
    }

    #[test]
    fn an_outcome_has_its_words_without_the_zero_behind_them() {
        let mut writer = Writer::default();
        writer.integer(ENUMERATED, 10);
        writer.element(OCTETS, b"");
        writer.element(OCTETS, b"go there\0");
        writer.nested(0xa3, |list| list.element(OCTETS, b"ldap://there/"));
        let outcome = Outcome::parse(&writer.into_bytes()).unwrap();
        assert_eq!(outcome.diagnostic, "go there");
        assert_eq!(
            (outcome.code, outcome.referrals),
            (10, vec!["ldap://there/".to_owned()])
        );
    }
}
