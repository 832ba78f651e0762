//! Writing JSON straight into a buffer. Reading it is each module's own affair.
//!
//! Lists of people are the hot path of the server, so there is no tree of values in between: a text is copied
//! in one piece unless it holds something that must be escaped.

use std::io::Write as _;

/// Appends `text` as a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    prefixed(out, "", text);
}

/// Appends `prefix`, which needs no escaping, and `text` as one JSON string.
pub(crate) fn prefixed(out: &mut Vec<u8>, prefix: &'static str, text: &str) {
    out.push(b'"');
    out.extend_from_slice(prefix.as_bytes());
    inside(out, text);
    out.push(b'"');
}

/// Appends what stands before a text, its opening quote included, and the text without its closing quote.
pub(crate) fn after(out: &mut Vec<u8>, before: &'static str, text: &str) {
    out.extend_from_slice(before.as_bytes());
    inside(out, text);
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{number}");
}

/// Appends `true` or `false`.
pub(crate) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends an array of strings.
pub(crate) fn strings<'a>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = &'a str>) {
    let mut list = List::begin(out);
    for text in texts {
        string(list.item(), text);
    }
    list.end();
}

/// An object on its way: keys are written as they come, commas between them.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a key of ours, which needs no escaping, and hands out the buffer for its value.
    pub(crate) fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(crate) fn text(&mut self, key: &'static str, text: &str) {
        string(self.key(key), text);
    }

    /// Leaves the key out when there is no text, or an empty one.
    pub(crate) fn text_unless_empty(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.text(key, text);
        }
    }

    pub(crate) fn number(&mut self, key: &'static str, value: impl std::fmt::Display) {
        number(self.key(key), value);
    }

    pub(crate) fn boolean(&mut self, key: &'static str, value: bool) {
        boolean(self.key(key), value);
    }

    /// Writes a last key and leaves the object open: whoever writes the value ends it, too.
    pub(crate) fn into_key(mut self, key: &'static str) -> &'a mut Vec<u8> {
        self.key(key);
        self.out
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// An array on its way.
pub(crate) struct List<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> List<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, empty: true }
    }

    /// Hands out the buffer for the next entry.
    pub(crate) fn item(&mut self) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out
    }

    pub(crate) fn end(mut self) {
        self.close();
    }

    /// Ends the array and hands out the buffer for what comes behind it.
    pub(crate) fn close(&mut self) -> &mut Vec<u8> {
        self.out.push(b']');
        self.out
    }
}

#[derive(PartialEq, Eq)]
enum Escape {
    None,
    /// Backslash and this character.
    Short(u8),
    /// `\u00` and two digits.
    Long,
}

fn escape(byte: u8) -> Escape {
    match byte {
        b'"' | b'\\' => Escape::Short(byte),
        0x08 => Escape::Short(b'b'),
        b'\t' => Escape::Short(b't'),
        b'\n' => Escape::Short(b'n'),
        0x0c => Escape::Short(b'f'),
        b'\r' => Escape::Short(b'r'),
        0x00..=0x1f => Escape::Long,
        _ => Escape::None,
    }
}

/// Appends what stands between the quotes.
fn inside(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Without a way out in the middle the compiler looks at many bytes at once; nearly all texts end here.
    let special = bytes.iter().fold(0, |found, byte| {
        found | u8::from(*byte < b' ') | u8::from(*byte == b'"') | u8::from(*byte == b'\\')
    });
    if special == 0 {
        out.extend_from_slice(bytes);
    } else {
        escaped(out, bytes);
    }
}

fn escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let how = escape(byte);
        if how == Escape::None {
            continue;
        }
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match how {
            Escape::Short(letter) => out.extend_from_slice(&[b'\\', letter]),
            Escape::Long | Escape::None => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped_and_nothing_else() {
        assert_eq!(written("Ana \"R&D\" \\ é/設"), r#""Ana \"R&D\" \\ é/設""#);
        assert_eq!(
            written("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}"),
            "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\""
        );
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).unwrap(), text);
        }
    }
}
