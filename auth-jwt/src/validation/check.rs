//! The checks of a token's header and claims, once its signature is verified.
//!
//! Everything that cannot change is checked once per token. What can change is checked at each use of
//! the token: its [`Validity`] against the clock, and the application's own [`ApplicationChecks`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Claims, RejectionReason, Timestamp};

use super::builder::{Audience, AuthTimeSource, Profile, Rule, Validation};
use super::issuer::IssuerTemplate;
use crate::claims::{Payload, TokenClaims, application_claims};
use crate::jws::Header;

/// How long a logout token without `exp` is accepted after its `iat`. Back-Channel Logout 1.0 has an `exp` only
/// since its errata set 1, which recommends at most this time.
const LOGOUT_TOKEN: Duration = Duration::from_secs(120);
const NO_EXPIRY: RejectionReason = RejectionReason::Other("no expiry");
const NO_SUBJECT: RejectionReason = RejectionReason::Other("no subject");
const NOT_YET_VALID: RejectionReason = RejectionReason::Other("not yet valid");
const FROM_THE_FUTURE: RejectionReason = RejectionReason::Other("issued in the future");
const TOO_OLD: RejectionReason = RejectionReason::Other("too old");
pub(crate) const NO_ISSUER: RejectionReason = RejectionReason::Other("no issuer");
const WRONG_ISSUER: RejectionReason = RejectionReason::Other("wrong issuer");
const NO_AUDIENCE: RejectionReason = RejectionReason::Other("no audience");
const WRONG_AUDIENCE: RejectionReason = RejectionReason::Other("wrong audience");
const UNEXPECTED_AUDIENCE: RejectionReason =
    RejectionReason::Other("audience, but none is configured");
const NO_CLIENT: RejectionReason = RejectionReason::Other("no client");
const WRONG_CLIENT: RejectionReason = RejectionReason::Other("wrong client");
const WRONG_VALUE: RejectionReason = RejectionReason::Other("claim with another value");
const NOT_PROVEN: RejectionReason = RejectionReason::Other("bound to a key without proof");
const NOT_PINNED: RejectionReason =
    RejectionReason::Other("access tokens take an issuer and an audience");
const NO_ISSUE_TIME: RejectionReason = RejectionReason::Other("no time of issue");
#[cfg(feature = "introspection")]
const NO_TOKEN_TYPE: RejectionReason = RejectionReason::Other("no token type");
const CLAIM_MISSING: RejectionReason = RejectionReason::Other("claim missing");

/// The claim of logout tokens and security events (OpenID Connect Back-Channel Logout 2.4, RFC 8417).
const EVENTS: &str = "events";
/// The claim of tokens that are bound to a key (RFC 7800, RFC 8705, RFC 9449).
const CONFIRMATION: &str = "cnf";
/// How far in the future `iat` may be by default.
const ISSUED_AT_LEEWAY: Duration = Duration::from_secs(60);
/// The maximum leeway of an age, which is measured from `iat`.
const AGE_LEEWAY: Duration = Duration::from_secs(10);
/// The claims of ID tokens that access tokens do not need (OpenID Connect Core 2, 3.1.3.6, 3.3.2.11).
const ID_TOKEN: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// When a token is valid, with the leeway added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    begins: Bound,
    ends: Bound,
}

/// One end of a token's validity, and the reason for rejecting the token beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    at: Timestamp,
    beyond: RejectionReason,
}

impl Validity {
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), RejectionReason> {
        if self.has_ended(now) {
            return Err(self.ends.beyond);
        }
        if now < self.begins.at { Err(self.begins.beyond) } else { Ok(()) }
    }

    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.ends.at
    }
}

