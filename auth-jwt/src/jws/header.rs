//! A token's header.

use std::borrow::Cow;
use std::fmt;

use auth_core::RejectionReason;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::algorithm::Algorithm;
use crate::json::{Names, Strict, Text};

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
                    return Err(A::Error::custom("a header that is not for signed tokens"));
                }
                _ => {
                    map.next_value::<Strict>()?;
                    names.add(name);
                    continue;
                }
            };
            let Text(value) = map.next_value()?;
            if member.replace(value).is_some() {
                return Err(A::Error::custom("a member comes twice"));
            }
        }
        if names.repeats() { Err(A::Error::custom("a member comes twice")) } else { Ok(raw) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
