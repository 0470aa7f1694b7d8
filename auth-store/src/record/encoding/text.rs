//! Numbers of variable length, and texts that are preceded by their length.
//!
//! [`Reader`] decodes them, and never reads beyond the end of the bytes.

use auth_core::Timestamp;

auth_core::error_with_message! {
    /// The error of stored bytes that are truncated or damaged.
    pub(crate) struct Malformed: "the record is damaged"
}

/// Appends a number in LEB128: seven bits per byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends an optional text. `None` is 0; a text is preceded by its length plus one.
pub(super) fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    put_number(out, text.map_or(0, |text| text.len() + 1));
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

pub(crate) fn put_texts(out: &mut Vec<u8>, texts: &[Box<str>]) {
    put_number(out, texts.len());
    texts.iter().for_each(|text| put_text(out, text));
}

/// Decodes bytes from the front. The field holds the bytes that are left.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn timestamp(&mut self) -> Result<Timestamp, Malformed> {
        self.array().map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)))
    }

    pub(super) fn number(&mut self) -> Result<usize, Malformed> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = usize::from(byte & 0x7f);
            let is_padding = byte == 0 && shift > 0;
            if is_padding || bits << shift >> shift != bits {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.number()?;
        text(self.bytes(length)?)
    }

    pub(super) fn optional(&mut self) -> Result<Option<Box<str>>, Malformed> {
        match self.number()? {
            0 => Ok(None),
            more => text(self.bytes(more - 1)?).map(|text| Some(text.into())),
        }
    }

    pub(super) fn texts(&mut self) -> Result<Vec<Box<str>>, Malformed> {
        (0..self.number()?).map(|_| self.text().map(Into::into)).collect()
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_or_is_padded_is_malformed() {
        let mut bytes = vec![0xff; 9];
        bytes.push(1);
        assert_eq!(Reader(&bytes).number().ok(), Some(usize::MAX));
        bytes[9] = 2;
        assert!(Reader(&bytes).number().is_err());
        bytes[9] = 0x81;
        assert!(Reader(&bytes).number().is_err());
        assert_eq!(Reader(&[0x81, 1]).number().ok(), Some(129));
        assert!(Reader(&[0x81, 0]).number().is_err());
    }
}
