//! The payload of a token: an object whose members are found and checked once, and then read by those who
//! need them.

use std::borrow::Cow;

use auth_core::RejectionReason;

use crate::json::{self, Members, Shape};

pub(super) const REPEATED: RejectionReason =
    RejectionReason::Other("repeated or reserved name of a claim");

/// The claims of a payload by name, each as the text of its value. No object in it repeats a name.
#[derive(Debug)]
pub(crate) struct Payload<'a> {
    json: &'a str,
    claims: Members<'a, &'a str>,
    /// Whether the JSON contains a backslash.
    has_escapes: bool,
}

impl<'a> Payload<'a> {
    /// Finds the claims, and checks all of their values.
    ///
    /// # Errors
    ///
    /// Returns [`RejectionReason::Malformed`] if the payload is not an object, and another reason if an
    /// object in it repeats a name.
    pub(crate) fn read(json: &'a str) -> Result<Self, RejectionReason> {
        let has_escapes = memchr::memchr(b'\\', json.as_bytes()).is_some();
        let mut payload = Self { json, claims: Members::default(), has_escapes };
        let is_unique =
            json::read_raw(json, &mut payload.claims).map_err(|_| RejectionReason::Malformed)?;
        if !is_unique {
            return Err(REPEATED);
        }
        for (_, value) in payload.claims.iter() {
            json::check(value, has_escapes).map_err(|error| {
                if error.is_data() { REPEATED } else { RejectionReason::Malformed }
            })?;
        }
        Ok(payload)
    }

    /// Returns whether there is a claim of this name, and its value is not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.claims.get(name).is_some_and(|value| value != "null")
    }

    /// Returns the value of a claim.
    pub(super) fn get(&self, name: &str) -> Option<Shape<'a>> {
        self.claims.get(name).map(|value| self.keep(value))
    }

    /// Returns the value of a claim that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.get(name)? {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the payload itself.
    pub(super) fn json(&self) -> &'a str {
        self.json
    }

    /// Returns the names of the claims, and the text of each value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.claims.iter()
    }

    /// Returns the value of a claim with this text.
    pub(super) fn keep(&self, value: &'a str) -> Shape<'a> {
        json::keep(value, self.has_escapes)
    }

    /// Returns the value at this JSON Pointer (RFC 6901), or [`Shape::Other`] if there is none.
    pub(super) fn find(&self, pointer: &[Box<str>]) -> Shape<'a> {
        let Some((name, rest)) = pointer.split_first() else { return Shape::Other };
        self.claims.get(name).map_or(Shape::Other, |value| json::find(value, rest))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Regression: such a claim was accepted, and reading the claims panicked.
    #[test]
    fn sec_57_a_claim_with_a_name_that_serde_json_reserves_is_rejected() {
        for name in ["RawValue", "Number"] {
            let object = format!(r#"{{"$serde_json::private::{name}":1}}"#);
            for json in [format!(r#"{{"sub":"a","x":{object}}}"#), object] {
                assert_eq!(Payload::read(&json).err(), Some(REPEATED), "{json}");
            }
        }
    }

    #[test]
    fn sec_57_what_serde_json_rejects_in_a_payload_is_rejected_in_each_claim() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (value, is_valid) in [
            (nested(126), true),
            (nested(127), false),
            (format!("[{}]", ["{}"; 200].join(",")), true),
            ("1e308".into(), true),
            ("1e309".into(), false),
            ("9".repeat(309), false),
            (r#""\ud800""#.into(), false),
            (r#""\u0000""#.into(), true),
            ("\"\u{1}\"".into(), false),
            ("01".into(), false),
        ] {
            for json in [format!(r#"{{"x":{value}}}"#), format!(r#"{{"x":[{value}]}}"#)] {
                let expected = serde_json::from_str::<Value>(&json).is_ok();
                assert_eq!(Payload::read(&json).is_ok(), expected, "{json}");
            }
            let json = format!(r#"{{"x":{value}}}"#);
            assert_eq!(Payload::read(&json).is_ok(), is_valid, "{json}");
        }
    }
}
