//! A token's three parts.

use std::mem::MaybeUninit;
use std::str;

use auth_core::RejectionReason;
use base64_simd::{Out, URL_SAFE_NO_PAD};

/// The longest token that is looked at.
pub(crate) const MAX_BYTES: usize = 8 * 1024;
/// The longest signature: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;
/// The same as text. The decoder panics if there is no room for what a text comes to, so this is
/// exact.
const MAX_SIGNATURE_TEXT: usize = URL_SAFE_NO_PAD.encoded_length(MAX_SIGNATURE);

/// A token's three parts, as they stand.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'a> {
    /// At most [`MAX_BYTES`].
    pub(crate) whole: &'a [u8],
    /// What is signed: the first two parts and the dot between them.
    pub(crate) message: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Compact<'a> {
    /// A signed token has two dots: none if it is another credential, and somebody else's. Of one
    /// that is too long only the start is looked at.
    pub(crate) fn find(token: &'a [u8]) -> Option<Result<Self, RejectionReason>> {
        let mut dots = memchr::memchr_iter(b'.', &token[..token.len().min(MAX_BYTES)]);
        let (first, second, third) = (dots.next()?, dots.next(), dots.next());
        if token.len() > MAX_BYTES {
            return third.is_none().then_some(Err(RejectionReason::Malformed));
        }
        let second = second.filter(|_| third.is_none())?;
        let [header, payload] = [&token[..first], &token[first + 1..second]];
        let (message, signature) = (&token[..second], &token[second + 1..]);
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Some(Err(RejectionReason::Malformed));
        }
        Some(Ok(Self { whole: token, message, header, payload, signature }))
    }

    /// The same of what has to be a token.
    pub(crate) fn split(token: &'a [u8]) -> Result<Self, RejectionReason> {
        Self::find(token).unwrap_or(Err(RejectionReason::Malformed))
    }

    /// Passes the signature on, decoded.
    pub(crate) fn with_signature<T>(
        &self,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, RejectionReason> {
        let mut bytes = [MaybeUninit::uninit(); MAX_SIGNATURE];
        if self.signature.len() > MAX_SIGNATURE_TEXT {
            return Err(RejectionReason::Malformed);
        }
        let decoded = URL_SAFE_NO_PAD.decode(self.signature, Out::from_uninit_slice(&mut bytes));
        decoded.map(|signature| then(signature)).map_err(|_| RejectionReason::Malformed)
    }
}

/// Where a part is decoded to.
pub(crate) struct Buffer {
    here: [MaybeUninit<u8>; Self::HERE],
    elsewhere: Vec<u8>,
}

impl Buffer {
    /// Enough for most headers and claims.
    const HERE: usize = 1024;

    pub(crate) fn new() -> Self {
        Self { here: [MaybeUninit::uninit(); Self::HERE], elsewhere: Vec::new() }
    }

    /// Decodes a part into JSON text: base64url without padding, canonical, and UTF-8.
    pub(crate) fn decode(&mut self, part: &[u8]) -> Result<&str, RejectionReason> {
        let most = part.len() / 4 * 3 + 3;
        let into = match self.here.get_mut(..most) {
            Some(into) => Out::from_uninit_slice(into),
            None => {
                self.elsewhere.resize(most, 0);
                Out::from_slice(&mut self.elsewhere)
            }
        };
        let decoded = URL_SAFE_NO_PAD.decode(part, into);
        str::from_utf8(decoded.map_err(|_| RejectionReason::Malformed)?)
            .map_err(|_| RejectionReason::Malformed)
    }
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
    fn what_has_not_two_dots_is_for_others() {
        let long = |start: &[u8]| [start, &[b'a'; MAX_BYTES][..]].concat();
        for token in [&b""[..], b"a", b"a.b", b"a.b.c.d", &long(b""), &long(b"a.b.c.")] {
            assert!(Compact::find(token).is_none(), "{}", token.len());
        }
        for token in [&b".."[..], b"a.b.", &long(b"a."), &long(b"a.b.")] {
            assert!(matches!(Compact::find(token), Some(Err(_))), "{}", token.len());
        }
    }

    #[test]
    fn sec_57_a_part_has_one_spelling() {
        assert_eq!(Buffer::new().decode(b"e30"), Ok("{}"));
        for part in [&b"e30="[..], b"e31", b"e3 0", b"e3+0", b"e3/0", b"e", b"_w", "é".as_bytes()]
        {
            assert_eq!(Buffer::new().decode(part), Err(RejectionReason::Malformed), "{part:?}");
        }
    }

    #[test]
    fn a_part_of_any_length_is_decoded() {
        for length in [0, 1, 1022, 1023, 1024, 1025, 6000] {
            let text = "x".repeat(length);
            let part = URL_SAFE_NO_PAD.encode_to_string(&text);
            assert_eq!(Buffer::new().decode(part.as_bytes()), Ok(&*text));
        }
    }

    #[test]
    fn the_longest_signature_is_one_of_8192_bits() {
        let signature = URL_SAFE_NO_PAD.encode_to_string([7; MAX_SIGNATURE]);
        let token = format!("a.b.{signature}");
        let compact = Compact::split(token.as_bytes()).unwrap();
        assert_eq!(compact.with_signature(<[u8]>::len), Ok(MAX_SIGNATURE));
    }

    #[test]
    fn sec_57_a_signature_has_an_end() {
        for length in [1365, 1366, 1367, 1368, 1369, 2048] {
            let token = [b"a.b.", "A".repeat(length).as_bytes()].concat();
            let decoded = Compact::split(&token).unwrap().with_signature(<[u8]>::len);
            let expected = if length == 1366 { Ok(1024) } else { Err(RejectionReason::Malformed) };
            assert_eq!(decoded, expected, "{length}");
        }
    }
}
