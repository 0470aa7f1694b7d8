//! Decides whether a credential proves a stored sign-in at this moment.
//!
//! Every backend with stored sign-ins decides this here, so that the order of the checks, what a
//! cached copy may decide, and what follows from a decision are written once. A backend supplies a
//! [`StoredCredential`], which compares one kind of credential with a record.

use std::sync::Arc;

use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, Outcome, Rejection, RejectionReason, RequestState,
    SignInId, Timestamp,
};
use serde::de::DeserializeOwned;

use super::background;
use super::new_sign_in::IssuedSecret;
use super::sign_in_manager::SignInManager;
use super::user_check::REFUSED;
use crate::lifetime::Expiry;
use crate::record::{Actor, Record, Rotation, SecretMatch};
use crate::secret::{Digest, Secret, SecretKind};
use crate::store::Peek;

/// A credential that names a stored sign-in: implemented by backends, checked by
/// [`SignInManager::try_authenticate`]. `C` are the application's claims.
pub trait StoredCredential<C> {
    /// Returns the id of the sign-in that the credential names.
    fn id(&self) -> SignInId;

    /// Returns the authentication scheme that rejections are reported under.
    fn scheme(&self) -> &'static str;

    /// Checks that the credential proves this record. The manager checks the record's deadlines.
    ///
    /// # Errors
    ///
    /// Returns the reason to report if it does not prove the record.
    fn check(&self, record: &Record, now: Timestamp) -> Result<(), RejectionReason>;

    /// Returns what [`identify`](Self::identify) would return, if it is known without decoding the
    /// record.
    ///
    /// The store may hold a lock during this call, and every request makes it: it must be quick and
    /// must not call the store.
    fn identify_cached(&self, record: &Arc<Record>) -> Option<Outcome<C>>;

    /// Returns what the credential proves, given a record that it was checked against.
    ///
    /// # Errors
    ///
    /// Returns an error if the stored claims cannot be decoded as `C`.
    fn identify(&self, record: &Arc<Record>) -> Result<Outcome<C>, serde_json::Error>;

    /// Returns whether the credential is the current one of its sign-in. One that was replaced a moment ago
    /// may still [prove](Self::check) the record, but its use is not recorded. Defaults to `true`.
    fn is_current(&self, record: &Record) -> bool {
        let _ = record;
        true
    }

    /// Returns whether the credential is in a cookie, which a browser may delete before the sign-in ends.
    /// The identity then [requires a renewal](auth_core::Identity::with_renewal) when that is due.
    /// Defaults to `false`.
    fn in_cookie(&self) -> bool {
        false
    }

    /// Returns whether the credential is replaced when the secret of its sign-in is.
    ///
    /// If so, and this node replaced the secret within the last minute, a credential that no longer
    /// matches is reported as [`RejectionReason::Rotated`]: it is more likely late than forged.
    /// Defaults to `true`.
    fn is_rotated(&self) -> bool {
        true
    }
}

/// A secret that a request carries, as the [credential](StoredCredential) of its sign-in.
#[derive(Clone, Debug)]
pub struct PresentedSecret {
    secret: Secret,
    kind: SecretKind,
    digest: Digest,
    /// Whether a secret that was refreshed a moment ago is accepted.
    with_grace: bool,
    /// Whether only a pending sign-in is accepted.
    of_pending: bool,
}

impl PresentedSecret {
    /// Creates the credential from a secret that is used as one of `kind`.
    #[must_use]
    pub fn new(secret: Secret, kind: SecretKind) -> Self {
        // Hashed here, because the store may hold a lock while the digests are compared.
        let digest = secret.digest(kind);
        Self { secret, kind, digest, with_grace: true, of_pending: false }
    }

    /// Accepts only the current secret, and not one that was refreshed a moment ago.
    #[must_use]
    pub fn without_grace(self) -> Self {
        Self { with_grace: false, ..self }
    }

