//! Challenges: the `WWW-Authenticate` headers of a 401 or 403.
//!
//! Parameters are quoted here, so that no text of the application can break out of the header. The
//! `Bearer` challenge has the error codes of RFC 6750 and RFC 9470.

use http::{HeaderMap, HeaderValue, header};

use crate::rejection::ChallengeReason;

/// A challenge: a scheme and its parameters (RFC 9110 section 11.3).
///
/// ```
/// use auth_core::Challenge;
///
/// let basic = Challenge::new("Basic").param("realm", "the \"shop\"");
/// assert_eq!(basic.to_value(), r#"Basic realm="the \"shop\"""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Challenge(String);

impl Challenge {
    /// Creates a challenge of this scheme, without parameters.
    pub fn new(scheme: &str) -> Self {
        Self(scheme.to_owned())
    }

    /// Adds a parameter as a quoted string. Characters outside visible ASCII become `?`.
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.0.push_str(if self.0.contains(' ') { ", " } else { " " });
        self.0.push_str(name);
        self.0.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '"' | '\\' => self.0.extend(['\\', letter]),
                ' '..='~' => self.0.push(letter),
                _ => self.0.push('?'),
            }
        }
        self.0.push('"');
        self
    }

    /// The realm of `Bearer` challenges, unless the application sets another.
    pub const DEFAULT_REALM: &'static str = "api";

    /// Creates the `Bearer` challenge of this realm for this reason. It has an error code for an invalid
    /// bearer credential, for insufficient scope, and for a step-up (RFC 9470). It always has the realm,
    /// because this scheme must have a parameter (RFC 6750 section 3).
    pub fn bearer(realm: &str, reason: &ChallengeReason<'_>) -> Self {
        let bearer = Self::new("Bearer").param("realm", realm);
        match reason {
            ChallengeReason::MissingCredential => bearer,
            ChallengeReason::InvalidCredential(rejection) if rejection.scheme == "bearer" => {
                bearer.param("error", "invalid_token")
            }
            ChallengeReason::InvalidCredential(_) => bearer,
            ChallengeReason::InsufficientScope(scope) => {
                bearer.param("error", "insufficient_scope").param("scope", scope)
            }
            ChallengeReason::StepUp { .. } => bearer.step_up(reason),
        }
    }

    /// Adds the parameters of RFC 9470 if the reason is a step-up.
    pub fn step_up(self, reason: &ChallengeReason<'_>) -> Self {
        let ChallengeReason::StepUp { acr, max_age } = reason else { return self };
        let mut challenge = self.param("error", "insufficient_user_authentication");
        if !acr.is_empty() {
            challenge = challenge.param("acr_values", &acr.join(" "));
        }
        if let Some(age) = max_age {
            challenge = challenge.param("max_age", &age.as_secs().to_string());
        }
        challenge
    }

    /// Returns the header value.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        HeaderValue::try_from(self.0.as_str()).unwrap_or(HeaderValue::from_static("Unknown"))
    }

    /// Appends the challenge as `WWW-Authenticate`, unless an equal one is present.
    pub fn append_to(&self, headers: &mut HeaderMap) {
        let value = self.to_value();
        if !headers.get_all(header::WWW_AUTHENTICATE).iter().any(|old| *old == value) {
            headers.append(header::WWW_AUTHENTICATE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::{Rejection, RejectionReason};
    use std::time::Duration;

    #[test]
    fn bearer_challenges_follow_rfc_6750_and_9470() {
        let text = |reason| Challenge::bearer("a", &reason).to_value();
        assert_eq!(text(ChallengeReason::MissingCredential), "Bearer realm=\"a\"");
        let ours = Rejection::new("bearer", RejectionReason::Expired);
        assert_eq!(
            text(ChallengeReason::InvalidCredential(&ours)),
            "Bearer realm=\"a\", error=\"invalid_token\""
        );
        let other = Rejection::new("session", RejectionReason::Expired);
        assert_eq!(text(ChallengeReason::InvalidCredential(&other)), "Bearer realm=\"a\"");
        assert_eq!(
            text(ChallengeReason::InsufficientScope("a b")),
            "Bearer realm=\"a\", error=\"insufficient_scope\", scope=\"a b\""
        );
        let acr = ["aal2".into(), "aal3".into()];
        assert_eq!(
            text(ChallengeReason::StepUp { acr: &acr, max_age: Some(Duration::from_secs(60)) }),
            "Bearer realm=\"a\", error=\"insufficient_user_authentication\", \
             acr_values=\"aal2 aal3\", max_age=\"60\""
        );
    }

    #[test]
    fn equal_challenges_are_appended_once() {
        let mut headers = HeaderMap::new();
        Challenge::new("Bearer").append_to(&mut headers);
        Challenge::new("Bearer").append_to(&mut headers);
        Challenge::new("Basic").append_to(&mut headers);
        assert_eq!(headers.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_makes_a_valid_header(text: String) {
            let value = Challenge::new("Basic").param("realm", &text).to_value();
            proptest::prop_assert_ne!(value, "Unknown");
        }
    }
}
