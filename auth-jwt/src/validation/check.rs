//! The checks of a token's header and claims, once its signature is verified.
//!
//! Everything that cannot change is checked once per token. What can change is checked at each use of
//! the token: its [`Validity`] against the clock, and the application's own [`ApplicationChecks`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Claims, RejectionReason, Timestamp};

use super::builder::{Audience, AuthTimeSource, IdTokenMarks, Profile, Validation};
use crate::claims::TokenClaims;
use crate::jws::Header;

const NO_EXPIRY: RejectionReason = RejectionReason::Other("no expiry");
const NO_SUBJECT: RejectionReason = RejectionReason::Other("no subject");
const NOT_YET_VALID: RejectionReason = RejectionReason::Other("not yet valid");
const WRONG_ISSUER: RejectionReason = RejectionReason::Other("wrong issuer");
const WRONG_AUDIENCE: RejectionReason = RejectionReason::Other("wrong audience");
const NOT_PINNED: RejectionReason =
    RejectionReason::Other("access tokens take an issuer and an audience");
const CLAIM_MISSING: RejectionReason = RejectionReason::Other("claim missing");

/// The claim of logout tokens and security events (OpenID Connect Back-Channel Logout 2.4, RFC 8417).
const EVENTS: &str = "events";
/// The claims of ID tokens that access tokens do not need (OpenID Connect Core 2, 3.1.3.6, 3.3.2.11).
const ID_TOKEN: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// When a token is valid, with the leeway added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    begins_at: Timestamp,
    ends_at: Timestamp,
}

impl Validity {
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), RejectionReason> {
        if now >= self.ends_at {
            return Err(RejectionReason::Expired);
        }
        if now < self.begins_at { Err(NOT_YET_VALID) } else { Ok(()) }
    }
}

impl Validation {
    /// Checks the header's `typ`: kinds of token are mutually exclusive (RFC 8725 section 3.11). A token
    /// without a `typ` is of no particular kind.
    pub(crate) fn check_type(&self, header: &Header<'_>) -> Result<(), RejectionReason> {
        let fits = match &self.profile {
            Profile::Typed(typ) => header.has_type(&[typ]),
            Profile::AccessToken | Profile::Own => header.has_type(&["at+jwt"]),
            Profile::Plain => header.typ.is_none() || header.has_type(&["JWT", "at+jwt"]),
        };
        if fits { Ok(()) } else { Err(RejectionReason::WrongKind) }
    }

    /// Checks the claims, and returns when the token is valid. The caller compares that with the clock.
    pub(crate) fn check_claims(
        &self,
        claims: &TokenClaims<'_>,
    ) -> Result<Validity, RejectionReason> {
        if self.profile == Profile::AccessToken && !self.is_pinned() {
            return Err(NOT_PINNED);
        }
        if self.issuer.is_some() && claims.issuer.as_deref() != self.issuer.as_deref() {
            return Err(WRONG_ISSUER);
        }
        self.check_audience(claims)?;
        self.check_kind(claims)?;
        if claims.subject.as_deref().is_none_or(str::is_empty) {
            return Err(NO_SUBJECT);
        }
        let by_profile = match &self.profile {
            Profile::Plain | Profile::Typed(_) => &[][..],
            Profile::Own => &["aud", "client_id", "iat", "jti"],
            Profile::AccessToken => &["iss", "aud", "client_id", "iat", "jti"],
        };
        let mut required =
            by_profile.iter().copied().chain(self.required.iter().map(|name| &**name));
        if !required.all(|name| claims.has(name)) {
            return Err(CLAIM_MISSING);
        }
        self.validity(claims)
    }

    /// Returns the application's checks for a token with this payload, or `None` if there are none.
    pub(crate) fn application_checks(
        &self,
        json: &str,
    ) -> Result<Option<ApplicationChecks>, RejectionReason> {
        if self.checks.is_empty() {
            return Ok(None);
        }
        let claims = serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
        Ok(Some(ApplicationChecks { checks: Arc::clone(&self.checks), claims }))
    }

    /// Returns when the user was authenticated, if the token says so.
    pub(crate) fn authenticated_at(&self, claims: &TokenClaims<'_>) -> Option<Timestamp> {
        let issued_at = match self.auth_time_source {
            AuthTimeSource::AuthTime => None,
            AuthTimeSource::IssuedAt => claims.issued_at,
        };
        claims.authenticated_at.or(issued_at)
    }

    /// Returns whether both the issuer and the audience are given (RFC 9068 section 4).
    fn is_pinned(&self) -> bool {
        self.issuer.is_some() && matches!(self.audience, Audience::OneOf(_))
    }

    fn check_audience(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        let fits = match (&self.audience, &claims.audience) {
            (Audience::Any, _) | (Audience::Absent, None) => true,
            (Audience::Absent, Some(_)) | (Audience::OneOf(_), None) => false,
            (Audience::OneOf(names), Some(audience)) => {
                audience.iter().any(|audience| names.iter().any(|name| **name == *audience))
            }
        };
        if fits { Ok(()) } else { Err(WRONG_AUDIENCE) }
    }

    /// Checks that the claims are not those of another kind of token. A token of a required type is
    /// identified by its `typ`, so only plain tokens are searched for the claims of ID tokens.
    fn check_kind(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        let plain = self.profile == Profile::Plain && self.id_token_marks == IdTokenMarks::Rejected;
        let id_token = plain && ID_TOKEN.iter().any(|name| claims.has(name));
        if id_token || claims.has(EVENTS) { Err(RejectionReason::WrongKind) } else { Ok(()) }
    }

    fn validity(&self, claims: &TokenClaims<'_>) -> Result<Validity, RejectionReason> {
        // Tokens of our own are issued and verified by one clock, or by those of neighbouring
        // nodes. Leeway at their expiry would only extend them; at their start it allows for the
        // clocks of other nodes.
        let leeway = if self.profile == Profile::Own { Duration::ZERO } else { self.leeway };
        let with_leeway = |at: Timestamp| at + leeway;
        let mut ends_at = with_leeway(claims.expires_at.ok_or(NO_EXPIRY)?);
        if let Some(age) = self.max_age {
            let issued_at = claims.issued_at.ok_or(CLAIM_MISSING)?;
            ends_at = ends_at.min(with_leeway(issued_at + age));
        }
        // A date in the future comes from a wrong clock, or is meant to get around `max_age`.
        let begins = [claims.not_before, claims.issued_at, claims.authenticated_at];
        let begins_at = begins.into_iter().flatten().max().unwrap_or(Timestamp::EPOCH);
        Ok(Validity { begins_at: begins_at.before(self.leeway), ends_at })
    }
}

/// A check that the application has added.
pub(super) type Check = Arc<dyn Fn(&Claims) -> Result<(), &'static str> + Send + Sync>;

/// The application's checks and the claims of one token. They run at each use of the token, because
/// their results can change.
pub(crate) struct ApplicationChecks {
    checks: Arc<[Check]>,
    claims: Claims,
}

impl ApplicationChecks {
    pub(crate) fn run(&self) -> Result<(), RejectionReason> {
        self.checks.iter().try_for_each(|check| check(&self.claims)).map_err(RejectionReason::Other)
    }
}

impl fmt::Debug for ApplicationChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationChecks")
            .field("count", &self.checks.len())
            .finish_non_exhaustive()
    }
}
