//! The compact serialization of a signed token (RFC 7515 section 7.1): its three parts, its header, and
//! the way back, from claims to a token.
//!
//! Everything here runs before the signature is verified, so it accepts one spelling only, bounds what
//! it reads, and takes nothing from the header but the name of a configured key.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::mem::MaybeUninit;
use std::str;
use std::sync::OnceLock;

use auth_core::RejectionReason;
use base64_simd::{Out, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{Read, Shape, read_members, read_object};

pub(crate) const TOO_LONG: RejectionReason = RejectionReason::Other("token too long");
/// The maximum length of a signature: that of RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;
/// The same, encoded. It has to be exact: the decoder panics if its output does not fit.
const MAX_SIGNATURE_TEXT: usize = URL_SAFE_NO_PAD.encoded_length(MAX_SIGNATURE);

/// A token, split into its three parts, which are still encoded.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'a> {
    pub(crate) whole: &'a [u8],
    /// What is signed: the first two parts and the dot between them.
    pub(crate) message: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Compact<'a> {
    /// Splits a credential that may be a token of at most this many bytes. Returns `None` unless it has
    /// exactly two dots: it is then another kind of credential, for another backend. No more than these
    /// bytes are searched.
    pub(crate) fn find(token: &'a [u8], max_bytes: usize) -> Option<Result<Self, RejectionReason>> {
        let mut dots = memchr::memchr_iter(b'.', &token[..token.len().min(max_bytes)]);
        let (first, second, third) = (dots.next()?, dots.next(), dots.next());
        if token.len() > max_bytes {
            return third.is_none().then_some(Err(TOO_LONG));
        }
        let second = second.filter(|_| third.is_none())?;
        let [header, payload] = [&token[..first], &token[first + 1..second]];
        let (message, signature) = (&token[..second], &token[second + 1..]);
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Some(Err(RejectionReason::Malformed));
        }
        Some(Ok(Self { whole: token, message, header, payload, signature }))
    }

    /// Splits a token. Anything else is malformed.
    pub(crate) fn split(token: &'a [u8], max_bytes: usize) -> Result<Self, RejectionReason> {
        Self::find(token, max_bytes).unwrap_or(Err(RejectionReason::Malformed))
    }

    /// Calls the closure with the decoded signature.
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

/// The memory that a part is decoded into: on the stack, unless the part is large.
pub(crate) struct Buffer {
    stack: [MaybeUninit<u8>; Self::ON_STACK],
    heap: Vec<u8>,
}

impl Buffer {
    /// Enough for most headers and claims.
    const ON_STACK: usize = 1024;

    pub(crate) fn new() -> Self {
        Self { stack: [MaybeUninit::uninit(); Self::ON_STACK], heap: Vec::new() }
    }

    /// Decodes a part to JSON text: canonical base64url without padding (RFC 7515 section 2), and UTF-8.
    pub(crate) fn decode(&mut self, part: &[u8]) -> Result<&str, RejectionReason> {
        let max = part.len() / 4 * 3 + 3;
        let into = match self.stack.get_mut(..max) {
            Some(into) => Out::from_uninit_slice(into),
            None => {
                self.heap.resize(max, 0);
                Out::from_slice(&mut self.heap)
            }
        };
        let decoded = URL_SAFE_NO_PAD.decode(part, into);
        str::from_utf8(decoded.map_err(|_| RejectionReason::Malformed)?)
            .map_err(|_| RejectionReason::Malformed)
    }
}

const NO_ALGORITHM: RejectionReason = RejectionReason::Other("no algorithm");
const UNKNOWN_ALGORITHM: RejectionReason = RejectionReason::Other("unknown algorithm");
const UNSUPPORTED: RejectionReason = RejectionReason::Other("unsupported header");

/// Extensions that a verifier must understand, and none is supported; and members of compressed or
/// encrypted tokens.
const UNSUPPORTED_MEMBERS: [&str; 4] = ["crit", "b64", "zip", "enc"];

