//! One stored sign-in.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use auth_core::{
    AuthenticationInfo, Identity, IdentitySource, Persistence, Principal, SignInId, SignInInfo,
    Timestamp, Verified,
};
use serde::de::DeserializeOwned;

use super::codec;
use super::details::{Device, SignInDetails};
use crate::data::SessionData;
use crate::lifetime::{Deadlines, Expiry};
use crate::secret::{Digest, FamilyDigest, Nonce, Secret, SecretDigests, SecretKind};

/// One stored sign-in: whose it is, what proves it, how long it lasts, and what the application
/// keeps with it. What requests read comes first and together: with a session all up to the limits,
/// with an access token the id and what follows it up to the kind.
#[repr(C)]
pub struct Record {
    /// A `Verified<C>`, once it was decoded.
    pub(crate) identity: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// The digest of the verifier that is good now.
    pub current: Digest,
    /// Its public id, and its key in the store.
    pub sid: SignInId,
    last_seen: AtomicU64,
    /// How long it lasts.
    pub limits: Deadlines,
    /// Counts every change but those of the last-seen time; the store sets it.
    pub version: u64,
    /// The digest of the family.
    pub family: FamilyDigest,
    /// What its secret is for.
    pub kind: SecretKind,
    /// Whether its cookie outlives the browser.
    pub persistence: Persistence,
    /// Whose it is; none while anonymous. It never changes.
    pub subject: Option<Arc<str>>,
    pub(crate) principal: Box<[u8]>,
    /// What the application keeps with it.
    pub data: SessionData,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// What few sign-ins have, or few requests read.
    pub details: Option<Box<SignInDetails>>,
}

/// What a secret is to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMatch {
    /// It proves the sign-in.
    Current,
    /// It was just refreshed; refreshing with it again yields the current secret.
    Rotated(Nonce),
    /// It proved the sign-in once, and no more. Somebody kept it.
    Reused,
    /// It never belonged to this sign-in: forged, of another kind, or of an earlier sign-in.
    Unknown,
}

impl Record {
    /// The record of a sign-in that begins at `now`.
    #[must_use]
    pub fn new(
        sid: SignInId,
        kind: SecretKind,
        digests: SecretDigests,
        subject: Option<Arc<str>>,
        limits: Deadlines,
        now: Timestamp,
    ) -> Self {
        Self {
            last_seen: AtomicU64::new(now.as_millis()),
            limits,
            identity: OnceLock::new(),
            sid,
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

    /// Roles and claims, encoded; empty while anonymous.
    #[must_use]
    pub fn principal(&self) -> &[u8] {
        &self.principal
    }

    /// Replaces roles and claims.
    pub fn set_principal(&mut self, principal: impl Into<Box<[u8]>>) {
        self.principal = principal.into();
        self.identity = OnceLock::new();
    }

    /// When it was last used, as far as it was written down.
    #[must_use]
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }

    /// Notes a use. It only ever moves forward.
    pub fn touch(&self, at: Timestamp) {
        self.last_seen.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Which of its limits it has reached.
    #[must_use]
    pub fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        self.limits.expiry(self.last_seen(), now)
    }

    /// What `secret`, used as one of `kind`, is to this record.
    #[must_use]
    pub fn match_secret(&self, secret: &Secret, kind: SecretKind, now: Timestamp) -> SecretMatch {
        let digest = secret.digest(kind);
        if digest == self.current {
            return SecretMatch::Current;
        }
        if secret.family_digest(kind) != self.family {
            return SecretMatch::Unknown;
        }
        match self.details.as_ref().and_then(|details| details.grace) {
            Some(grace) if now < grace.until && grace.previous == digest => {
                SecretMatch::Rotated(grace.nonce)
            }
            _ => SecretMatch::Reused,
        }
    }

    /// The same sign-in with other data. What its identity says stays decoded.
    pub(crate) fn with_data(&self, data: SessionData) -> Self {
        Self { identity: self.identity.clone(), data, version: self.version + 1, ..self.clone() }
    }

    /// How many bytes it takes in memory, about; what was decoded of it counts as much as it does
    /// encoded.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let details = self.details.as_deref().map_or(0, |details| {
            let SignInDetails { scopes, acr, amr, cnf, device, .. } = details;
            let words: usize = scopes.iter().chain(amr).map(|word| word.len() + 16).sum();
            let Device { user_agent, label, .. } = device;
            let texts: usize = [acr, cnf, user_agent, label].into_iter().map(text).sum();
            size_of::<SignInDetails>() + words + texts
        });
        let subject = self.subject.as_ref().map_or(0, |subject| subject.len() + 16);
        size_of::<Self>() + subject + 2 * self.principal.len() + self.data.bytes() + details
    }

    /// As a device list shows it.
    #[must_use]
    pub fn info(&self) -> SignInInfo {
        let mut info = SignInInfo::new(self.sid, self.created_at, self.last_seen());
        info.expires_at = self.limits.ends_at;
        if let Some(SignInDetails { device, .. }) = self.details.as_deref() {
            info.user_agent.clone_from(&device.user_agent);
            info.address = device.address;
            info.label.clone_from(&device.label);
        }
        info
    }
}

