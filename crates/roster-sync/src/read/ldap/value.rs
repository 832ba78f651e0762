//! Values of attributes as texts.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use encoding_rs::Encoding;
use roster_core::plan::text::Texts;

use crate::read::attributes::Attribute;
use crate::read::ldap::schema::Syntax;

/// A value as a text. What is not UTF-8 is in `encoding`, or it is no text and shown as base64.
pub(crate) fn text(name: &str, bytes: &[u8], syntax: Syntax, encoding: &'static Encoding) -> String {
    let binary = if name.eq_ignore_ascii_case("objectGUID") {
        guid(bytes)
    } else if name.eq_ignore_ascii_case("objectSid") {
        sid(bytes)
    } else {
        None
    };
    if let Some(shown) = binary {
        return shown;
    }
    let Ok(plain) = std::str::from_utf8(bytes) else {
        let decoded = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        return match decoded {
            Some(text) if encoding != encoding_rs::UTF_8 => text.into_owned(),
            _ => BASE64_STANDARD.encode(bytes),
        };
    };
    match (syntax, plain) {
        (Syntax::Boolean, "TRUE") => "True".to_owned(),
        (Syntax::Boolean, "FALSE") => "False".to_owned(),
        (Syntax::Time, time) => self::time(time).unwrap_or_else(|| time.to_owned()),
        _ => plain.to_owned(),
    }
}

/// A value as hooks see it: numbers, truth values and times are such, what is no text is bytes.
pub(crate) fn typed(
    name: &str,
    bytes: &[u8],
    syntax: Syntax,
    encoding: &'static Encoding,
    texts: &mut Texts,
) -> Attribute {
    let plain = std::str::from_utf8(bytes).ok();
    match (syntax, plain) {
        (Syntax::Boolean, Some("TRUE")) => return Attribute::Bool(true),
        (Syntax::Boolean, Some("FALSE")) => return Attribute::Bool(false),
        (Syntax::Integer, Some(number)) => {
            if let Ok(number) = number.parse() {
                return Attribute::Int(number);
            }
        }
        (Syntax::Time, Some(text)) => {
            if let Some(time) = time(text) {
                return Attribute::Time(texts.intern(&time));
            }
        }
        _ => {}
    }
    let known = name.eq_ignore_ascii_case("objectGUID") || name.eq_ignore_ascii_case("objectSid");
    if plain.is_none() && !known && encoding == encoding_rs::UTF_8 {
        return Attribute::Bytes(texts.intern(&BASE64_STANDARD.encode(bytes)));
    }
    Attribute::Text(texts.intern(&text(name, bytes, syntax, encoding)))
}

/// `{8-4-4-4-12}`: the first three groups are stored with their bytes turned round.
fn guid(bytes: &[u8]) -> Option<String> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    if bytes.len() != 16 {
        return None;
    }
    let mut shown = String::from("{");
    for (at, from) in ORDER.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            shown.push('-');
        }
        let _ = write!(shown, "{:02x}", bytes.get(from)?);
    }
    shown.push('}');
    Some(shown)
}

/// `S-1-5-21-…`.
fn sid(bytes: &[u8]) -> Option<String> {
    let [revision, count, authority @ ..] = bytes else {
        return None;
    };
    let (authority, parts) = authority.split_at_checked(6)?;
    if parts.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority
        .iter()
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let mut shown = format!("S-{revision}-{authority}");
    for part in parts.chunks_exact(4) {
        let part = <[u8; 4]>::try_from(part).ok()?;
        let _ = write!(shown, "-{}", u32::from_le_bytes(part));
    }
    Some(shown)
}

/// The last number of a SID, which is what `primaryGroupID` of a group's people holds.
pub(crate) fn relative_id(sid: &[u8]) -> Option<u32> {
    let last = sid.last_chunk::<4>()?;
    self::sid(sid).map(|_| u32::from_le_bytes(*last))
}

