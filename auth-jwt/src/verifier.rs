//! Verifies a token: returns its subject, or the reason why it is rejected.
//!
//! The steps are types: [`Verifier::check_signature`] returns a [`Signed`] token, and only that can
//! become a [`ValidatedToken`], whose claims were checked.

use std::sync::Arc;

#[cfg(feature = "remote-keys")]
use auth_core::Clock;
use auth_core::{
    AuthenticationInfo, Identity, Principal, RejectionReason, Timestamp, TokenIssuers,
};
use serde::de::DeserializeOwned;

use crate::claims::{self, Payload, Texts, TokenClaims, application_claims};
use crate::jws::{self, Compact, Header, KnownHeaders};
use crate::key::ParsedKey;
use crate::keys::Keys;
#[cfg(feature = "remote-keys")]
use crate::keys::{BAD_SIGNATURE, UNKNOWN_KEY, WRONG_ALGORITHM};
#[cfg(feature = "sign-in")]
use crate::own_token::OwnToken;
#[cfg(feature = "remote-keys")]
use crate::remote_keys::{FetchError, RemoteIssuers, RemoteKeys};
use crate::revocation_list::RevocableNames;
use crate::validation::{ApplicationChecks, NO_ISSUER, Validation, Validity};

const UNKNOWN_ISSUER: RejectionReason = RejectionReason::Other("unknown issuer");
const KEY_OF_OTHER_ISSUER: RejectionReason = RejectionReason::Other("key of another issuer");

/// Verifies tokens of one issuer or several.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    /// The first is the application itself if it issues tokens.
    pub(crate) issuers: Vec<Trusted>,
}

/// A trusted issuer.
#[derive(Clone, Debug)]
pub(crate) struct Trusted {
    pub(crate) keys: Keys,
    pub(crate) validation: Validation,
    ownership: Ownership,
    /// Whether the names are kept by which a token can be revoked.
    pub(crate) is_revocable: bool,
    /// Headers whose type was checked by the validation.
    headers: Arc<KnownHeaders>,
}

/// Who issues the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    Foreign,
    #[cfg(feature = "sign-in")]
    Ours,
}

/// The issuer that a token names, before any key is tried.
struct Chosen<'v> {
    trusted: &'v Trusted,
    /// Its name and its keys, if a rule has admitted it.
    member: Option<(Box<str>, Keys)>,
}

impl Chosen<'_> {
    fn keys(&self) -> &Keys {
        self.member.as_ref().map_or(&self.trusted.keys, |(_, keys)| keys)
    }
}

/// A token whose signature is valid: this key of this issuer made it.
pub(crate) struct Signed<'a> {
    trusted: &'a Trusted,
    pub(crate) key: Arc<ParsedKey>,
}

/// A token that was verified, apart from what can change: its time, and what the application checks.
#[derive(Debug)]
pub(crate) struct ValidatedToken<C> {
    pub(crate) subject: TokenSubject<C>,
    pub(crate) key: Arc<ParsedKey>,
    /// The length of the token.
    pub(crate) bytes: usize,
    validity: Validity,
    checks: Option<Box<ApplicationChecks>>,
    pub(crate) names: RevocableNames,
}

/// The subject of a token.
#[derive(Debug)]
pub(crate) enum TokenSubject<C> {
    /// A user of another issuer.
    Foreign(Identity<C>),
    /// A stored sign-in of this application, whose record holds the rest.
    #[cfg(feature = "sign-in")]
    SignIn(OwnToken<C>),
}

/// Returns the identity of another issuer's user, with these claims of the application's.
pub(crate) fn foreign_identity<C>(
    scheme: &'static str,
    claims: &mut TokenClaims<'_>,
    own: C,
    validation: &Validation,
    now: Timestamp,
) -> Identity<C> {
    let mut authentication =
        AuthenticationInfo::new(scheme, validation.authenticated_at(claims, now));
    authentication.expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
    // Another issuer issued it, even if the token names none, so this is no user of the
    // application.
    authentication.issuer = Some(match &validation.issuer {
        Some(issuer) => Arc::clone(issuer), // the token was checked to name it
        None => claims.issuer.as_deref().unwrap_or_default().into(),
    });
    authentication.actor = claims.actor.as_deref().map(Into::into);
    let subject = claims.subject.as_deref().unwrap_or_default();
    let mut principal = Principal::new(subject).claims(own);
    principal.scopes = validation.with_implied_scopes(claims.scopes());
    principal.acr = claims.acr.take().map(Into::into);
    principal.amr = claims.amr.take().map(Texts::into_vec).unwrap_or_default();
    principal.roles = std::mem::take(&mut claims.roles);
    Identity::verified(principal, authentication)
}

