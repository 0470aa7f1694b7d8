//! One stored sign-in, and the identity that it proves.
//!
//! Every request with a session reads a record, so the last-seen time is atomic, and the identity is
//! decoded once per loaded record.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::{
    AuthenticationInfo, Identity, Lifetime, Persistence, Principal, ProviderSession, SignInId,
    SignInInfo, Timestamp, Verified,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::rotation::Rotation;
use crate::data::SessionData;
use crate::lifetime::{Deadlines, Expiry};
use crate::secret::{Digest, FamilyDigest, Nonce, Secret, SecretDigests, SecretKind};

/// What a text in a list takes besides its bytes: a `Box<str>`, and up to a block of the allocator.
const PER_TEXT: usize = size_of::<Box<str>>() + 32;

/// One stored sign-in: who signed in, what proves it, how long it lasts, and what the application
/// keeps with it.
///
/// `Debug` shows no digests, claims or data.
pub struct Record {
    /// A `Verified<C>`, once it has been decoded.
    pub(crate) identity: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// The digest of the verifier in the current [secret](crate::Secret).
    pub current: Digest,
    /// The public id, which is also the key in the store.
    pub id: SignInId,
    last_seen: AtomicU64,
    /// When the sign-in expires.
    pub deadlines: Deadlines,
    /// The number of changes since the sign-in was created, not counting those of the last-seen time.
    /// Set by the store.
    pub version: u64,
    /// The digest of the [secret](crate::Secret)'s family.
    pub family: FamilyDigest,
    /// The kind of the secret.
    pub kind: SecretKind,
    /// Whether the cookie outlives the browser session.
    pub persistence: Persistence,
    /// The subject, or `None` for an anonymous session. Never changes.
    pub subject: Option<Arc<str>>,
    pub(crate) principal: Box<[u8]>,
    /// The application's data.
    pub data: SessionData,
    /// When the sign-in was created.
    pub created_at: Timestamp,
    /// When the user was last authenticated.
    pub authenticated_at: Timestamp,
    /// Details that few sign-ins have, or few requests read.
    pub details: Option<Box<SignInDetails>>,
}

/// The key of the data by which a record is only a marker. Applications cannot use it.
const REPLACED: &str = "\u{1}replaced";

/// Returns the hash from which the id of the marker is derived that the cookie of this sign-in was replaced.
pub(crate) fn marker_hash(id: &SignInId) -> [u8; 16] {
    let hash = Sha256::new_with_prefix(b"auth/replaced").chain_update(id.as_bytes()).finalize();
    std::array::from_fn(|i| hash[i])
}

/// How a secret relates to one record; see [`Record::match_secret`].
///
/// [`SecretLookup`](crate::SecretLookup) is the same answer about a whole store: it contains the record,
/// and does not distinguish a forged secret from a sign-in that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMatch {
    /// It is the current secret.
    Current,
    /// It was replaced by a refresh a moment ago, and the current secret was never used. Refreshing
    /// with it again yields the current secret, which is derived with this nonce.
    Rotated(Nonce),
    /// It was the secret of this sign-in once and has been replaced. It may have been stolen.
    Reused,
    /// It never belonged to this sign-in: it is forged, or of another kind.
    Unknown,
}

impl Record {
    /// Creates the record of a sign-in that begins at `now`.
    ///
    /// Version, principal, data and details are empty; set the public fields as needed.
    #[must_use]
    pub fn new(
        id: SignInId,
        kind: SecretKind,
        digests: SecretDigests,
        subject: Option<Arc<str>>,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Self {
        Self {
            last_seen: AtomicU64::new(now.as_millis()),
            deadlines,
            identity: OnceLock::new(),
            id,
            current: digests.current,
            family: digests.family,
            kind,
            persistence: Persistence::Session,
            subject,
            principal: Box::default(),
            data: SessionData::new(),
            created_at: now,
            authenticated_at: now,
            version: 0,
            details: None,
        }
    }

    /// Returns roles and claims, [encoded](crate::encode). Empty for an anonymous session.
    #[must_use]
    pub fn principal(&self) -> &[u8] {
        &self.principal
    }

    /// Replaces roles and claims.
    pub fn set_principal(&mut self, principal: impl Into<Box<[u8]>>) {
        self.principal = principal.into();
        self.identity = OnceLock::new();
    }

    /// Returns when the sign-in was last used, as far as it was recorded.
    #[must_use]
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Sets the last-seen time, if it is later than the one before.
    pub fn touch(&mut self, at: Timestamp) {
        self.touch_shared(at);
    }

    /// Records a use in a record that requests read meanwhile.
    pub(crate) fn touch_shared(&self, at: Timestamp) {
        self.last_seen.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Returns whether a second factor is still to be verified: the record proves no identity.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.kind.is_pending()
    }

    /// Returns the user who acts for the subject in this sign-in, or `None` if the subject acts alone.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.details.as_deref()?.actor.as_deref()
    }