    /// Accepts only the secret of a [pending](Record::is_pending) sign-in.
    #[must_use]
    pub fn of_pending(self) -> Self {
        Self { of_pending: true, ..self }
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> StoredCredential<C> for PresentedSecret {
    fn id(&self) -> SignInId {
        self.secret.id()
    }

    fn scheme(&self) -> &'static str {
        self.kind.scheme()
    }

    fn check(&self, record: &Record, now: Timestamp) -> Result<(), RejectionReason> {
        if self.of_pending && !record.is_pending() {
            return Err(RejectionReason::WrongKind);
        }
        if record.current == self.digest || self.with_grace && record.in_grace(&self.digest, now) {
            return Ok(());
        }
        Err(match record.match_secret(&self.secret, self.kind, now) {
            SecretMatch::Rotated(_) => RejectionReason::Rotated,
            SecretMatch::Current | SecretMatch::Reused => RejectionReason::Reused,
            SecretMatch::Unknown => RejectionReason::Unknown,
        })
    }

    fn is_current(&self, record: &Record) -> bool {
        record.current == self.digest
    }

    fn in_cookie(&self) -> bool {
        self.kind == SecretKind::Cookie
    }

    fn identify_cached(&self, record: &Arc<Record>) -> Option<Outcome<C>> {
        if record.subject.is_none() {
            return Some(Outcome::Anonymous(record.id));
        }
        record.decoded_identity().map(Outcome::Authenticated)
    }

    fn identify(&self, record: &Arc<Record>) -> Result<Outcome<C>, serde_json::Error> {
        let identity = record.identity()?;
        Ok(identity.map_or(Outcome::Anonymous(record.id), Outcome::Authenticated))
    }
}

impl SignInManager {
    /// Authenticates a request by a secret that is used as one of `kind`. The outcome is ready if the store
    /// can decide without waiting, for example from memory. Otherwise, the future reads the record from the
    /// store.
    ///
    /// A secret of another kind proves nothing. In the background, the manager records the use of the
    /// sign-in, and deletes a sign-in that has expired.
    ///
    /// ```
    /// use auth_core::{Attempt, Claims, Rejection, RejectionReason, Outcome, RequestHead};
    /// use auth_store::{Secret, SecretKind, SignInManager};
    ///
    /// struct ApiKeys {
    ///     keys: SignInManager,
    ///     kind: SecretKind, // `SecretKind::custom("api-key")`
    /// }
    ///
    /// /// Finds the key in `X-Api-Key`, and starts to verify it.
    /// fn authenticate(this: &ApiKeys, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
    ///     let key = head.headers().get("x-api-key")?;
    ///     Some(Attempt::explicit(match Secret::parse(key.as_bytes()) {
    ///         Some(secret) => this.keys.authenticate(secret, this.kind),
    ///         None => Outcome::Rejected(Rejection::new("api-key", RejectionReason::Malformed)).into(),
    ///     }))
    /// }
    /// ```
    pub fn authenticate<C>(&self, secret: Secret, kind: SecretKind) -> AuthFuture<Outcome<C>>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let (credential, now) = (PresentedSecret::new(secret, kind), self.settings.clock.now());
        match self.try_authenticate(&credential, now) {
            Some(outcome) => AuthFuture::ready(outcome),
            None => self.find_in_store(credential, now),
        }
    }