/// The members of a header that are used. Keys in a header, and URLs of keys (`jwk`, `jku`, `x5u`,
/// `x5c`), are ignored: anyone can write them (RFC 8725 section 3.10).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    pub(crate) fn read(json: &'a str) -> Result<Self, RejectionReason> {
        let RawHeader { alg, kid, typ, is_unsupported } =
            read_object(json, HeaderVisitor).map_err(|_| RejectionReason::Malformed)?;
        if is_unsupported {
            return Err(UNSUPPORTED);
        }
        let algorithm = alg.ok_or(NO_ALGORITHM)?.parse().map_err(|_| UNKNOWN_ALGORITHM)?;
        Ok(Self { algorithm, kid, typ })
    }

    /// Returns whether `typ` is one of these media types. Case is ignored, and so is a leading
    /// `application/` (RFC 7515 section 4.1.9).
    pub(crate) fn has_type(&self, types: &[&str]) -> bool {
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
struct RawHeader<'a> {
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    typ: Option<Cow<'a, str>>,
    is_unsupported: bool,
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = RawHeader<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<RawHeader<'de>, A::Error> {
        let mut header = RawHeader::default();
        read_members(members, |name, members| {
            let member = match &**name {
                "alg" => &mut header.alg,
                "kid" => &mut header.kid,
                "typ" => &mut header.typ,
                other => {
                    header.is_unsupported |= UNSUPPORTED_MEMBERS.contains(&other);
                    return members.next_value_seed(Read::Skip).map(drop);
                }
            };
            match members.next_value_seed(Read::Keep)? {
                Shape::Text(value) => *member = Some(value),
                Shape::Null if &**name == "kid" => {} // the token names no key
                _ => return Err(A::Error::custom("a member has the wrong type")),
            }
            Ok(())
        })?;
        Ok(header)
    }
}

/// The headers of valid tokens, read once. An issuer writes the same header into every token that it
/// signs with one key. Only the first eight headers are stored; others are read each time. Forged
/// tokens do not get here, so they cannot fill it.
#[derive(Debug, Default)]
pub(crate) struct KnownHeaders([OnceLock<KnownHeader>; 8]);

#[derive(Debug)]
struct KnownHeader {
    part: Box<[u8]>,
    header: Header<'static>,
}

impl KnownHeaders {
    /// Returns the header that this part of a token encodes.
    pub(crate) fn find(&self, part: &[u8]) -> Option<&Header<'static>> {
        let known = self.0.iter().map_while(OnceLock::get).find(|known| *known.part == *part);
        known.map(|known| &known.header)
    }

    /// Stores the header of a token whose signature is valid, if there is a place left.
    pub(crate) fn insert(&self, part: &[u8], header: Header<'_>) {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let (kid, typ) = (header.kid.map(owned), header.typ.map(owned));
        let header = Header { algorithm: header.algorithm, kid, typ };
        let mut known = KnownHeader { part: part.into(), header };
        for place in &self.0 {
            // Another request may store the same header at the same time.
            let Err(refused) = place.set(known) else { return };
            if place.get().is_some_and(|stored| stored.part == refused.part) {
                return;
            }
            known = refused;
        }
    }
}

/// Makes a token of this type (`typ`) with these claims. The closure signs its message.
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

/// The reason why a token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The claims are not a JSON object.
    Claims,
    /// No key can sign, or the key failed to.
    Key,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claims => "the claims of a token must be a JSON object",
            Self::Key => "no key can sign the token",
        })
    }
}