    /// Returns which deadline the sign-in has reached, or `None` if it is active.
    #[must_use]
    pub fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        self.deadlines.expiry(self.last_seen(), now)
    }

    /// Compares `secret`, used as one of `kind`, with this record. Digests are compared in constant
    /// time.
    #[must_use]
    pub fn match_secret(&self, secret: &Secret, kind: SecretKind, now: Timestamp) -> SecretMatch {
        let digest = secret.digest(kind);
        if digest == self.current {
            return SecretMatch::Current;
        }
        if secret.family_digest(kind) != self.family {
            return SecretMatch::Unknown;
        }
        match self.grace().filter(|grace| grace.previous == digest) {
            Some(grace) if now < grace.repeatable_until() && grace.nonce != Nonce::NONE => {
                SecretMatch::Rotated(grace.nonce)
            }
            _ => SecretMatch::Reused,
        }
    }

    /// Returns whether a secret with this digest was replaced by a refresh so recently that requests
    /// with it may still be on their way.
    #[must_use]
    pub fn in_grace(&self, digest: &Digest, now: Timestamp) -> bool {
        self.grace().is_some_and(|grace| now < grace.until && grace.previous == *digest)
    }

    /// Returns the rotation that records the first use of the current secret since a refresh that could still
    /// be repeated. The use ends that: the nonce goes, and the secret stays. A refresh token is used by
    /// refreshing it, which replaces the grace anyway.
    #[must_use]
    pub(crate) fn first_use(&self, now: Timestamp) -> Option<Rotation> {
        let grace = *self.grace()?;
        let repeatable = now < grace.repeatable_until() && grace.nonce != Nonce::NONE;
        (repeatable && self.kind.completed() != SecretKind::Refresh).then_some(Rotation {
            kind: self.kind,
            digests: SecretDigests { family: self.family, current: self.current },
            grace: Some(RotationGrace { nonce: Nonce::NONE, ..grace }),
            reauthentication: None,
        })
    }

    pub(crate) fn grace(&self) -> Option<&RotationGrace> {
        self.details.as_deref()?.grace.as_ref()
    }

    /// Creates the marker that a cookie was replaced. It has an id of its own, so that the sign-in of the
    /// cookie stays deleted.
    pub(crate) fn marker(id: SignInId, now: Timestamp, ends_at: Timestamp) -> Self {
        let deadlines = Deadlines { idle_secs: 0, ends_at };
        let mut marker = Self::without_secret(id, None, deadlines, now);
        marker.data.insert(REPLACED, "true");
        marker
    }

    /// The first character of the subjects of records that are no sign-ins. Applications cannot use it.
    pub(crate) const RESERVED: char = '\u{1}';

    /// Creates a record whose digests are those of no secret, so that nothing authenticates by it.
    pub(crate) fn without_secret(
        id: SignInId,
        subject: Option<Arc<str>>,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Self {
        let digests = SecretDigests { family: FamilyDigest([0; 16]), current: Digest([0; 32]) };
        Self::new(id, SecretKind::Cookie, digests, subject, deadlines, now)
    }

    /// Returns whether this is only a marker that a cookie was replaced a moment ago. A marker proves
    /// nothing and holds no data of the application.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.subject.is_none() && self.data.get(REPLACED).is_some()
    }

    /// Returns whether a secret of this sign-in was replaced at most this long ago. It may have been an
    /// older one than the record keeps a digest of.
    pub(crate) fn was_replaced_within(&self, window: Duration, now: Timestamp) -> bool {
        self.grace().is_some_and(|grace| now.since(grace.replaced_at) <= window)
    }

    /// Returns this record as it is after [`Store::update`](crate::Store::update): with this data and the
    /// next version.
    #[must_use]
    pub fn updated(&self, data: SessionData) -> Self {
        // The identity stays the same, so it need not be decoded again.
        Self { identity: self.identity.clone(), data, version: self.version + 1, ..self.clone() }
    }

    /// Returns this record as it is after [`Store::update_subject`](crate::Store::update_subject): with these
    /// [encoded](crate::encode) roles and claims, and the next version.
    #[must_use]
    pub fn amended(&self, principal: impl Into<Box<[u8]>>) -> Self {
        Self {
            identity: OnceLock::new(),
            principal: principal.into(),
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// Returns roughly how many bytes the record takes in memory, together with the identity that is
    /// decoded from it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let mut listed = 0; // scopes and authentication methods, which the identity repeats
        let details = self.details.as_deref().map_or(0, |details| {
            let SignInDetails {
                scopes,
                acr,
                amr,
                cnf,
                device,
                auth_hash,
                provider,
                roles,
                actor,
                ..
            } = details;
            let actor = actor.as_deref().map_or(0, |it| size_of::<Actor>() + it.subject.len() + 16);
            let words = |words: &[Box<str>]| -> usize {
                words.iter().map(|word| word.len() + PER_TEXT).sum()
            };
            listed = words(scopes) + words(amr);
            let Device { user_agent, label, .. } = device;
            let texts = [acr, cnf, user_agent, label, auth_hash];
            let texts: usize = texts.into_iter().map(text).sum();
            let provider = provider.as_deref().map_or(0, |provider| {
                let ProviderSession { issuer, subject, sid, .. } = provider;
                size_of::<ProviderSession>() + issuer.len() + subject.len() + text(sid)
            });
            let added = words(roles) + actor + details.later.len();
            size_of::<SignInDetails>() + listed + texts + provider + added
        });
        let identity = match &*self.principal {
            [] => 0,
            // A comma precedes each role but the first.
            encoded => {
                let texts = 1 + encoded.iter().filter(|byte| **byte == b',').count();
                size_of::<Verified<()>>() + encoded.len() + texts * PER_TEXT + listed
            }
        };
        let subject = self.subject.as_ref().map_or(0, |subject| subject.len() + 16);
        let fixed = size_of::<Self>();
        fixed + subject + self.principal.len() + identity + self.data.bytes() + details
    }

    /// Returns what a list of devices shows of this sign-in.
    #[must_use]
    pub fn info(&self) -> SignInInfo {
        let info = SignInInfo::new(self.id, self.created_at, self.last_seen());
        described(info, self.kind, self.deadlines, self.details.as_deref())
    }
}

