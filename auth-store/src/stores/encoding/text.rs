//! Texts with their length before them.

use std::fmt;

use auth_core::Timestamp;

/// What is stored cannot be read.
#[derive(Debug)]
pub(in crate::stores) enum Unreadable {
    /// Written in a format that this version does not know.
    Format(u8),
    /// Cut off, or not what was written.
    Malformed,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "a record of format {format}, which is not known"),
            Self::Malformed => f.write_str("a record that is damaged"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A number, seven bits to the byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// None is 0, and everything else one more than its length.
pub(super) fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    put_number(out, text.map_or(0, |text| text.len() + 1));
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

pub(super) fn put_texts(out: &mut Vec<u8>, texts: &[Box<str>]) {
    put_number(out, texts.len());
    texts.iter().for_each(|text| put_text(out, text));
}

/// What is left to read.
pub(in crate::stores) struct Reader<'a>(pub(in crate::stores) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::stores) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Unreadable::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(in crate::stores) fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.bytes(N)?.try_into().map_err(|_| Unreadable::Malformed)
    }

    pub(in crate::stores) fn byte(&mut self) -> Result<u8, Unreadable> {
        self.array().map(|[byte]| byte)
    }

    pub(in crate::stores) fn timestamp(&mut self) -> Result<Timestamp, Unreadable> {
        self.array().map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
    }

    /// A length that stands in four bytes.
    pub(in crate::stores) fn length(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| Unreadable::Malformed)
    }

    pub(super) fn number(&mut self) -> Result<usize, Unreadable> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unreadable::Malformed)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.number()?;
        text(self.bytes(length)?)
    }

    pub(super) fn optional(&mut self) -> Result<Option<Box<str>>, Unreadable> {
        match self.number()? {
            0 => Ok(None),
            more => text(self.bytes(more - 1)?).map(|text| Some(text.into())),
        }
    }

    pub(super) fn texts(&mut self) -> Result<Vec<Box<str>>, Unreadable> {
        (0..self.number()?).map(|_| self.text().map(Into::into)).collect()
    }
}

pub(in crate::stores) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable::Malformed)
}