impl Error for SignError {}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    const MAX_BYTES: usize = 8 * 1024;

    #[test]
    fn sec_57_a_token_has_three_parts_and_a_maximum_length() {
        assert!(Compact::split(b"a.b.c", MAX_BYTES).is_ok());
        let long = [&[b'a'; MAX_BYTES][..], b".b.c"].concat();
        for token in [&b""[..], b"a", b"a.b", b"..", "a.b.".as_bytes(), b".b.c", b"a.b.c.d", &long]
        {
            assert!(Compact::split(token, MAX_BYTES).is_err(), "{}", token.len());
        }
        let long = [b"a.b.", &[b'a'; MAX_BYTES][..]].concat();
        assert_eq!(Compact::split(&long, MAX_BYTES).err(), Some(TOO_LONG));
    }

    #[test]
    fn a_credential_without_two_dots_is_not_a_token() {
        let long = |start: &[u8]| [start, &[b'a'; MAX_BYTES][..]].concat();
        for token in [&b""[..], b"a", b"a.b", b"a.b.c.d", &long(b""), &long(b"a.b.c.")] {
            assert!(Compact::find(token, MAX_BYTES).is_none(), "{}", token.len());
        }
        for token in [&b".."[..], b"a.b.", &long(b"a."), &long(b"a.b.")] {
            assert!(matches!(Compact::find(token, MAX_BYTES), Some(Err(_))), "{}", token.len());
        }
    }

    #[test]
    fn sec_57_a_part_has_one_encoding() {
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
    fn a_signature_of_rsa_8192_is_decoded() {
        let signature = URL_SAFE_NO_PAD.encode_to_string([7; MAX_SIGNATURE]);
        let token = format!("a.b.{signature}");
        let compact = Compact::split(token.as_bytes(), MAX_BYTES).unwrap();
        assert_eq!(compact.with_signature(<[u8]>::len), Ok(MAX_SIGNATURE));
    }

    #[test]
    fn sec_57_a_longer_signature_is_rejected() {
        for length in [1365, 1366, 1367, 1368, 1369, 2048] {
            let token = [b"a.b.", "A".repeat(length).as_bytes()].concat();
            let decoded = Compact::split(&token, MAX_BYTES).unwrap().with_signature(<[u8]>::len);
            let expected = if length == 1366 { Ok(1024) } else { Err(RejectionReason::Malformed) };
            assert_eq!(decoded, expected, "{length}");
        }
    }

    #[test]
    fn the_used_members_are_read() {
        let header =
            Header::read(r#"{"typ":"at+jwt","alg":"ES256","\u006bid":"1","x":[]}"#).unwrap();
        assert_eq!((header.algorithm, header.kid.as_deref()), (Algorithm::Es256, Some("1")));
        assert!(header.has_type(&["JWT", "AT+JWT"]) && !header.has_type(&["JWT"]));
        let unnamed = Header::read(r#"{"alg":"ES256","kid":null}"#).unwrap();
        assert_eq!(unnamed.kid, None);
        let header = Header::read(r#"{"typ":"Application/at+JWT","alg":"EdDSA"}"#).unwrap();
        assert!(header.has_type(&["at+jwt"]));
    }

    #[test]
    fn sec_50_57_invalid_headers_are_rejected() {
        for json in [
            r#"[]"#,
            r#"{"alg":null}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","kid":null,"kid":"1"}"#,
            r#"{"alg":"HS256","typ":null}"#,
            r#"{"alg":"HS256","x":1,"x":1}"#,
            r#"{"alg":"HS256"}x"#,
        ] {
            assert_eq!(Header::read(json), Err(RejectionReason::Malformed), "{json}");
        }
        assert_eq!(Header::read(r#"{"alg":"none"}"#), Err(UNKNOWN_ALGORITHM));
        assert_eq!(Header::read("{}"), Err(NO_ALGORITHM));
        for json in [
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
        ] {
            assert_eq!(Header::read(json), Err(UNSUPPORTED), "{json}");
        }
    }

    #[test]
    fn a_header_is_stored_once_by_concurrent_requests() {
        let (known, barrier) = (KnownHeaders::default(), Barrier::new(8));
        let insert = |part: &[u8]| {
            let header = Header { algorithm: Algorithm::Hs256, kid: None, typ: None };
            known.insert(part, header);
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    insert(b"first");
                });
            }
        });
        for part in 0..7 {
            insert(&[part]);
        }
        assert!(known.find(b"first").is_some());
        assert!((0..7).all(|part| known.find(&[part]).is_some()), "each has a place");
        insert(b"ninth");
        assert!(known.find(b"ninth").is_none());
    }
}