impl Validation {
    /// Checks the header's `typ`: kinds of token are mutually exclusive (RFC 8725 section 3.11). A token
    /// without a `typ` is of no particular kind.
    pub(crate) fn check_type(&self, header: &Header<'_>) -> Result<(), RejectionReason> {
        let fits = match &self.profile {
            Profile::Typed(typ) => header.has_type(&[typ]),
            Profile::AccessToken | Profile::Own => header.has_type(&["at+jwt"]),
            Profile::Logout => header.typ.is_none() || header.has_type(&["logout+jwt", "JWT"]),
            Profile::Plain => header.typ.is_none() || header.has_type(&["JWT", "at+jwt", "JOSE"]),
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
        if !self.accepts_issuer(claims.issuer.as_deref()) {
            return Err(if claims.issuer.is_some() { WRONG_ISSUER } else { NO_ISSUER });
        }
        self.check_audience(claims)?;
        self.check_client(claims)?;
        self.check_kind(claims)?;
        if self.bound_tokens == Rule::Reject && claims.has(CONFIRMATION) {
            return Err(NOT_PROVEN);
        }
        // A logout token may name only a session.
        let needs_subject = self.profile != Profile::Logout;
        if needs_subject && claims.subject.as_deref().is_none_or(str::is_empty) {
            return Err(NO_SUBJECT);
        }
        let by_profile = match &self.profile {
            Profile::Plain | Profile::Typed(_) => &[][..],
            Profile::Own => &["aud", "client_id", "iat", "jti"],
            Profile::Logout => &["iss", "aud", "iat", "jti"],
            Profile::AccessToken => &["iss", "aud", "client_id", "iat", "jti"],
        };
        let mut required =
            by_profile.iter().copied().chain(self.required.iter().map(|name| &**name));
        if let Some(claim) = required.find(|name| !claims.has(name)) {
            tracing::debug!(claim, "a required claim is missing");
            return Err(CLAIM_MISSING);
        }
        self.validity(claims)
    }

    /// Checks that an answer of an introspection endpoint is about an access token. A refresh token is active as
    /// well, and must never authenticate a request.
    ///
    /// Only access tokens have a `token_type` (RFC 7662 section 2.2, RFC 6749 section 5.1). Some issuers state the
    /// kind in `token_use`, such as Ory Hydra, or in `typ`, such as Keycloak.
    #[cfg(feature = "introspection")]
    pub(crate) fn check_token_use(
        &self,
        payload: &Payload<'_>,
        may_be_unstated: bool,
    ) -> Result<(), RejectionReason> {
        let mut is_stated = may_be_unstated;
        for name in ["token_type", "token_use", "typ"].into_iter().filter(|it| payload.has(it)) {
            let kind = payload.text(name).map(|kind| kind.to_ascii_lowercase());
            match kind.as_deref() {
                Some("bearer" | "access_token" | "access" | "at+jwt") => is_stated = true,
                Some("dpop") if self.bound_tokens == Rule::Reject => return Err(NOT_PROVEN),
                Some("dpop") => is_stated = true,
                Some("jwt") if name == "typ" => {} // any kind
                _ => return Err(RejectionReason::WrongKind),
            }
        }
        if is_stated { Ok(()) } else { Err(NO_TOKEN_TYPE) }
    }

    /// Returns whether tokens that name this issuer, or none, are accepted.
    pub(crate) fn accepts_issuer(&self, issuer: Option<&str>) -> bool {
        match (&self.issuer, &self.template) {
            (Some(own), _) => issuer == Some(own),
            (None, Some(template)) => issuer.is_some_and(|issuer| template.matches(issuer)),
            (None, None) => true,
        }
    }

    /// Returns the name of the issuer, or the form of the names.
    pub(crate) fn issuer_name(&self) -> Option<&Arc<str>> {
        self.issuer.as_ref().or(self.template.as_ref().map(IssuerTemplate::text))
    }

    /// Returns all claims, if something that is configured reads them.
    pub(crate) fn read_all(
        &self,
        payload: &Payload<'_>,
    ) -> Result<Option<Claims>, RejectionReason> {
        if self.checks.is_empty() && self.required_values.is_empty() && self.roles_of.is_empty() {
            return Ok(None);
        }
        application_claims(payload).map(Some)
    }

    /// Checks the claims that must have certain values.
    pub(crate) fn check_values(&self, all: Option<&Claims>) -> Result<(), RejectionReason> {
        for (claim, values) in &self.required_values {
            let value = all.and_then(|all| all.get(claim)).filter(|value| !value.is_null());
            let Some(value) = value else {
                tracing::debug!(claim, "a required claim is missing");
                return Err(CLAIM_MISSING);
            };
            let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            if !values.iter().any(|wanted| wanted == value || list.contains(wanted)) {
                tracing::debug!(claim, "a required claim has another value");
                return Err(WRONG_VALUE);
            }
        }
        Ok(())
    }

    /// Returns the roles of the application: those that were found in the claims, and those that its functions
    /// return, translated.
    pub(crate) fn roles(&self, mut found: Vec<Box<str>>, all: Option<&Claims>) -> Vec<Box<str>> {
        found.extend(
            all.into_iter().flat_map(|all| self.roles_of.iter().flat_map(move |of| of(all))),
        );
        if self.mapped_roles.is_empty() {
            return found;
        }
        let is_mapped = |theirs: &str| found.iter().any(|role| **role == *theirs);
        let mapped = self.mapped_roles.iter().filter(|(theirs, _)| is_mapped(theirs));
        mapped.map(|(_, ours)| ours.clone()).collect()
    }

    /// Adds the scopes that these grant.
    pub(crate) fn with_implied_scopes(&self, mut scopes: Vec<Box<str>>) -> Vec<Box<str>> {
        if self.implied_scopes.is_empty() {
            return scopes;
        }
        let mut next = 0;
        while let Some(scope) = scopes.get(next).cloned() {
            for (_, other) in self.implied_scopes.iter().filter(|(by, _)| *by == scope) {
                if !scopes.contains(other) {
                    scopes.push(other.clone());
                }
            }
            next += 1;
        }
        scopes
    }

    /// Returns the application's checks for a token with these claims, or `None` if there are none.
    pub(crate) fn application_checks(&self, all: Option<Claims>) -> Option<ApplicationChecks> {
        let claims = all.filter(|_| !self.checks.is_empty())?;
        Some(ApplicationChecks { checks: Arc::clone(&self.checks), claims })
    }

    /// Returns when the user was authenticated, if the token says so and does not name a time in the future.
    pub(crate) fn authenticated_at(
        &self,
        claims: &TokenClaims<'_>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let issued_at = match self.auth_time_source {
            AuthTimeSource::AuthTime => None,
            AuthTimeSource::IssuedAt => claims.issued_at,
        };
        let stated = claims.authenticated_at.or(issued_at);
        stated.filter(|at| at.before(self.leeway) <= now)
    }

