//! The part of BER that LDAP uses: one-byte tags, definite lengths.

/// Bytes that are not what they should be, and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's answer is malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Appends elements.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// One element with its content.
    pub(crate) fn element(&mut self, tag: u8, content: &[u8]) {
        self.bytes.push(tag);
        self.length(content.len());
        self.bytes.extend_from_slice(content);
    }

    /// An element whose content is written by `inner`.
    pub(crate) fn nested(&mut self, tag: u8, inner: impl FnOnce(&mut Writer)) {
        let mut writer = Writer::default();
        inner(&mut writer);
        self.element(tag, &writer.bytes);
    }

    /// A whole number, also for enumerations.
    pub(crate) fn integer(&mut self, tag: u8, number: i32) {
        let bytes = number.to_be_bytes();
        // A leading byte that only repeats the sign may not be written.
        let spare = bytes
            .iter()
            .zip(bytes.iter().skip(1))
            .take_while(|(first, second)| {
                (**first == 0 && **second < 0x80) || (**first == 0xff && **second >= 0x80)
            })
            .count();
        self.element(tag, bytes.get(spare..).unwrap_or(&bytes));
    }

    /// Elements that are written already.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What has been written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn length(&mut self, length: usize) {
        if let Ok(short @ 0..0x80) = u8::try_from(length) {
            self.bytes.push(short);
            return;
        }
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let long = bytes.get(zeros..).unwrap_or_default();
        self.bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
        self.bytes.extend_from_slice(long);
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element: its tag and content.
    pub(crate) fn next(&mut self) -> Result<(u8, &'b [u8]), Malformed> {
        let (tag, head, length) = header(self.rest)?.ok_or(Malformed("an element ends before its length"))?;
        let end = head
            .checked_add(length)
            .ok_or(Malformed("an element is too long"))?;
        let content = self
            .rest
            .get(head..end)
            .ok_or(Malformed("an element ends too early"))?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok((tag, content))
    }

    /// The next element, which has to have this tag.
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'b [u8], Malformed> {
        match self.next()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed(what)),
        }
    }

    /// The next element, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'b [u8]>, Malformed> {
        if self.rest.first() == Some(&tag) {
            return self.next().map(|(_, content)| Some(content));
        }
        Ok(None)
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, tag: u8, what: &'static str) -> Result<i32, Malformed> {
        let bytes = self.expect(tag, what)?;
        let first = *bytes.first().ok_or(Malformed(what))?;
        if bytes.len() > 4 {
            return Err(Malformed("a number is too long"));
        }
        let start = if first >= 0x80 { -1 } else { 0 };
        Ok(bytes
            .iter()
            .fold(start, |number, byte| (number << 8) | i32::from(*byte)))
    }

    /// Text; what is not UTF-8 is shown as well as it can be.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.expect(OCTETS, what)?).into_owned())
    }
}

/// Tag, length of the header and length of the content, once all of the header is there.
fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Malformed> {
    let [tag, first, rest @ ..] = bytes else {
        return Ok(None);
    };
    if *first < 0x80 {
        return Ok(Some((*tag, 2, usize::from(*first))));
    }
    let count = usize::from(*first & 0x7f);
    if count == 0 || count > 4 {
        return Err(Malformed("the length of an element"));
    }
    let Some(length) = rest.get(..count) else {
        return Ok(None);
    };
    let length = length
        .iter()
        .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
    Ok(Some((*tag, 2 + count, length)))
}

/// How many bytes the message at the beginning of `bytes` has, once that can be told.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some((tag, head, length)) = header(bytes)? else {
        return Ok(None);
    };
    if tag != SEQUENCE {
        return Err(Malformed("this is not the beginning of an LDAP message"));
    }
    Ok(Some(head.saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_come_back_as_they_were() {
        for number in [
            0,
            1,
            127,
            128,
            255,
            256,
            65_535,
            i32::MAX,
            -1,
            -128,
            -129,
            i32::MIN,
        ] {
            let mut writer = Writer::default();
            writer.integer(INTEGER, number);
            let bytes = writer.into_bytes();
            assert_eq!(
                Reader::new(&bytes).integer(INTEGER, "a number"),
                Ok(number),
                "{bytes:x?}"
            );
        }
        for length in [0, 127, 128, 255, 256, 70_000] {
            let mut writer = Writer::default();
            writer.nested(SEQUENCE, |inner| inner.element(OCTETS, &vec![7; length]));
            let bytes = writer.into_bytes();
            assert_eq!(frame(&bytes), Ok(Some(bytes.len())));
            let content = Reader::new(&bytes).expect(SEQUENCE, "a sequence").unwrap();
            assert_eq!(
                Reader::new(content).expect(OCTETS, "octets").unwrap().len(),
                length
            );
        }
        let mut writer = Writer::default();
        writer.integer(ENUMERATED, 128);
        assert_eq!(
            writer.into_bytes(),
            [0x0a, 2, 0, 0x80],
            "128 without a zero before it is negative"
        );
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        assert_eq!(frame(&[0x30]), Ok(None));
        assert_eq!(frame(&[0x30, 0x82, 1]), Ok(None));
        assert_eq!(frame(&[0x30, 0x82, 1, 0]), Ok(Some(260)));
        for bad in [
            &[0x30, 0x80, 0, 0][..],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            b"HTTP/1.1 400",
        ] {
            assert!(frame(bad).is_err(), "{bad:?}");
        }
        assert!(Reader::new(&[4, 5, 1]).next().is_err());
        assert!(
            Reader::new(&[2, 5, 1, 1, 1, 1, 1])
                .integer(INTEGER, "a number")
                .is_err()
        );
    }
}
