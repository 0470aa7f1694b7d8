//! A token's three parts.

use std::str;

use auth_core::Reason;
use base64_simd::{Out, URL_SAFE_NO_PAD};

/// The longest token that is looked at.
pub(crate) const MAX_BYTES: usize = 8 * 1024;
/// The longest signature: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// A token's three parts, as they stand.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'a> {
    /// What is signed: the first two parts and the dot between them.
    pub(crate) message: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a [u8]) -> Result<Self, Reason> {
        if token.len() > MAX_BYTES {
            return Err(Reason::Malformed);
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Reason::Malformed);
        };
        let [header, payload] = [&token[..first], &token[first + 1..second]];
        let (message, signature) = (&token[..second], &token[second + 1..]);
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Reason::Malformed);
        }
        Ok(Self { message, header, payload, signature })
    }

    /// Passes the signature on, decoded.
    pub(crate) fn with_signature<T>(&self, then: impl FnOnce(&[u8]) -> T) -> Result<T, Reason> {
        let mut bytes = [0; MAX_SIGNATURE];
        if self.signature.len() > MAX_SIGNATURE / 3 * 4 {
            return Err(Reason::Malformed);
        }
        let decoded = URL_SAFE_NO_PAD.decode(self.signature, Out::from_slice(&mut bytes));
        decoded.map(|signature| then(signature)).map_err(|_| Reason::Malformed)
    }
}

/// Decodes a part into JSON text: base64url without padding, canonical, and UTF-8.
pub(crate) fn decode<'b>(part: &[u8], buffer: &'b mut Vec<u8>) -> Result<&'b str, Reason> {
    buffer.clear();
    buffer.resize(part.len(), 0);
    let decoded = URL_SAFE_NO_PAD.decode(part, Out::from_slice(buffer));
    let length = decoded.map_err(|_| Reason::Malformed)?.len();
    str::from_utf8(&buffer[..length]).map_err(|_| Reason::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_57_a_token_has_three_parts_and_an_end() {
        assert!(Compact::split(b"a.b.c").is_ok());
        let long = [&[b'a'; MAX_BYTES][..], b".b.c"].concat();
        for token in [&b""[..], b"a", b"a.b", b"..", "a.b.".as_bytes(), b".b.c", b"a.b.c.d", &long]
        {
            assert!(Compact::split(token).is_err(), "{}", token.len());
        }
    }

    #[test]
    fn sec_57_a_part_has_one_spelling() {
        let mut buffer = Vec::new();
        assert_eq!(decode(b"e30", &mut buffer), Ok("{}"));
        for part in [&b"e30="[..], b"e31", b"e3 0", b"e3+0", b"e3/0", b"e", b"_w", "é".as_bytes()]
        {
            assert_eq!(decode(part, &mut buffer), Err(Reason::Malformed), "{part:?}");
        }
    }

    #[test]
    fn sec_57_a_signature_has_an_end() {
        let token = [b"a.b.", &[b'A'; MAX_SIGNATURE * 2][..]].concat();
        let compact = Compact::split(&token).unwrap();
        assert_eq!(compact.with_signature(<[u8]>::len), Err(Reason::Malformed));
    }
}
