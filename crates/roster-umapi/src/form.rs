//! Form encoding: query strings and `application/x-www-form-urlencoded` bodies.

use percent_encoding::percent_decode;

/// Splits and decodes a form: `+` is a blank, `%xx` a byte.
///
/// As browsers and servers do it, nothing is refused: an escape that is none stays as it is, and bytes that are
/// no UTF-8 become replacement characters.
///
/// ```
/// let read = roster_umapi::form::parse(b"scope=openid%2CAdobeID&name=a+b&flag");
/// assert_eq!(read[0], ("scope".to_owned(), "openid,AdobeID".to_owned()));
/// assert_eq!(read[1].1, "a b");
/// assert_eq!(read[2].1, "");
/// ```
pub fn parse(form: &[u8]) -> Vec<(String, String)> {
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut part = || decode(parts.next().unwrap_or_default());
            (part(), part())
        })
        .collect()
}

fn decode(text: &[u8]) -> String {
    let blanks: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&blanks).decode_utf8_lossy().into_owned()
}
