//! The decision about a token's claims, after its signature.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Claims, RejectionReason, Timestamp};

use super::builder::{Audience, Dated, Marks, Profile, Validation};
use crate::claims::{DateClaim, ListClaim, MarkClaim, TextClaim, TokenClaims};
use crate::jws::Header;

const NO_EXPIRY: RejectionReason = RejectionReason::Other("no expiry");
const NO_SUBJECT: RejectionReason = RejectionReason::Other("no subject");
const NOT_YET: RejectionReason = RejectionReason::Other("not yet valid");
const WRONG_ISSUER: RejectionReason = RejectionReason::Other("wrong issuer");
const WRONG_AUDIENCE: RejectionReason = RejectionReason::Other("wrong audience");
const NOT_PINNED: RejectionReason =
    RejectionReason::Other("access tokens take an issuer and an audience");
const CLAIM_MISSING: RejectionReason = RejectionReason::Other("claim missing");

/// When a token is good, leeway included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    begins_at: Timestamp,
    ends_at: Timestamp,
}

impl Validity {
    pub(crate) fn judge(&self, now: Timestamp) -> Result<(), RejectionReason> {
        if now >= self.ends_at {
            return Err(RejectionReason::Expired);
        }
        if now < self.begins_at { Err(NOT_YET) } else { Ok(()) }
    }
}

impl Validation {
    /// Whether the claims are to be believed, and when: time is judged by whoever asks, since it
    /// goes on.
    pub(crate) fn judge(&self, claims: &TokenClaims<'_>) -> Result<Validity, RejectionReason> {
        if self.profile == Profile::AccessToken && !self.is_pinned() {
            return Err(NOT_PINNED);
        }
        if self.issuer.is_some() && claims.text(TextClaim::Issuer) != self.issuer.as_deref() {
            return Err(WRONG_ISSUER);
        }
        self.judge_audience(claims)?;
        self.judge_marks(claims)?;
        if claims.text(TextClaim::Subject).is_none_or(str::is_empty) {
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

    /// What the application checks itself, of a token that says this.
    pub(crate) fn checks(&self, json: &str) -> Result<Option<Checks>, RejectionReason> {
        Checks::of(&self.checks, json)
    }

    fn is_pinned(&self) -> bool {
        self.issuer.is_some() && matches!(self.audience, Audience::OneOf(_))
    }

    /// When the user proved who they are; long ago if nobody says so.
    pub(crate) fn authenticated_at(&self, claims: &TokenClaims<'_>) -> Timestamp {
        let issued_at = match self.dated {
            Dated::ByAuthTime => None,
            Dated::ByIssue => claims.date(DateClaim::IssuedAt),
        };
        claims.date(DateClaim::AuthenticatedAt).or(issued_at).unwrap_or(Timestamp::EPOCH)
    }

    fn judge_audience(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        let meant = match (&self.audience, claims.list(ListClaim::Audience)) {
            (Audience::Anybody, _) | (Audience::Nobody, None) => true,
            (Audience::Nobody, Some(_)) | (Audience::OneOf(_), None) => false,
            (Audience::OneOf(names), Some(audience)) => {
                audience.iter().any(|meant| names.iter().any(|name| **name == *meant))
            }
        };
        if meant { Ok(()) } else { Err(WRONG_AUDIENCE) }
    }

    fn validity(&self, claims: &TokenClaims<'_>) -> Result<Validity, RejectionReason> {
        // Who issued it and who reads it have one clock, or those of neighbours: what that leaves
        // in doubt is its beginning.
        let leeway = if self.profile == Profile::Own { Duration::ZERO } else { self.leeway };
        let later = |at: Timestamp| at + leeway;
        let mut ends_at = later(claims.date(DateClaim::ExpiresAt).ok_or(NO_EXPIRY)?);
        if let Some(age) = self.max_age {
            let issued_at = claims.date(DateClaim::IssuedAt).ok_or(CLAIM_MISSING)?;
            ends_at = ends_at.min(later(issued_at + age));
        }
        // A token from the future was made by a wrong clock, or to outlive `max_age`.
        let begins = [DateClaim::NotBefore, DateClaim::IssuedAt, DateClaim::AuthenticatedAt];
        let begins_at = begins.into_iter().filter_map(|date| claims.date(date)).max();
        let begins_at = begins_at.unwrap_or(Timestamp::EPOCH);
        Ok(Validity { begins_at: begins_at.before(self.leeway), ends_at })
    }
}

/// The claim of logout tokens and security events (OpenID Connect Back-Channel Logout 2.4, RFC 8417).
const EVENTS: MarkClaim = MarkClaim::Events;
/// The claims of ID tokens that access tokens have no use for (OpenID Connect Core 2, 3.1.3.6,
/// 3.3.2.11).
const ID_TOKEN: [MarkClaim; 3] =
    [MarkClaim::Nonce, MarkClaim::AccessTokenHash, MarkClaim::CodeHash];

impl Validation {
    /// Whether the header's `typ` fits. A token without one is of no kind in particular.
    pub(crate) fn judge_type(&self, header: &Header<'_>) -> Result<(), RejectionReason> {
        let fits = match &self.profile {
            Profile::Typed(typ) => header.is_one_of(&[typ]),
            Profile::AccessToken | Profile::Own => header.is_one_of(&["at+jwt"]),
            Profile::Plain => header.typ.is_none() || header.is_one_of(&["JWT", "at+jwt"]),
        };
        if fits { Ok(()) } else { Err(RejectionReason::WrongKind) }
    }

    /// Whether the claims are those of another kind. An access token by RFC 9068 says what it is.
    pub(super) fn judge_marks(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        let plain = self.profile == Profile::Plain && self.marks == Marks::Heeded;
        let marked = plain && ID_TOKEN.iter().any(|mark| claims.is_marked(*mark));
        if marked || claims.is_marked(EVENTS) { Err(RejectionReason::WrongKind) } else { Ok(()) }
    }
}

/// A check of the application's.
pub(super) type Check = Arc<dyn Fn(&Claims) -> Result<(), &'static str> + Send + Sync>;

/// The checks of a policy, and all that one token says: they run at each use of it, because their
/// answer may change.
pub(crate) struct Checks {
    checks: Arc<[Check]>,
    claims: Claims,
}

impl Checks {
    /// None if the application checks nothing.
    pub(super) fn of(checks: &Arc<[Check]>, json: &str) -> Result<Option<Self>, RejectionReason> {
        if checks.is_empty() {
            return Ok(None);
        }
        let claims = serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
        Ok(Some(Self { checks: Arc::clone(checks), claims }))
    }

    pub(crate) fn run(&self) -> Result<(), RejectionReason> {
        self.checks.iter().try_for_each(|check| check(&self.claims)).map_err(RejectionReason::Other)
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").field("count", &self.checks.len()).finish_non_exhaustive()
    }
}