/// Adds what is known about a sign-in to the description of its times.
pub(crate) fn described(
    mut info: SignInInfo,
    kind: SecretKind,
    deadlines: Deadlines,
    details: Option<&SignInDetails>,
) -> SignInInfo {
    info.kind = kind.completed().scheme();
    info.expires_at = deadlines.ends_at;
    if let Some(SignInDetails { device, actor, .. }) = details {
        info.actor = actor.as_ref().map(|actor| (*actor.subject).into());
        info.user_agent.clone_from(&device.user_agent);
        info.address = device.address;
        info.label.clone_from(&device.label);
    }
    info
}

/// Does not copy the decoded identity, because the copy may be changed.
impl Clone for Record {
    fn clone(&self) -> Self {
        Self {
            last_seen: AtomicU64::new(self.last_seen.load(Ordering::Relaxed)),
            deadlines: self.deadlines,
            identity: OnceLock::new(),
            id: self.id,
            current: self.current,
            family: self.family,
            kind: self.kind,
            persistence: self.persistence,
            subject: self.subject.clone(),
            principal: self.principal.clone(),
            data: self.data.clone(),
            created_at: self.created_at,
            authenticated_at: self.authenticated_at,
            version: self.version,
            details: self.details.clone(),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .field("version", &self.version)
            .field("last_seen", &self.last_seen())
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// Returns the identity that this record proves, or `None` for an anonymous session and a pending sign-in.
    ///
    /// The identity is decoded once and kept in the record. Later identities share it, so that they cost
    /// no allocation.
    ///
    /// # Errors
    ///
    /// Returns an error if the stored claims are not a `C`.
    pub fn identity<C>(&self) -> Result<Option<Identity<C>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        Ok(self.verified()?.map(Identity::from))
    }

    /// Returns the identity if it was decoded before, for these claims.
    #[must_use]
    pub fn decoded_identity<C: Send + Sync + 'static>(&self) -> Option<Identity<C>> {
        self.decoded().map(Identity::from)
    }

