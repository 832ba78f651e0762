//! Texts from bytes, by the name of a codec as Python knows it.

use encoding_rs::Encoding;

/// Finds a codec by name. Python's spellings with `_`, `-` or neither are one.
pub fn find(name: &str) -> Option<&'static Encoding> {
    let folded = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let label = match folded.as_str() {
        "utf8" | "utf-8" | "u8" | "utf" | "utf8-sig" | "utf-8-sig" | "cp65001" | "ascii" | "us-ascii"
        | "646" => "utf-8",
        "utf16" | "utf-16" | "u16" | "utf-16-le" | "utf-16le" => "utf-16le",
        "utf-16-be" | "utf-16be" => "utf-16be",
        "latin1" | "latin-1" | "latin" | "l1" | "iso8859-1" | "iso-8859-1" | "8859" | "cp819" => {
            "windows-1252"
        }
        "mac-roman" | "macroman" | "macintosh" => "macintosh",
        "sjis" | "s-jis" | "shift-jis" | "shiftjis" | "csshiftjis" | "cp932" | "ms932" | "mskanji" => {
            "shift_jis"
        }
        "euc-jp" | "eucjp" | "ujis" => "euc-jp",
        "gb2312" | "gbk" | "cp936" | "ms936" | "936" | "chinese" => "gbk",
        "gb18030" | "gb18030-2000" => "gb18030",
        "big5" | "big5-tw" | "cp950" | "950" => "big5",
        "euc-kr" | "euckr" | "cp949" | "949" => "euc-kr",
        "koi8-r" | "koi8r" => "koi8-r",
        other => return by_number(other).or_else(|| Encoding::for_label(other.as_bytes())),
    };
    Encoding::for_label(label.as_bytes())
}

/// `cp1250`, `windows-1250`, `1250`; `iso8859-2`, `latin2`.
fn by_number(name: &str) -> Option<&'static Encoding> {
    let windows = name
        .strip_prefix("cp")
        .or_else(|| name.strip_prefix("windows-"))
        .unwrap_or(name);
    if windows.len() == 4 && windows.starts_with("125") {
        return Encoding::for_label(format!("windows-{windows}").as_bytes());
    }
    let iso = name
        .strip_prefix("iso8859-")
        .or_else(|| name.strip_prefix("iso-8859-"))?;
    Encoding::for_label(format!("iso-8859-{iso}").as_bytes())
}

/// Decodes strictly. A byte order mark at the start is skipped. An error is the offset of the first byte that does
/// not fit.
pub fn decode(bytes: Vec<u8>, encoding: &'static Encoding) -> Result<String, usize> {
    let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or((encoding, 0));
    if encoding == encoding_rs::UTF_8 {
        let mut bytes = bytes;
        if mark > 0 {
            bytes.drain(..mark);
        }
        return String::from_utf8(bytes).map_err(|error| mark + error.utf8_error().valid_up_to());
    }
    let rest = bytes.get(mark..).unwrap_or_default();
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(
        decoder
            .max_utf8_buffer_length_without_replacement(rest.len())
            .unwrap_or(0),
    );
    let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
    match result {
        encoding_rs::DecoderResult::InputEmpty => Ok(text),
        encoding_rs::DecoderResult::OutputFull => Err(mark + read),
        encoding_rs::DecoderResult::Malformed(length, behind) => {
            Err((mark + read).saturating_sub(usize::from(length) + usize::from(behind)))
        }
    }
}

/// The line, from 1, in which a byte stands.
pub fn line_of(bytes: &[u8], offset: usize) -> usize {
    1 + bytes.iter().take(offset).filter(|&&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_python_takes_are_known() {
        for name in [
            "utf8",
            "UTF-8",
            "latin1",
            "latin_1",
            "cp1252",
            "iso8859-15",
            "shift_jis",
            "mac_roman",
            "KOI8-R",
            "utf_16",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("utf-99").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn marks_are_skipped_and_bad_bytes_are_placed() {
        assert_eq!(
            decode(b"\xef\xbb\xbfa".to_vec(), encoding_rs::UTF_8).unwrap(),
            "a"
        );
        assert_eq!(decode(b"ab\xffc".to_vec(), encoding_rs::UTF_8), Err(2));
        assert_eq!(
            decode(b"caf\xe9".to_vec(), find("latin-1").unwrap()).unwrap(),
            "café"
        );
        assert_eq!(line_of(b"a\nb\nc", 4), 3);
    }
}
