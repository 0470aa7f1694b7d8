//! From a token to what it says, or why it is refused.

use std::sync::Arc;

use auth_core::{Claims, Facts, Identity, Principal, Reason, SignInId, Timestamp};
use serde::de::DeserializeOwned;

use crate::claims::{self, TokenClaims};
use crate::jws::{self, Compact, Header};
use crate::key::Held;
use crate::keys::Keys;
use crate::policy::{Policy, Validity};

/// What is read of a family's digest: enough to tell one from the next.
pub(crate) const FAMILY_BYTES: usize = 8;

const UNKNOWN_ISSUER: Reason = Reason::Other("unknown issuer");
const UNREADABLE: Reason = Reason::Other("claims of another shape");

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
    pub(crate) policy: Policy,
    pub(crate) standing: Standing,
}

/// Whether the tokens belong to sign-ins in our store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Foreign,
    #[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
    Ours,
}

/// A token that was verified.
pub(crate) struct Checked<C> {
    pub(crate) proven: Proven<C>,
    pub(crate) key: Arc<Held>,
    pub(crate) validity: Validity,
}

/// What a token proves.
#[derive(Debug)]
pub enum Proven<C> {
    /// Somebody, by the word of the issuer.
    Somebody(Identity<C>),
    /// A sign-in of ours, whose record says the rest.
    SignIn(Arc<OwnToken>),
}

impl<C> Clone for Proven<C> {
    fn clone(&self) -> Self {
        match self {
            Self::Somebody(identity) => Self::Somebody(identity.clone()),
            Self::SignIn(token) => Self::SignIn(Arc::clone(token)),
        }
    }
}

/// What a token of ours says beside its sign-in's record.
#[derive(Debug)]
#[cfg_attr(not(feature = "sign-in"), expect(dead_code))]
pub struct OwnToken {
    pub(crate) sid: SignInId,
    pub(crate) family: [u8; FAMILY_BYTES],
    pub(crate) scopes: Vec<Box<str>>,
    pub(crate) expires_at: Timestamp,
}

impl Trusted {
    /// Replaces what its tokens have to say. What we issue ourselves is always an access token, and
    /// for somebody.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = match self.standing {
            Standing::Foreign => policy,
            Standing::Ours => policy.issued_here(),
        };
    }
}

impl Verifier {
    /// Whether the checks cost more than remembering them.
    pub(crate) fn is_worth_remembering(&self) -> bool {
        self.issuers.iter().any(|trusted| trusted.keys.are_worth_remembering())
    }

    /// Verifies a token but for its time: signature before claims.
    pub(crate) fn check<C>(&self, token: &[u8], now: Timestamp) -> Result<Checked<C>, Reason>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let token = Compact::split(token)?;
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        let header = Header::read(jws::decode(token.header, &mut header)?)?;
        let trusted = self.choose(&token)?;
        trusted.policy.judge_type(&header)?;
        let key = trusted.keys.verify(&header, &token, now)?;
        let payload = jws::decode(token.payload, &mut payload)?;
        let claims = TokenClaims::read(payload, &trusted.policy.roles_at)?;
        let validity = trusted.policy.judge(&claims)?;
        let proven = match trusted.standing {
            Standing::Ours => Proven::SignIn(Arc::new(own(&claims)?)),
            Standing::Foreign => Proven::Somebody(somebody(&claims, payload)?),
        };
        trusted.policy.run_checks(payload)?;
        Ok(Checked { proven, key, validity })
    }

    /// The issuer that the token names, before any key is tried.
    fn choose(&self, token: &Compact<'_>) -> Result<&Trusted, Reason> {
        if let [only] = &self.issuers[..] {
            return Ok(only);
        }
        let mut buffer = Vec::new();
        let issuer = claims::issuer_of(jws::decode(token.payload, &mut buffer)?)?;
        let named = |trusted: &&Trusted| trusted.policy.issuer.as_deref() == issuer.as_deref();
        self.issuers.iter().find(named).ok_or(UNKNOWN_ISSUER)
    }
}

impl Policy {
    fn run_checks(&self, payload: &str) -> Result<(), Reason> {
        if self.checks.is_empty() {
            return Ok(());
        }
        let claims: Claims = serde_json::from_str(payload).map_err(|_| Reason::Malformed)?;
        self.checks.iter().try_for_each(|check| check(&claims)).map_err(Reason::Other)
    }
}

fn somebody<C>(claims: &TokenClaims<'_>, payload: &str) -> Result<Identity<C>, Reason>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let own = serde_json::from_str(payload).map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a token's claims are not the layer's"
        );
        UNREADABLE
    })?;
    let mut principal = Principal::new(claims.subject.as_deref().unwrap_or_default()).claims(own);
    principal.roles = claims.roles.iter().map(Into::into).collect();
    principal.scopes = claims.scopes().map(Into::into).collect();
    principal.acr = claims.acr.as_deref().map(Into::into);
    principal.amr = claims.amr.iter().map(Into::into).collect();
    let authenticated_at = claims.authenticated_at.or(claims.issued_at);
    let mut facts = Facts::new("jwt", authenticated_at.unwrap_or(Timestamp::EPOCH));
    // Somebody else vouches, also where the token does not say who: it is no user of our own.
    facts.issuer = Some(claims.issuer.as_deref().unwrap_or_default().into());
    facts.expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
    Ok(Identity::verified(principal, facts))
}

/// Every token of ours belongs to a sign-in.
fn own(claims: &TokenClaims<'_>) -> Result<OwnToken, Reason> {
    let sid = claims.sid.as_deref().and_then(|sid| sid.parse().ok());
    let family = claims.family.as_deref().and_then(family_of);
    let (Some(sid), Some(family)) = (sid, family) else { return Err(Reason::WrongKind) };
    let scopes = claims.scopes().map(Into::into).collect();
    let expires_at = claims.expires_at.unwrap_or(Timestamp::EPOCH);
    Ok(OwnToken { sid, family, scopes, expires_at })
}

fn family_of(text: &str) -> Option<[u8; FAMILY_BYTES]> {
    let mut family = [0; FAMILY_BYTES + 1];
    if text.len() > FAMILY_BYTES / 3 * 4 + 3 {
        return None;
    }
    let out = base64_simd::Out::from_slice(&mut family);
    let decoded = base64_simd::URL_SAFE_NO_PAD.decode(text.as_bytes(), out).ok()?;
    (&*decoded).try_into().ok()
}