    /// Returns the decoded identity, which may outlive the record, or `None` for an anonymous session and a
    /// pending sign-in.
    ///
    /// # Errors
    ///
    /// Returns an error if the stored claims are not a `C`.
    pub fn verified<C>(&self) -> Result<Option<Arc<Verified<C>>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(decoded) = self.decoded() {
            return Ok(Some(decoded));
        }
        let Some(subject) = self.subject.as_ref().filter(|_| !self.is_pending()) else {
            return Ok(None);
        };
        // If two claims types are in use, the first is kept and the second decoded each time.
        let verified = Arc::new(self.decode::<C>(subject)?);
        let _ = self.identity.set(Arc::clone(&verified) as _);
        Ok(Some(verified))
    }

    fn decoded<C: Send + Sync + 'static>(&self) -> Option<Arc<Verified<C>>> {
        Arc::clone(self.identity.get()?).downcast().ok()
    }

    /// Decodes a new copy of the principal, to change it. Returns `None` for an anonymous session.
    ///
    /// # Errors
    ///
    /// Returns an error if the stored claims are not a `C`.
    pub fn to_principal<C>(&self) -> Result<Option<Principal<C>>, serde_json::Error>
    where
        C: DeserializeOwned,
    {
        let decode = |subject| {
            decode_principal(subject, self.kind, &self.principal, self.details.as_deref())
        };
        self.subject.as_ref().map(decode).transpose()
    }

    fn decode<C: DeserializeOwned>(
        &self,
        subject: &Arc<str>,
    ) -> Result<Verified<C>, serde_json::Error> {
        let details = self.details.as_deref();
        let principal = decode_principal(subject, self.kind, &self.principal, details)?;
        let authenticated_at = self.kind.stated(self.authenticated_at);
        let mut authentication =
            AuthenticationInfo::new(self.kind.completed().scheme(), authenticated_at)
                .sign_in(self.id);
        authentication.actor = self.actor().map(|actor| Arc::clone(&actor.subject));
        Ok(Verified::new(principal, authentication.expires_at(self.deadlines.ends_at)))
    }
}

/// Details that few sign-ins have, or few requests read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInDetails {
    /// The previous secret, as long as a refresh with it may be repeated.
    pub grace: Option<RotationGrace>,
    /// The scopes granted to the client (RFC 6749 section 3.3).
    pub scopes: Vec<Box<str>>,
    /// The authentication context class: how strongly the user was authenticated.
    pub acr: Option<Box<str>>,
    /// The authentication methods (RFC 8176).
    pub amr: Vec<Box<str>>,
    /// The key to which the credential is bound, if any (RFC 7800).
    pub cnf: Option<Box<str>>,
    /// The device on which the user signed in.
    pub device: Device,
    /// How long the sign-in lasts after each authentication of the user. `None` uses the manager's setting.
    pub lifetime: Option<Lifetime>,
    /// The value for the application's `check_user`; see [`SignIn::auth_hash`](auth_core::SignIn::auth_hash).
    pub auth_hash: Option<Box<str>>,
    /// The session at an identity provider by which the user was authenticated.
    pub provider: Option<Box<ProviderSession>>,
    /// The roles that a sign-in of a [custom](SecretKind::custom) kind was created with. Its identity has those of
    /// them that the user still has, and no others. Not used for the other kinds.
    pub roles: Vec<Box<str>>,
    /// The user who acts for the subject in this sign-in.
    pub actor: Option<Box<Actor>>,
    /// Encoded details of a later release, which this one keeps and does not read.
    pub later: Box<[u8]>,
}

/// The user who acts for another in a sign-in; see [`Auth::act_as`](auth_core::Auth::act_as).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub subject: Arc<str>,
    /// The user's own sign-in, with which this one ends.
    pub sign_in: SignInId,
}

