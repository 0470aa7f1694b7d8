//! [`SignInId`]: the public identifier of a stored sign-in.
//!
//! It appears in device lists, in the `sid` claim of access tokens and in logs, so it must not be
//! usable as a credential.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The public identifier of a stored sign-in: 128 bits, shown in device lists and sent as the `sid`
/// claim of access tokens. It does not change while the sign-in lives, and it is not a secret.
///
/// Its text form is base64url without padding, 22 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignInId([u8; 16]);

impl SignInId {
    /// Creates the id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SignInId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text[..written]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for SignInId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignInId({self})")
    }
}

crate::error_with_message! {
    /// The text is not a [`SignInId`].
    pub struct InvalidSignInId: "a sign-in id must be 22 characters of base64url"
}

impl FromStr for SignInId {
    type Err = InvalidSignInId;
    fn from_str(text: &str) -> Result<Self, InvalidSignInId> {
        if text.len() != 22 {
            return Err(InvalidSignInId);
        }
        let mut bytes = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Ok(Self(bytes)),
            _ => Err(InvalidSignInId),
        }
    }
}

impl Serialize for SignInId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SignInId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_round_trip_as_text_and_json(bytes: [u8; 16]) {
            let id = SignInId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<SignInId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<SignInId>(&json).unwrap(), id);
        }

        #[test]
        fn invalid_text_is_rejected_without_panic(text: String) {
            if let Ok(id) = text.parse::<SignInId>() {
                prop_assert_eq!(id.to_string(), text, "one id has one text");
            }
        }
    }
}
