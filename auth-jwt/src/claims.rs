//! The claims that RFC 7519 section 4.1 registers, and those that access tokens add.

use auth_core::{SignInId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The registered claims of a token. Times are whole seconds; a string where a number belongs is
/// an error, not a guess.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredClaims {
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<Box<str>>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Box<str>>,
    /// For whom it is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// When it ends.
    #[serde(default, with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub exp: Option<Timestamp>,
    /// When it begins.
    #[serde(default, with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Timestamp>,
    /// When it was issued.
    #[serde(default, with = "numeric_date", skip_serializing_if = "Option::is_none")]
    pub iat: Option<Timestamp>,
    /// Its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<Box<str>>,
    /// The stored sign-in that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SignInId>,
}

/// For whom a token is meant: one name or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(Box<str>),
    /// Several.
    Many(Vec<Box<str>>),
}

impl Audience {
    /// Whether this one is meant.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::One(one) => **one == *name,
            Self::Many(many) => many.iter().any(|one| **one == *name),
        }
    }
}

/// `NumericDate`: seconds since the epoch. Fractions are allowed by RFC 7519, and cut off.
mod numeric_date {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_secs).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let date = f64::deserialize(deserializer)?;
        if !(0.0..=9_007_199_254_740_992.0).contains(&date) {
            return Err(serde::de::Error::custom("a date is a number of seconds since 1970"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above
        Ok(Some(Timestamp::from_secs(date as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RegisteredClaims, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The claims set of RFC 7519 section 3.1.
    #[test]
    fn the_example_of_rfc_7519_is_read() {
        let claims = read(r#"{"iss":"joe","exp":1300819380,"http://example.com/is_root":true}"#);
        let claims = claims.unwrap();
        assert_eq!(claims.iss.as_deref(), Some("joe"));
        assert_eq!(claims.exp, Some(Timestamp::from_secs(1_300_819_380)));
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(json, r#"{"iss":"joe","exp":1300819380}"#);
    }

    #[test]
    fn sec_51_a_date_of_another_type_is_an_error() {
        for exp in ["\"1\"", "true", "[]", "{}", "-1", "1e300"] {
            assert!(read(&format!(r#"{{"exp":{exp}}}"#)).is_err(), "{exp}");
        }
        assert_eq!(read(r#"{"exp":1.5}"#).unwrap().exp, Some(Timestamp::from_secs(1)));
    }

    #[test]
    fn sec_53_an_audience_is_a_name_or_several() {
        let aud = |json: &str| read(&format!(r#"{{"aud":{json}}}"#)).map(|claims| claims.aud);
        assert!(aud(r#""shop""#).unwrap().unwrap().includes("shop"));
        assert!(aud(r#"["a","shop"]"#).unwrap().unwrap().includes("shop"));
        assert!(!aud(r#"["a"]"#).unwrap().unwrap().includes("shop"));
        assert!(aud("123").is_err());
    }
}
