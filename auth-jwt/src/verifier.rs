//! From a token to what it says, or why it is refused.

use std::sync::Arc;

use auth_core::{RejectionReason, Timestamp};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::claims::{self, TokenClaims};
use crate::jws::{self, Compact, Header, KnownHeaders};
use crate::key::ParsedKey;
use crate::keys::Keys;
use crate::proven::{OwnToken, TokenSubject};
use crate::validation::{Checks, Validation, Validity};

const UNKNOWN_ISSUER: RejectionReason = RejectionReason::Other("unknown issuer");

/// Verifies tokens of one issuer or several.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    /// The first is the one that this application is, if it is one.
    pub(crate) issuers: Vec<Trusted>,
}

/// An issuer whose tokens are believed.
#[derive(Clone, Debug)]
pub(crate) struct Trusted {
    pub(crate) keys: Keys,
    pub(crate) policy: Validation,
    standing: Ownership,
    /// Of tokens of the types that the policy takes.
    headers: Arc<KnownHeaders>,
}

/// Whether the tokens belong to sign-ins in our store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    Foreign,
    #[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
    Ours,
}

/// A token whose signature is good: this key of this issuer made it.
pub(crate) struct Signed<'a> {
    trusted: &'a Trusted,
    pub(crate) key: Arc<ParsedKey>,
}

/// A token that was verified, but for what changes: its time, and what the application checks.
#[derive(Debug)]
pub(crate) struct ValidatedToken<C> {
    pub(crate) proven: TokenSubject<C>,
    pub(crate) key: Arc<ParsedKey>,
    validity: Validity,
    checks: Option<Box<Checks>>,
}

impl<C> ValidatedToken<C> {
    #[cfg(test)]
    pub(crate) fn new(proven: TokenSubject<C>, key: Arc<ParsedKey>, validity: Validity) -> Self {
        Self { proven, key, validity, checks: None }
    }

    /// Whether it is good at this moment. The application sees good tokens only.
    pub(crate) fn judge(&self, now: Timestamp) -> Result<(), RejectionReason> {
        self.validity.check(now)?;
        self.checks.as_ref().map_or(Ok(()), |checks| checks.run())
    }
}

impl Trusted {
    pub(crate) fn new(keys: Keys, policy: Validation) -> Self {
        Self { keys, policy, standing: Ownership::Foreign, headers: Arc::default() }
    }

    /// From now on its tokens are access tokens of our sign-ins.
    #[cfg(feature = "sign-in")]
    pub(crate) fn becomes_ours(&mut self) {
        self.standing = Ownership::Ours;
        self.set_policy(self.policy.clone());
    }

    /// Replaces what its tokens have to say. What we issue ourselves is always an access token, and
    /// for somebody.
    pub(crate) fn set_policy(&mut self, policy: Validation) {
        self.policy = match self.standing {
            Ownership::Foreign => policy,
            Ownership::Ours => policy.issued_here(),
        };
        self.headers = Arc::default();
    }
}

impl Verifier {
    /// Whether all signatures are of secrets, which cost no more to check than a token's digest.
    pub(crate) fn only_shares_secrets(&self) -> bool {
        self.issuers.iter().all(|trusted| trusted.keys.are_secrets())
    }

    /// Verifies the signature of a token, and nothing else.
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
                trusted.policy.check_type(&header)?;
                let key = trusted.keys.verify(&header, token, now)?;
                trusted.headers.insert(token.header, header);
                key
            }
        };
        Ok(Signed { trusted, key })
    }

    /// The issuer that the token names, before any key is tried.
    fn choose(&self, token: &Compact<'_>) -> Result<&Trusted, RejectionReason> {
        if let [only] = &self.issuers[..] {
            return Ok(only);
        }
        let mut buffer = jws::Buffer::new();
        let issuer = claims::unverified_issuer(buffer.decode(token.payload)?)?;
        let named = |trusted: &&Trusted| trusted.policy.issuer.as_deref() == issuer.as_deref();
        self.issuers.iter().find(named).ok_or(UNKNOWN_ISSUER)
    }
}

impl Signed<'_> {
    /// Reads what the token says, and verifies it but for what changes.
    pub(crate) fn check<C>(self, token: &Compact<'_>) -> Result<ValidatedToken<C>, RejectionReason>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let mut buffer = jws::Buffer::new();
        self.trusted.claims(buffer.decode(token.payload)?, self.key)
    }
}

impl Trusted {
    /// What the claims of a token prove whose signature is this key's.
    fn claims<C>(
        &self,
        json: &str,
        key: Arc<ParsedKey>,
    ) -> Result<ValidatedToken<C>, RejectionReason>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let Self { policy, standing, .. } = self;
        let mut claims = TokenClaims::default();
        let (validity, proven) = match standing {
            Ownership::Ours => {
                claims.read::<IgnoredAny>(json, &[])?; // roles are the record's
                (policy.check_claims(&claims)?, TokenSubject::SignIn(OwnToken::of(&claims)?))
            }
            Ownership::Foreign => {
                let own = claims.read(json, &policy.roles_pointer)?;
                let validity = policy.check_claims(&claims)?;
                (validity, TokenSubject::somebody(&mut claims, own, policy))
            }
        };
        let checks = policy.application_checks(json)?.map(Box::new);
        Ok(ValidatedToken { proven, key, validity, checks })
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{Outcome, RejectionReason};
    use serde_json::json;

    use crate::{JwtAuth, Key, Validation};

    #[test]
    fn sec_52_a_header_that_came_before_is_judged_anew_by_another_policy() {
        let key = Key::hs256([7; 32]).unwrap();
        let token = key.sign("JWT", &json!({ "sub": "alice", "exp": 9_000_000_000_u64 })).unwrap();
        let verify = |auth: &JwtAuth<_, _>| auth.verify(token.as_bytes()).into_ready().ok();
        let auth = JwtAuth::new(key);
        for _ in 0..2 {
            assert!(matches!(verify(&auth), Some(Outcome::Authenticated(_))));
        }
        let strict = auth.clone().policy(Validation::new().typ("link+jwt"));
        for _ in 0..2 {
            let Some(Outcome::Rejected(rejection)) = verify(&strict) else { panic!("it passes") };
            assert_eq!(rejection.reason, RejectionReason::WrongKind);
        }
        assert!(matches!(verify(&auth), Some(Outcome::Authenticated(_))));
    }
}