impl<C> ValidatedToken<C> {
    #[cfg(test)]
    pub(crate) fn new(
        subject: TokenSubject<C>,
        key: Arc<ParsedKey>,
        validity: Validity,
        bytes: usize,
    ) -> Self {
        let names = RevocableNames::default();
        Self { subject, key, bytes, validity, checks: None, names }
    }

    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.validity.has_ended(now)
    }

    /// Checks that the token is valid at this moment. The application's own checks come last, so
    /// they see valid tokens only.
    pub(crate) fn check_now(&self, now: Timestamp) -> Result<(), RejectionReason> {
        self.validity.check(now)?;
        self.checks.as_ref().map_or(Ok(()), |checks| checks.run())
    }
}

impl Trusted {
    pub(crate) fn new(keys: Keys, validation: Validation) -> Self {
        let (ownership, headers) = (Ownership::Foreign, Arc::default());
        let (own, is_revocable) = (Validation::new(), false);
        let mut trusted = Self { keys, validation: own, ownership, is_revocable, headers };
        trusted.set_policy(validation);
        trusted
    }

    /// Requires the issuer by which the keys were found, unless the validation names another.
    #[cfg(feature = "remote-keys")]
    fn with_issuer_of_keys(&self, mut validation: Validation) -> Validation {
        if validation.issuer_name().is_none() {
            validation.issuer = self.keys.remote().and_then(RemoteKeys::issuer).cloned();
            let template = self.keys.rule().and_then(RemoteIssuers::issuer_template);
            validation.template = template.cloned();
        }
        validation
    }

    /// Returns whether tokens that name this issuer, or none, are accepted.
    fn accepts(&self, issuer: Option<&str>) -> bool {
        let by_rule = || {
            !self.keys.are_by_rule() || issuer.is_some_and(|issuer| self.keys.rule_accepts(issuer))
        };
        self.validation.accepts_issuer(issuer) && by_rule()
    }

    /// Returns whether only tokens of certain issuers are accepted.
    pub(crate) fn is_named(&self) -> bool {
        self.validation.issuer_name().is_some() || self.keys.are_by_rule()
    }

    /// Makes the application itself the issuer: its tokens are access tokens of stored sign-ins.
    #[cfg(feature = "sign-in")]
    pub(crate) fn becomes_ours(&mut self) {
        self.ownership = Ownership::Ours;
        self.set_policy(self.validation.clone());
    }

    /// Replaces the validation. Tokens that we issue are always access tokens with an audience. Keys that
    /// were found by the name of their issuer are for its tokens only.
    pub(crate) fn set_policy(&mut self, validation: Validation) {
        #[cfg(feature = "remote-keys")]
        let validation = self.with_issuer_of_keys(validation);
        self.validation = match self.ownership {
            Ownership::Foreign => validation,
            #[cfg(feature = "sign-in")]
            Ownership::Ours => validation.issued_here(),
        };
        self.headers = Arc::default();
    }
}

impl Verifier {
    /// Returns whether all keys are shared secrets, whose signatures cost no more to check than a
    /// token's digest costs to compute.
    pub(crate) fn only_shares_secrets(&self) -> bool {
        self.issuers.iter().all(|trusted| trusted.keys.are_secrets())
    }

    /// Verifies the type and the signature of a token, and nothing else.
    pub(crate) fn check_signature(
        &self,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<Signed<'_>, RejectionReason> {
        let chosen = self.choose(token)?;
        let (trusted, keys) = (chosen.trusted, chosen.keys());
        let key = match trusted.headers.find(token.header) {
            Some(header) => keys.verify(header, token, now)?,
            None => {
                let mut buffer = jws::Buffer::new();
                let header = Header::read(buffer.decode(token.header)?)?;
                trusted.validation.check_type(&header)?;
                let key = keys.verify(&header, token, now)?;
                trusted.headers.insert(token.header, header);
                key
            }
        };
        if let Some((issuer, _)) = &chosen.member {
            trusted.keys.verified_by_member(issuer, now);
        }
        Ok(Signed { trusted, key })
    }