    /// Returns whether both the issuer and the audience are given (RFC 9068 section 4).
    pub(crate) fn is_pinned(&self) -> bool {
        self.issuer_name().is_some() && matches!(self.audience, Audience::OneOf(_))
    }

    fn check_audience(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        match (&self.audience, &claims.audience) {
            (Audience::Any, _) | (Audience::Absent, None) => Ok(()),
            (Audience::Absent, Some(_)) => Err(UNEXPECTED_AUDIENCE),
            // The client, which is checked next, takes the place of the audience.
            (Audience::OneOf(_), None) if self.is_for_clients() => Ok(()),
            (Audience::OneOf(_), None) => Err(NO_AUDIENCE),
            (Audience::OneOf(names), Some(audience)) => {
                let ours = |audience: &str| names.iter().any(|name| **name == *audience);
                if audience.iter().any(ours) { Ok(()) } else { Err(WRONG_AUDIENCE) }
            }
        }
    }

    /// Returns whether a token without an audience is accepted because of its client.
    fn is_for_clients(&self) -> bool {
        !self.clients.is_empty() && self.profile != Profile::AccessToken
    }

    fn check_client(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        if self.clients.is_empty() {
            return Ok(());
        }
        let mut named = claims.clients.iter().flatten().peekable();
        named.peek().ok_or(NO_CLIENT)?;
        let is_ours = |client: &str| self.clients.iter().any(|own| **own == *client);
        if named.all(|client| is_ours(client)) { Ok(()) } else { Err(WRONG_CLIENT) }
    }

    /// Checks that the claims are not those of another kind of token. A token of a required type is
    /// identified by its `typ`, so only plain tokens are searched for the claims of ID tokens.
    fn check_kind(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        if self.profile == Profile::Logout {
            // A nonce would make it acceptable as an ID token.
            let is_logout_token = claims.has(EVENTS) && !claims.has("nonce");
            return if is_logout_token { Ok(()) } else { Err(RejectionReason::WrongKind) };
        }
        let plain = self.profile == Profile::Plain && self.id_token_marks == Rule::Reject;
        let id_token = plain && ID_TOKEN.iter().any(|name| claims.has(name));
        if id_token || claims.has(EVENTS) { Err(RejectionReason::WrongKind) } else { Ok(()) }
    }

    fn validity(&self, claims: &TokenClaims<'_>) -> Result<Validity, RejectionReason> {
        // Tokens of our own are issued and verified by one clock, or by those of neighbouring
        // nodes. Leeway at their expiry would only extend them; at their start it allows for the
        // clocks of other nodes.
        let leeway = if self.profile == Profile::Own { Duration::ZERO } else { self.leeway };
        let expires_at = match (claims.expires_at, claims.issued_at) {
            (Some(expires_at), _) => expires_at,
            (None, Some(issued_at)) if self.profile == Profile::Logout => issued_at + LOGOUT_TOKEN,
            _ => return Err(NO_EXPIRY),
        };
        let mut ends = Bound { at: expires_at + leeway, beyond: RejectionReason::Expired };
        let mut ahead = self.issued_at_leeway.unwrap_or(self.leeway.max(ISSUED_AT_LEEWAY));
        if let Some(age) = self.max_age {
            let issued_at = claims.issued_at.ok_or(NO_ISSUE_TIME)?;
            ahead = ahead.min(self.leeway).min(AGE_LEEWAY);
            let too_old_at = issued_at + age + leeway.min(AGE_LEEWAY);
            if too_old_at < ends.at {
                ends = Bound { at: too_old_at, beyond: TOO_OLD };
            }
        }
        let not_before = claims.not_before.unwrap_or(Timestamp::EPOCH).before(self.leeway);
        let mut begins = Bound { at: not_before, beyond: NOT_YET_VALID };
        // A date in the future comes from a wrong clock, or is meant to get around `max_age`.
        let issued_at = claims.issued_at.unwrap_or(Timestamp::EPOCH).before(ahead);
        if issued_at > begins.at {
            begins = Bound { at: issued_at, beyond: FROM_THE_FUTURE };
        }
        Ok(Validity { begins, ends })
    }
}

/// A function of the application that reads roles from the claims.
pub(super) type RolesOf = Arc<dyn Fn(&Claims) -> Vec<Box<str>> + Send + Sync>;

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