/// `20261124190500.0Z` as `2026-11-24 19:05:00+00:00`.
fn time(text: &str) -> Option<String> {
    let digits = text.get(..14).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    let rest = text.get(14..)?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at_checked(zone_at)?;
    let fraction_is_one =
        |f: &str| f.starts_with(['.', ',']) && f.bytes().skip(1).all(|b| b.is_ascii_digit());
    if !fraction.is_empty() && !fraction_is_one(fraction) {
        return None;
    }
    let zone = match zone {
        "Z" => "+00:00".to_owned(),
        zone => {
            let (sign, digits) = zone.split_at_checked(1)?;
            let (hours, minutes) = digits.split_at_checked(2)?;
            let minutes = if minutes.is_empty() { "00" } else { minutes };
            format!("{sign}{hours}:{minutes}")
        }
    };
    let part = |from: usize, to: usize| digits.get(from..to);
    Some(format!(
        "{}-{}-{} {}:{}:{}{zone}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf8(name: &str, bytes: &[u8], syntax: Syntax) -> String {
        text(name, bytes, syntax, encoding_rs::UTF_8)
    }

    #[test]
    fn hooks_see_values_as_what_they_are() {
        let mut texts = Texts::default();
        let mut see = |bytes: &[u8], syntax| typed("a", bytes, syntax, encoding_rs::UTF_8, &mut texts);
        assert_eq!(see(b"TRUE", Syntax::Boolean), Attribute::Bool(true));
        assert_eq!(see(b"-12", Syntax::Integer), Attribute::Int(-12));
        assert!(matches!(
            see(b"99999999999999999999", Syntax::Integer),
            Attribute::Text(_)
        ));
        assert!(matches!(see(b"12", Syntax::Text), Attribute::Text(_)));
        assert!(matches!(see(b"soon", Syntax::Time), Attribute::Text(_)));
        let Attribute::Time(time) = see(b"20261124190500Z", Syntax::Time) else {
            panic!("no time")
        };
        let Attribute::Bytes(bytes) = see(&[0xff, 0xfe], Syntax::Text) else {
            panic!("no bytes")
        };
        assert_eq!(texts.get(time), "2026-11-24 19:05:00+00:00");
        assert_eq!(texts.get(bytes), "//4=");
    }

    #[test]
    fn values_that_are_no_texts_are_shown_as_users_know_them() {
        assert_eq!(utf8("flag", b"TRUE", Syntax::Boolean), "True");
        assert_eq!(utf8("cn", b"TRUE", Syntax::Text), "TRUE");
        assert_eq!(
            utf8("when", b"20261124190500.0Z", Syntax::Time),
            "2026-11-24 19:05:00+00:00"
        );
        assert_eq!(
            utf8("when", b"20261124190500+0130", Syntax::Time),
            "2026-11-24 19:05:00+01:30"
        );
        assert_eq!(utf8("when", b"soon", Syntax::Time), "soon");
        let guid: Vec<u8> = (0..16).collect();
        assert_eq!(
            utf8("objectguid", &guid, Syntax::Text),
            "{03020100-0504-0706-0809-0a0b0c0d0e0f}"
        );
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0xf4, 1, 0, 0];
        assert_eq!(utf8("objectSid", &sid, Syntax::Text), "S-1-5-21-500");
        assert_eq!(relative_id(&sid), Some(500));
        assert_eq!(relative_id(&sid[..15]), None);
        assert_eq!(
            utf8("objectSid", b"S-1-5", Syntax::Text),
            "S-1-5",
            "some servers send text"
        );
        assert_eq!(utf8("photo", &[0xff, 0xd8], Syntax::Text), "/9g=");
    }

    #[test]
    fn an_encoding_is_for_what_is_not_utf_8() {
        let latin = crate::config::codec::find("latin-1").unwrap();
        assert_eq!(text("sn", b"Nov\xe1k", Syntax::Text, latin), "Novák");
        assert_eq!(text("sn", "Novák".as_bytes(), Syntax::Text, latin), "Novák");
    }
}
