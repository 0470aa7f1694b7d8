//! Verifies a token: returns its subject, or the reason why it is rejected.
//!
//! The steps are types: [`Verifier::check_signature`] returns a [`Signed`] token, and only that can
//! become a [`ValidatedToken`], whose claims were checked.

use std::borrow::Cow;
use std::sync::Arc;

use auth_core::{
    AuthenticationInfo, Identity, Principal, RejectionReason, Timestamp, TokenIssuers,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::{self, Texts, TokenClaims, application_claims};
use crate::jws::{self, Compact, Header, KnownHeaders};
use crate::key::ParsedKey;
use crate::keys::Keys;
#[cfg(feature = "remote-keys")]
use crate::keys::{BAD_SIGNATURE, UNKNOWN_KEY, WRONG_ALGORITHM};
#[cfg(feature = "sign-in")]
use crate::own_token::OwnToken;
#[cfg(feature = "remote-keys")]
use crate::remote_keys::RemoteKeys;
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

impl<C> TokenSubject<C> {
    /// Returns the identity of another issuer's user, with these claims of the application's.
    fn foreign(claims: TokenClaims<'_>, own: C, validation: &Validation, now: Timestamp) -> Self {
        let mut authentication =
            AuthenticationInfo::new("jwt", validation.authenticated_at(&claims, now));
        authentication.expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
        // Another issuer signed it, even if the token names none, so this is no user of the
        // application.
        authentication.issuer = Some(match &validation.issuer {
            Some(issuer) => Arc::clone(issuer), // the token was checked to name it
            None => claims.issuer.as_deref().unwrap_or_default().into(),
        });
        let subject = claims.subject.as_deref().unwrap_or_default();
        let mut principal = Principal::new(subject).claims(own);
        principal.scopes = claims.scopes();
        principal.acr = claims.acr.map(Into::into);
        principal.amr = claims.amr.map(Texts::into_vec).unwrap_or_default();
        principal.roles = claims.roles;
        Self::Foreign(Identity::verified(principal, authentication))
    }
}

impl<C> ValidatedToken<C> {
    #[cfg(test)]
    pub(crate) fn new(
        subject: TokenSubject<C>,
        key: Arc<ParsedKey>,
        validity: Validity,
        bytes: usize,
    ) -> Self {
        Self { subject, key, bytes, validity, checks: None }
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
        let mut trusted = Self { keys, validation: Validation::new(), ownership, headers };
        trusted.set_policy(validation);
        trusted
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
        let validation = match self.keys.remote().and_then(RemoteKeys::issuer) {
            Some(issuer) if validation.issuer.is_none() => validation.issuer(Arc::clone(issuer)),
            _ => validation,
        };
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
        let trusted = self.choose(token)?;
        let key = match trusted.headers.find(token.header) {
            Some(header) => trusted.keys.verify(header, token, now)?,
            None => {
                let mut buffer = jws::Buffer::new();
                let header = Header::read(buffer.decode(token.header)?)?;
                trusted.validation.check_type(&header)?;
                let key = trusted.keys.verify(&header, token, now)?;
                trusted.headers.insert(token.header, header);
                key
            }
        };
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
        [UNKNOWN_KEY, WRONG_ALGORITHM, BAD_SIGNATURE].contains(&reason)
    }

    /// Returns the keys to fetch for a token that the present ones did not verify. A token that names
    /// another issuer than theirs would be rejected anyway.
    #[cfg(feature = "remote-keys")]
    pub(crate) fn keys_to_fetch(&self, token: &Compact<'_>, now: Timestamp) -> Option<&RemoteKeys> {
        let trusted = self.choose(token).ok()?;
        let remote = trusted.keys.remote()?;
        let mut buffer = jws::Buffer::new();
        let issuer = claims::unverified_issuer(buffer.decode(token.payload).ok()?).ok()?;
        if trusted.validation.issuer.is_some()
            && trusted.validation.issuer.as_deref() != issuer.as_deref()
        {
            return None;
        }
        let mut buffer = jws::Buffer::new();
        let header = Header::read(buffer.decode(token.header).ok()?).ok()?;
        trusted.keys.may_lack_key_of(&header, now).then_some(remote)
    }

    /// Returns the issuer that the token names, before any key is tried.
    fn choose(&self, token: &Compact<'_>) -> Result<&Trusted, RejectionReason> {
        if let [only] = &self.issuers[..] {
            return Ok(only);
        }
        let mut buffer = jws::Buffer::new();
        let issuer = claims::unverified_issuer(buffer.decode(token.payload)?)?;
        let named = |trusted: &&Trusted| trusted.validation.issuer.as_deref() == issuer.as_deref();
        let reason = if issuer.is_some() { UNKNOWN_ISSUER } else { NO_ISSUER };
        self.issuers.iter().find(named).ok_or(reason)
    }

    /// Returns the issuer whose validation the token was rejected by, or an empty name if there is none.
    pub(crate) fn name_of_issuer(&self, token: &Compact<'_>) -> Arc<str> {
        let trusted = self.choose(token).ok().filter(|_| !self.is_of_another_issuer(token));
        trusted.and_then(|trusted| trusted.validation.issuer.clone()).unwrap_or_default()
    }

    /// Returns whether the token names an issuer that is not trusted here, so that another backend may
    /// trust it. The claim is not verified: it must not be used for more than choosing a backend.
    pub(crate) fn is_of_another_issuer(&self, token: &Compact<'_>) -> bool {
        let mut buffer = jws::Buffer::new();
        let issuer = buffer.decode(token.payload).and_then(claims::unverified_issuer);
        issuer.is_ok_and(|issuer| {
            self.issuers.iter().all(|trusted| {
                let own = trusted.validation.issuer.as_deref();
                own.is_some() && own != issuer.as_deref()
            })
        })
    }

    /// Returns the issuers whose tokens are accepted.
    pub(crate) fn issuers(&self) -> TokenIssuers {
        let names = self.issuers.iter().map(|trusted| trusted.validation.issuer.clone());
        names.collect::<Option<_>>().map_or(TokenIssuers::Any, TokenIssuers::Only)
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
        let (validity, subject) = match ownership {
            #[cfg(feature = "sign-in")]
            Ownership::Ours => {
                // The roles and the application's claims are those of the record.
                let claims = TokenClaims::read(json, &claims::RolesSource::default())?;
                (validation.check_claims(&claims)?, TokenSubject::SignIn(OwnToken::of(&claims)?))
            }
            Ownership::Foreign => {
                let claims = TokenClaims::read(json, &validation.roles)?;
                let validity = validation.check_claims(&claims)?;
                check_issuer_of(&key, claims.issuer.as_deref(), json)?;
                let own = application_claims(json)?;
                (validity, TokenSubject::foreign(claims, own, validation, now))
            }
        };
        let checks = validation.application_checks(json)?.map(Box::new);
        Ok(ValidatedToken { subject, key, bytes, validity, checks })
    }
}

/// Checks that the key is one for tokens of this issuer, if it names its issuers.
fn check_issuer_of(
    key: &ParsedKey,
    issuer: Option<&str>,
    json: &str,
) -> Result<(), RejectionReason> {
    #[derive(Deserialize)]
    struct Tenant<'a> {
        #[serde(borrow)]
        tid: Cow<'a, str>,
    }
    let is_of = |own: &str| match own.split_once("{tenantid}") {
        None => issuer == Some(own),
        Some((before, after)) => serde_json::from_str(json)
            .is_ok_and(|Tenant { tid }| issuer == Some(&format!("{before}{tid}{after}"))),
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