    /// Authenticates a request by a secret again. In contrast to [`authenticate`](Self::authenticate), it
    /// always reads the record in the store itself, and never accepts a secret that was replaced. Use it in
    /// [`SignInBackend::revalidate`](auth_core::SignInBackend::revalidate).
    pub fn revalidate<C>(&self, secret: Secret, kind: SecretKind) -> AuthFuture<Outcome<C>>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let credential = PresentedSecret::new(secret, kind).without_grace();
        self.find_in_store(credential, self.settings.clock.now())
    }

    fn find_in_store<C>(
        &self,
        credential: PresentedSecret,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>>
    where
        C: DeserializeOwned + Send + Sync + 'static,
    {
        let manager = self.clone();
        AuthFuture::boxed(async move { manager.authenticate_in_store(&credential, now).await })
    }

    /// Authenticates a request by what the store knows without waiting. Returns `None` if
    /// [`authenticate_in_store`](Self::authenticate_in_store) has to read from the store.
    ///
    /// This is for credentials that are not secrets, such as an access token that belongs to a sign-in.
    #[must_use]
    pub fn try_authenticate<C>(
        &self,
        credential: &impl StoredCredential<C>,
        now: Timestamp,
    ) -> Option<Outcome<C>> {
        let mut decision = None;
        self.peek(&credential.id(), &mut |peek| {
            decision = match peek {
                Peek::Authoritative(record) => Some(self.decide(record, credential, now)),
                // A cached copy may be outdated. It can confirm a credential, but only the store
                // itself can deny one.
                Peek::Cached(record) => {
                    Some(self.decide(Some(record), credential, now)).filter(Decision::is_proven)
                }
                Peek::Miss => None,
            };
        });
        let decision = decision?;
        if let Some(actor) = decision.actor()
            && !self.peek_actor(actor, now)
        {
            return None; // only the store itself can say that the actor is not signed in
        }
        if decision.is_proven() && self.settings.user_check_is_due(&credential.id(), now) {
            return None;
        }
        Some(self.conclude(decision, credential))
    }

    /// Authenticates a request by the record in the store itself, never by a cached copy.
    pub async fn authenticate_in_store<C>(
        &self,
        credential: &impl StoredCredential<C>,
        now: Timestamp,
    ) -> Outcome<C> {
        match self.store.load(&credential.id()).await {
            Ok(record) => {
                let decision = self.decide(record.as_ref(), credential, now);
                if let (Some(record), true) = (&record, decision.is_proven()) {
                    match self.has_active_actor(record, now).await {
                        Ok(true) => {}
                        Ok(false) => {
                            self.end_with_actor(record.id);
                            let unknown = RejectionReason::Unknown;
                            return Outcome::Rejected(Rejection::new(credential.scheme(), unknown));
                        }
                        Err(error) => return Outcome::Unavailable(error.into()),
                    }
                }
                if let Some(record) = &record
                    && self.settings.user_check_is_due(&record.id, now)
                    && decision.is_proven()
                    && let Err(error) = self.check_user(record).await
                {
                    return match error.kind() {
                        AuthErrorKind::Unauthenticated => {
                            Outcome::Rejected(Rejection::new(credential.scheme(), REFUSED))
                        }
                        _ => Outcome::Unavailable(error.into()),
                    };
                }
                self.conclude(decision, credential)
            }
            Err(error) => Outcome::Unavailable(error.into()),
        }
    }

    /// Returns this secret so that the backend can deliver it to the client again. Returns `None` unless it
    /// is the current secret of the sign-in for which the request acts. Reads from the store itself, because
    /// the secret may have been replaced, and its sign-in may have ended, since the request was
    /// authenticated.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn reissue(
        &self,
        state: &RequestState,
        secret: Secret,
        kind: SecretKind,
    ) -> Result<Option<IssuedSecret>, AuthError> {
        if state.sign_in() != Some(secret.id()) {
            return Ok(None);
        }
        let now = self.settings.clock.now();
        let record = self.store.load(&secret.id()).await?.filter(|record| {
            record.expiry(now).is_none()
                && record.match_secret(&secret, kind, now) == SecretMatch::Current
        });
        Ok(record.map(|record| IssuedSecret::new(secret, &record)))
    }

    /// Compares a credential with a record. Runs while the store may hold a lock, so it calls no
    /// store and decodes nothing.
    fn decide<C>(
        &self,
        record: Option<&Arc<Record>>,
        credential: &impl StoredCredential<C>,
        now: Timestamp,
    ) -> Decision<C> {
        let Some(record) = record else { return Decision::Denied(RejectionReason::Unknown) };
        if let Err(reason) = credential.check(record, now) {
            return Decision::Denied(reason);
        }
        if let Some(expiry) = record.expiry(now) {
            return Decision::Expired(Arc::clone(record), expiry);
        }
        let first_use = record.first_use(now).filter(|_| credential.is_current(record));
        let touch_is_due = self.touch_is_due(record, now) && credential.is_current(record);
        let touch = touch_is_due.then_some(now);
        let renewal_is_due =
            touch_is_due && credential.in_cookie() && self.settings.cookie_is_due(record, now);
        let (first_use, actor) = (first_use.map(Box::new), record.actor().cloned());
        let used = Used { touch, renewal_is_due, first_use, actor };
        match credential.identify_cached(record) {
            Some(outcome) => Decision::Identified { outcome, used },
            None => Decision::Proven { record: Arc::clone(record), used },
        }
    }

    /// Does what follows from a decision, after the store has released its lock.
    fn conclude<C>(
        &self,
        decision: Decision<C>,
        credential: &impl StoredCredential<C>,
    ) -> Outcome<C> {
        let rejected = |reason| Outcome::Rejected(Rejection::new(credential.scheme(), reason));
        match decision {
            Decision::Identified { outcome, used } => self.used(used, credential.id(), outcome),
            Decision::Proven { record, used } => match credential.identify(&record) {
                Ok(outcome) => self.used(used, credential.id(), outcome),
                Err(error) => {
                    log_undecodable::<C>(&record, &error);
                    rejected(RejectionReason::StoredClaims)
                }
            },
            Decision::Expired(record, expiry) => {
                self.expire(&record, expiry);
                rejected(RejectionReason::Expired)
            }
            Decision::Denied(_)
                if credential.is_rotated() && self.recently_rotated(&credential.id()) =>
            {
                rejected(RejectionReason::Rotated)
            }
            Decision::Denied(reason) => rejected(reason),
        }
    }

    /// Records the use of a sign-in if that is due, or if it ends the repeats of a refresh. Asks for the
    /// renewal of its cookie if that is due.
    fn used<C>(&self, used: Used, id: SignInId, outcome: Outcome<C>) -> Outcome<C> {
        if let Some(at) = used.touch {
            self.touch(id, at);
            if let Some(actor) = used.actor {
                self.touch(actor.sign_in, at);
            }
        }
        if let Some(rotation) = used.first_use {
            let (store, current) = (Arc::clone(&self.store), rotation.digests.current);
            background::run("end the repeats of a refresh", async move {
                store.rotate(&id, &current, *rotation).await.map(drop)
            });
        }
        match outcome {
            Outcome::Authenticated(identity) if used.renewal_is_due => {
                Outcome::Authenticated(identity.with_renewal())
            }
            outcome => outcome,
        }
    }
}

