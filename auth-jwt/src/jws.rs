//! The compact serialization of a signed token (RFC 7515 section 7.1).

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::mem::MaybeUninit;
use std::str;
use std::sync::OnceLock;

use auth_core::RejectionReason;
use base64_simd::{Out, URL_SAFE_NO_PAD};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{Names, Strict, Text};

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

const BAD_ALGORITHM: RejectionReason = RejectionReason::Other("unknown algorithm");

/// What a header says that counts. Keys in a header, or places to get keys from (`jwk`, `jku`,
/// `x5u`, `x5c`), are passed over: anybody can write them (RFC 8725 section 3.10).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    pub(crate) fn read(json: &'a str) -> Result<Self, RejectionReason> {
        let Raw { alg, kid, typ } =
            serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
        let algorithm =
            alg.ok_or(RejectionReason::Malformed)?.parse().map_err(|_| BAD_ALGORITHM)?;
        Ok(Self { algorithm, kid, typ })
    }

    /// Whether its `typ` is one of these: case does not count, nor does `application/` before it
    /// (RFC 7515 section 4.1.9).
    pub(crate) fn is_one_of(&self, types: &[&str]) -> bool {
        self.typ.as_deref().is_some_and(|typ| {
            let prefix = "application/";
            let short = match typ.split_at_checked(prefix.len()) {
                Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
                _ => typ,
            };
            types.iter().any(|known| known.eq_ignore_ascii_case(short))
        })
    }
}

#[derive(Default)]
struct Raw<'a> {
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    typ: Option<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        let (mut raw, mut names) = (Raw::default(), Names::default());
        while let Some(Text(name)) = map.next_key()? {
            let member = match &*name {
                "alg" => &mut raw.alg,
                "kid" => &mut raw.kid,
                "typ" => &mut raw.typ,
                // Extensions that have to be understood, and none of them is; compression and
                // encryption, which a signed token has none of.
                "crit" | "b64" | "zip" | "enc" => {
                    return Err(de::Error::custom("a header that is not for signed tokens"));
                }
                _ => {
                    map.next_value::<Strict>()?;
                    names.add(name);
                    continue;
                }
            };
            let Text(value) = map.next_value()?;
            if member.replace(value).is_some() {
                return Err(de::Error::custom("a member comes twice"));
            }
        }
        if names.repeats() { Err(de::Error::custom("a member comes twice")) } else { Ok(raw) }
    }
}

/// The headers of tokens that were good, read once: an issuer writes the same one into every token,
/// as long as it signs with one key. A forged token leaves nothing here. The first eight stay, and
/// every later one is read each time.
#[derive(Debug, Default)]
pub(crate) struct KnownHeaders([OnceLock<Known>; 8]);

#[derive(Debug)]
struct Known {
    part: Box<[u8]>,
    header: Header<'static>,
}

impl KnownHeaders {
    /// The header that this part of a token is.
    pub(crate) fn find(&self, part: &[u8]) -> Option<&Header<'static>> {
        let known = self.0.iter().map_while(OnceLock::get).find(|known| *known.part == *part);
        known.map(|known| &known.header)
    }

    /// Keeps the header of a token whose signature was good, if there is a place.
    pub(crate) fn keep(&self, part: &[u8], header: Header<'_>) {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let (kid, typ) = (header.kid.map(owned), header.typ.map(owned));
        let header = Header { algorithm: header.algorithm, kid, typ };
        let mut known = Known { part: part.into(), header };
        for place in &self.0 {
            // Another request may have been faster, and with the same header.
            let Err(refused) = place.set(known) else { return };
            if place.get().is_some_and(|there| there.part == refused.part) {
                return;
            }
            known = refused;
        }
    }
}

/// Signs a token of this type (`typ`) with these claims.
pub(crate) fn sign(
    algorithm: Algorithm,
    kid: Option<&str>,
    typ: &str,
    claims: &impl Serialize,
    signature: impl FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: &'a str,
        typ: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    let header = serde_json::to_vec(&Header { alg: algorithm.as_str(), typ, kid });
    let claims = serde_json::to_value(claims).ok().filter(Value::is_object);
    let (Ok(header), Some(claims)) = (header, claims) else { return Err(SignError::Claims) };
    let mut token = URL_SAFE_NO_PAD.encode_to_string(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(claims.to_string(), &mut token);
    let signature = signature(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut token);
    Ok(token)
}

/// Why a token was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The claims are no JSON object.
    Claims,
    /// No key could sign.
    Key,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claims => "the claims of a token are a JSON object",
            Self::Key => "no key could sign the token",
        })
    }
}

impl Error for SignError {}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

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

    #[test]
    fn what_counts_is_read() {
        let header =
            Header::read(r#"{"typ":"at+jwt","alg":"ES256","\u006bid":"1","x":[]}"#).unwrap();
        assert_eq!((header.algorithm, header.kid.as_deref()), (Algorithm::Es256, Some("1")));
        assert!(header.is_one_of(&["JWT", "AT+JWT"]) && !header.is_one_of(&["JWT"]));
        let header = Header::read(r#"{"typ":"Application/at+JWT","alg":"EdDSA"}"#).unwrap();
        assert!(header.is_one_of(&["at+jwt"]));
    }

    #[test]
    fn sec_50_57_what_a_header_must_not_say() {
        for json in [
            r#"{}"#,
            r#"[]"#,
            r#"{"alg":null}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","typ":null}"#,
            r#"{"alg":"HS256","x":1,"x":1}"#,
            r#"{"alg":"HS256"}x"#,
        ] {
            assert_eq!(Header::read(json), Err(RejectionReason::Malformed), "{json}");
        }
        assert_eq!(Header::read(r#"{"alg":"none"}"#), Err(BAD_ALGORITHM));
    }

    #[test]
    fn a_header_takes_one_place_however_many_keep_it_at_once() {
        let (known, barrier) = (KnownHeaders::default(), Barrier::new(8));
        let keep = |part: &[u8]| {
            let header = Header { algorithm: Algorithm::Hs256, kid: None, typ: None };
            known.keep(part, header);
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    keep(b"first");
                });
            }
        });
        for part in 0..7 {
            keep(&[part]);
        }
        assert!(known.find(b"first").is_some());
        assert!((0..7).all(|part| known.find(&[part]).is_some()), "each has a place");
        keep(b"ninth");
        assert!(known.find(b"ninth").is_none());
    }
}