/// What was decoded of it is not copied: the copy may be changed.
impl Clone for Record {
    fn clone(&self) -> Self {
        Self {
            last_seen: AtomicU64::new(self.last_seen.load(Ordering::Relaxed)),
            limits: self.limits,
            identity: OnceLock::new(),
            sid: self.sid,
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

/// Without secrets, claims and data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("sid", &self.sid)
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .field("version", &self.version)
            .field("last_seen", &self.last_seen())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// The identity that a record proves, none while anonymous. It is decoded once; afterwards it
    /// shares the record, and nothing of it is read before somebody asks.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn identity<C>(self: &Arc<Self>) -> Result<Option<Identity<C>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if self.remembers::<C>() {
            return Ok(Some(Identity::shared(Arc::clone(self) as _)));
        }
        Ok(self.verified()?.map(Identity::from))
    }

    /// What the identity says, which outlives the record. It is decoded once.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn verified<C>(&self) -> Result<Option<Arc<Verified<C>>>, serde_json::Error>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(known) = self.identity.get()
            && let Ok(known) = Arc::clone(known).downcast()
        {
            return Ok(Some(known));
        }
        let Some(subject) = &self.subject else { return Ok(None) };
        // Under two claims types at once, the first is remembered and the second decoded each time.
        let verified = Arc::new(self.decode::<C>(subject)?);
        let _ = self.identity.set(Arc::clone(&verified) as _);
        Ok(Some(verified))
    }

    fn remembers<C: 'static>(&self) -> bool {
        self.identity.get().is_some_and(|known| known.is::<Verified<C>>())
    }

    fn known<C: 'static>(&self) -> &Verified<C> {
        let known = self.identity.get().and_then(|known| known.downcast_ref());
        known.expect("decoded before it was shared")
    }

    /// Who it is, decoded for whoever changes it; none while anonymous.
    ///
    /// # Errors
    /// If the stored claims are not those of `C`.
    pub fn to_principal<C>(&self) -> Result<Option<Principal<C>>, serde_json::Error>
    where
        C: DeserializeOwned,
    {
        self.subject.as_ref().map(|subject| self.decode_principal(subject)).transpose()
    }

    fn decode_principal<C: DeserializeOwned>(
        &self,
        subject: &Arc<str>,
    ) -> Result<Principal<C>, serde_json::Error> {
        let (roles, claims) = codec::decode(&self.principal)?;
        let mut principal = Principal::new(Arc::clone(subject)).claims(claims);
        principal.roles = roles;
        if let Some(details) = &self.details {
            principal.scopes.clone_from(&details.scopes);
            principal.acr.clone_from(&details.acr);
            principal.amr.clone_from(&details.amr);
        }
        Ok(principal)
    }

    fn decode<C: DeserializeOwned>(
        &self,
        subject: &Arc<str>,
    ) -> Result<Verified<C>, serde_json::Error> {
        let principal = self.decode_principal(subject)?;
        let authentication =
            AuthenticationInfo::new(self.kind.scheme(), self.authenticated_at).sign_in(self.sid);
        Ok(Verified::new(principal, authentication.expires_at(self.limits.ends_at)))
    }
}

/// For records whose identity was decoded for these claims: [`Record::identity`] shares no other.
impl<C: Send + Sync + 'static> IdentitySource<C> for Record {
    fn principal(&self) -> &Principal<C> {
        self.known().principal()
    }

    fn authentication(&self) -> &AuthenticationInfo {
        self.known::<C>().authentication()
    }

    fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or_default()
    }

    fn sign_in(&self) -> Option<SignInId> {
        Some(self.sid)
    }
}