/// The device on which a user signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header, cut to [`Device::MAX_USER_AGENT`] bytes.
    pub user_agent: Option<Box<str>>,
    /// The address from which the request came.
    pub address: Option<IpAddr>,
    /// The name that the user gave the device.
    pub label: Option<Box<str>>,
}

impl Device {
    /// The maximum number of bytes kept of a `User-Agent`.
    pub const MAX_USER_AGENT: usize = 256;
    /// The maximum number of bytes kept of a label.
    pub const MAX_LABEL: usize = 128;
}

/// Allows a client to repeat a refresh whose response was lost: refreshing again with the previous
/// secret yields the current one. A session cookie that was replaced is also still accepted for a moment.
///
/// A grace exists for refreshes only. A sign-in, even one of the same user, invalidates the previous
/// secret at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationGrace {
    /// The digest of the verifier in the previous secret.
    pub previous: Digest,
    /// The nonce with which the current secret was derived from the previous one. All zeros if a refresh with
    /// the previous one cannot be repeated, for example because the current secret was used.
    pub nonce: Nonce,
    /// When the previous secret was replaced.
    pub replaced_at: Timestamp,
    /// When the grace ends. If the current secret was never used by then, the refresh can still be
    /// repeated until [`LOST_RESPONSE`](Self::LOST_RESPONSE) after `replaced_at`. A grace of
    /// zero allows neither.
    pub until: Timestamp,
    /// A hash of the `User-Agent` of the request that replaced the secret; `None` if it is not known.
    pub user_agent: Option<u64>,
}

impl RotationGrace {
    /// For how long a refresh can be repeated if the new secret was never used: its response was
    /// probably lost.
    pub const LOST_RESPONSE: Duration = Duration::from_secs(60);

    /// Returns until when the refresh can be repeated if the new secret was never used.
    #[must_use]
    pub fn repeatable_until(&self) -> Timestamp {
        if self.until > self.replaced_at {
            self.until.max(self.replaced_at + Self::LOST_RESPONSE)
        } else {
            self.until
        }
    }
}

#[derive(Serialize)]
struct Encoded<'a, C> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [Box<str>],
    claims: &'a C,
}

#[derive(Deserialize)]
#[serde(bound = "C: DeserializeOwned")]
struct Decoded<C> {
    #[serde(default)]
    roles: Vec<Box<str>>,
    claims: C,
}

/// Encodes roles and claims, which all sign-ins of a subject have in common.
///
/// # Errors
///
/// Returns an error if the claims cannot be serialized as JSON.
pub fn encode<C: Serialize>(
    roles: &[Box<str>],
    claims: &C,
) -> Result<Box<[u8]>, serde_json::Error> {
    serde_json::to_vec(&Encoded { roles, claims }).map(Vec::into_boxed_slice)
}

/// Decodes the principal of a sign-in of this kind. One of a custom kind, such as an API key, has at most the roles
/// that it was created with: it loses those that the user loses, and gains none.
pub(crate) fn decode_principal<C: DeserializeOwned>(
    subject: &Arc<str>,
    kind: SecretKind,
    principal: &[u8],
    details: Option<&SignInDetails>,
) -> Result<Principal<C>, serde_json::Error> {
    let (mut roles, claims) = decode(principal)?;
    if kind.is_custom() {
        roles.retain(|role| details.is_some_and(|details| details.roles.contains(role)));
    }
    let mut principal = Principal::new(Arc::clone(subject)).claims(claims);
    principal.roles = roles;
    if let Some(SignInDetails { scopes, acr, amr, .. }) = details {
        principal.scopes.clone_from(scopes);
        principal.acr.clone_from(acr);
        principal.amr.clone_from(amr);
    }
    Ok(principal)
}

/// Decodes what [`encode`] returned.
///
/// # Errors
///
/// Returns an error if the bytes are not valid or the claims are not a `C`.
pub fn decode<C: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<Box<str>>, C), serde_json::Error> {
    let Decoded { mut roles, claims } = serde_json::from_slice(bytes)?;
    roles.shrink_to_fit(); // a record in memory keeps them
    Ok((roles, claims))
}