/// What follows from the use of a valid credential.
struct Used {
    /// The last-seen time to write, if it is due.
    touch: Option<Timestamp>,
    /// Records that this is the first use since a refresh.
    first_use: Option<Box<Rotation>>,
    /// Whether the cookie should be set again.
    renewal_is_due: bool,
    /// Who acts for the user, and whose own sign-in is used with this one.
    actor: Option<Actor>,
}

/// The result of comparing a credential with a record.
enum Decision<C> {
    /// The credential is valid, and its outcome was known.
    Identified { outcome: Outcome<C>, used: Used },
    /// The credential is valid, and its outcome has to be decoded.
    Proven { record: Arc<Record>, used: Used },
    /// The sign-in has reached a deadline.
    Expired(Arc<Record>, Expiry),
    /// The credential does not prove the record.
    Denied(RejectionReason),
}

impl<C> Decision<C> {
    fn is_proven(&self) -> bool {
        matches!(self, Self::Identified { .. } | Self::Proven { .. })
    }

    /// Returns who acts for the user of a valid credential.
    fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Identified { used, .. } | Self::Proven { used, .. } => used.actor.as_ref(),
            Self::Expired(..) | Self::Denied(_) => None,
        }
    }
}

/// Logs that the application's claims have changed since the sign-in: the user has to sign in again.
/// The event has the position of the error and not its text, which would repeat the claim.
#[cold]
fn log_undecodable<C>(record: &Record, error: &serde_json::Error) {
    let (line, column) = (error.line(), error.column());
    let claims = std::any::type_name::<C>();
    tracing::error!(
        sign_in = %record.id,
        claims,
        line,
        column,
        "stored claims do not match the layer's claims type"
    );
}