    /// Returns a number that changes whenever keys that are fetched are replaced.
    pub(crate) fn generation(&self) -> u64 {
        let generations = self.issuers.iter().map(|trusted| trusted.keys.generation());
        generations.fold(0, u64::wrapping_add)
    }

    /// Returns whether other keys could verify a token that was rejected for this reason.
    #[cfg(feature = "remote-keys")]
    pub(crate) fn is_about_keys(reason: RejectionReason) -> bool {
        [UNKNOWN_KEY, WRONG_ALGORITHM, BAD_SIGNATURE, UNKNOWN_ISSUER].contains(&reason)
    }

    /// Returns the keys to fetch for a token that the present ones did not verify. A token that names
    /// another issuer than theirs would be rejected anyway.
    ///
    /// # Errors
    ///
    /// Returns an error if a rule cannot admit the issuer now.
    #[cfg(feature = "remote-keys")]
    pub(crate) fn keys_to_fetch(
        &self,
        token: &Compact<'_>,
        now: Timestamp,
        clock: &Clock,
    ) -> Result<Option<RemoteKeys>, FetchError> {
        let mut buffer = jws::Buffer::new();
        let issuer = buffer.decode(token.payload).and_then(claims::unverified_issuer);
        let Ok(issuer) = issuer else { return Ok(None) };
        let Ok(chosen) = self.choose(token) else {
            let admits = |it: &&Trusted| it.validation.accepts_issuer(issuer.as_deref());
            let mut rules = self.issuers.iter().filter(admits).filter_map(|it| it.keys.rule());
            let admitted = rules.find_map(|rule| rule.admit(issuer.as_deref()?, clock).transpose());
            return admitted.transpose();
        };
        let mut buffer = jws::Buffer::new();
        let header = buffer.decode(token.header).and_then(Header::read);
        let lacks = |header: Header<'_>| chosen.keys().may_lack_key_of(&header, now);
        if !chosen.trusted.validation.accepts_issuer(issuer.as_deref()) || !header.is_ok_and(lacks)
        {
            return Ok(None);
        }
        Ok(chosen.keys().remote().cloned())
    }

    /// Returns the issuer that the token names, before any key is tried.
    fn choose(&self, token: &Compact<'_>) -> Result<Chosen<'_>, RejectionReason> {
        if let [trusted] = &self.issuers[..]
            && !trusted.keys.are_by_rule()
        {
            return Ok(Chosen { trusted, member: None });
        }
        let mut buffer = jws::Buffer::new();
        let issuer = claims::unverified_issuer(buffer.decode(token.payload)?)?;
        let issuer = issuer.as_deref();
        let by_name =
            |it: &&Trusted| !it.keys.are_by_rule() && it.validation.issuer.as_deref() == issuer;
        let by_form = |it: &&Trusted| {
            !it.keys.are_by_rule()
                && it.validation.template.is_some()
                && it.validation.accepts_issuer(issuer)
        };
        let known = self.issuers.iter().find(|it| by_name(it) && it.validation.template.is_none());
        if let Some(trusted) = known.or_else(|| self.issuers.iter().find(by_form)) {
            return Ok(Chosen { trusted, member: None });
        }
        let issuer = issuer.ok_or(NO_ISSUER)?;
        let admitted = |trusted: &'_ Trusted| {
            let is_accepted = trusted.validation.accepts_issuer(Some(issuer));
            trusted.keys.of_member(issuer).filter(|_| is_accepted)
        };
        let found = self.issuers.iter().find_map(|trusted| {
            let keys = admitted(trusted)?;
            Some(Chosen { trusted, member: Some((issuer.into(), keys)) })
        });
        found.ok_or(UNKNOWN_ISSUER)
    }

    /// Returns the name of the issuer whose validation rejected the token, or the template of its name. The
    /// result is empty if there is no such issuer.
    pub(crate) fn name_of_issuer(&self, token: &Compact<'_>) -> Arc<str> {
        let chosen = self.choose(token).ok().filter(|_| !self.is_of_another_issuer(token));
        chosen.and_then(|it| it.trusted.validation.issuer_name().cloned()).unwrap_or_default()
    }

    /// Returns whether the token names an issuer that is not trusted here, so that another backend may
    /// trust it. The claim is not verified: it must not be used for more than choosing a backend.
    pub(crate) fn is_of_another_issuer(&self, token: &Compact<'_>) -> bool {
        let mut buffer = jws::Buffer::new();
        let issuer = buffer.decode(token.payload).and_then(claims::unverified_issuer);
        let is_of = |issuer: Option<&str>| {
            self.issuers.iter().any(|it| !it.is_named() || it.accepts(issuer))
        };
        issuer.is_ok_and(|issuer| !is_of(issuer.as_deref()))
    }