#[cfg(test)]
mod tests {
    use auth_core::{Claims, Identity, Principal, SignInOptions};

    use super::*;
    use crate::manager::NewSignIn;
    use crate::stores::MemoryStore;

    fn new(kind: SecretKind) -> NewSignIn {
        NewSignIn::of(kind, &SignInOptions::new(Principal::new("ada")), None).unwrap()
    }

    /// Returns the identity that a secret proves, from memory.
    fn identity(manager: &SignInManager, secret: &Secret, kind: SecretKind) -> Option<Identity> {
        match manager.authenticate::<Claims>(secret.clone(), kind).into_ready().ok()? {
            Outcome::Authenticated(identity) => Some(identity),
            _ => None,
        }
    }

    #[tokio::test]
    async fn sec_81_a_secret_of_a_custom_kind_is_accepted_as_no_other() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let kinds = ["key", "key-2"].map(SecretKind::custom);
        let kinds = [kinds[0], kinds[1], SecretKind::Cookie, SecretKind::Bearer];
        for kind in kinds {
            let secret = manager.issue(&new(kind)).await.unwrap().secret;
            for used_as in kinds {
                let found = identity(&manager, &secret, used_as);
                let scheme = found.as_ref().map(Identity::scheme);
                assert_eq!(scheme, (used_as == kind).then_some(kind.scheme()));
            }
        }
    }

    /// A client keeps an API key and sends it by itself, so its use is no recent authentication.
    #[tokio::test]
    async fn sec_18_a_secret_of_a_custom_kind_states_no_time_of_authentication() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        for (kind, states) in [(SecretKind::custom("key"), false), (SecretKind::Bearer, true)] {
            let issued = manager.issue(&new(kind)).await.unwrap();
            let found = identity(&manager, &issued.secret, kind).unwrap();
            let of_issued = issued.identity(Principal::new("ada"), kind.scheme());
            for identity in [found, of_issued] {
                assert_eq!(identity.authenticated_at().is_some(), states, "{kind:?}");
            }
        }
    }

    /// A request with an API key signs the same user in, and another one.
    #[tokio::test]
    async fn a_key_survives_the_login_that_it_authenticates() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let kind = SecretKind::custom("key");
        let key = manager.issue(&new(kind)).await.unwrap().secret;
        for subject in ["ada", "bob"] {
            let state = RequestState::new(None, Some(key.id()));
            let login = NewSignIn { subject: subject.into(), ..new(SecretKind::Cookie) };
            let session = manager.sign_in(&state, &login).await.unwrap();
            assert_ne!(session.id(), key.id());
            assert_eq!(state.sign_in(), Some(session.id()));
            assert!(identity(&manager, &key, kind).is_some(), "{subject}");
        }
    }

    #[tokio::test]
    async fn a_sign_in_without_a_request_is_kept() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let issued = manager.issue(&new(SecretKind::Bearer)).await.unwrap();
        tokio::task::yield_now().await;
        let listed = manager.list("ada").await.unwrap();
        assert_eq!(listed.iter().map(|info| info.id).collect::<Vec<_>>(), [issued.id()]);
        assert_eq!(listed[0].kind, "bearer");
    }
}