    /// Returns the issuers whose tokens are accepted.
    pub(crate) fn issuers(&self) -> TokenIssuers {
        if !self.issuers.iter().all(Trusted::is_named) {
            return TokenIssuers::Any;
        }
        let names = self.issuers.iter().filter_map(|trusted| trusted.validation.issuer_name());
        TokenIssuers::Only(names.cloned().collect())
    }
}

impl Signed<'_> {
    /// Reads and validates the claims, apart from what can change.
    pub(crate) fn validate<C>(
        self,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<ValidatedToken<C>, RejectionReason>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let mut buffer = jws::Buffer::new();
        let payload = buffer.decode(token.payload)?;
        self.trusted.validate(payload, self.key, token.whole.len(), now)
    }
}

impl Trusted {
    /// Validates the claims of a token that this key signed.
    fn validate<C>(
        &self,
        json: &str,
        key: Arc<ParsedKey>,
        bytes: usize,
        now: Timestamp,
    ) -> Result<ValidatedToken<C>, RejectionReason>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let Self { validation, ownership, .. } = self;
        let payload = Payload::read(json)?;
        let all = validation.read_all(&payload)?;
        let mut names = RevocableNames::default();
        let (validity, subject) = match ownership {
            #[cfg(feature = "sign-in")]
            Ownership::Ours => {
                // The roles and the application's claims are those of the record.
                let claims = TokenClaims::read(&payload, &claims::ClaimsLayout::default())?;
                (validation.check_claims(&claims)?, TokenSubject::SignIn(OwnToken::of(&claims)?))
            }
            Ownership::Foreign => {
                let mut claims = TokenClaims::read(&payload, &validation.layout)?;
                let validity = validation.check_claims(&claims)?;
                check_issuer_of(&key, claims.issuer.as_deref(), &payload)?;
                claims.roles = validation.roles(claims.roles, all.as_ref());
                let own = application_claims(&payload)?;
                if self.is_revocable {
                    names = RevocableNames::of(&claims);
                }
                let identity = foreign_identity("jwt", &mut claims, own, validation, now);
                (validity, TokenSubject::Foreign(identity))
            }
        };
        validation.check_values(all.as_ref())?;
        let checks = validation.application_checks(all).map(Box::new);
        Ok(ValidatedToken { subject, key, bytes, validity, checks, names })
    }
}

/// Checks that the key is one for tokens of this issuer, if it names its issuers.
fn check_issuer_of(
    key: &ParsedKey,
    issuer: Option<&str>,
    payload: &Payload<'_>,
) -> Result<(), RejectionReason> {
    let is_of = |own: &str| match own.split_once("{tenantid}") {
        None => issuer == Some(own),
        Some((before, after)) => {
            payload.text("tid").is_some_and(|tid| issuer == Some(&format!("{before}{tid}{after}")))
        }
    };
    if key.issuers.is_empty() || key.issuers.iter().any(|own| is_of(own)) {
        return Ok(());
    }
    Err(KEY_OF_OTHER_ISSUER)
}

#[cfg(test)]
mod tests {
    use auth_core::{Outcome, RejectionReason};
    use serde_json::json;

    use crate::{JwtAuth, Key, Validation};

    #[test]
    fn sec_52_a_known_header_is_checked_again_by_another_policy() {
        let key = Key::hs256([7; 32]).unwrap();
        let token = key.sign("JWT", &json!({ "sub": "alice", "exp": 9_000_000_000_u64 })).unwrap();
        let verify = |auth: &JwtAuth<_, _>| auth.verify(token.as_bytes()).into_ready().ok();
        let auth = JwtAuth::new(key);
        for _ in 0..2 {
            assert!(matches!(verify(&auth), Some(Outcome::Authenticated(_))));
        }
        let strict = auth.clone().validation(Validation::new().typ("link+jwt"));
        for _ in 0..2 {
            let Some(Outcome::Rejected(rejection)) = verify(&strict) else {
                panic!("the token is accepted")
            };
            assert_eq!(rejection.reason, RejectionReason::WrongKind);
        }
        assert!(matches!(verify(&auth), Some(Outcome::Authenticated(_))));
    }
}
