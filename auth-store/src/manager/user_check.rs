//! User checks: the application's check of whether a user may still have sign-ins.
//!
//! It runs when a sign-in has been stored and before its secret is delivered. So a login fails if its user is
//! disabled meanwhile, and the user's sign-ins are revoked: either the revocation finds the new sign-in, or
//! the check finds that the user is disabled.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, BoxError, BoxFuture, RejectionReason, RequestState, SignInId,
    Timestamp,
};
use parking_lot::Mutex;

use super::events::count_ended;
use super::new_sign_in::IssuedSecret;
use super::roll_back::Step;
use super::sign_in_manager::{SignInManager, SignInSettings};
use crate::record::{Actor, Record, SignInDetails};
use crate::striped::Striped;

/// A stored sign-in whose user the application checks: the argument of
/// [`SignInSettings::check_user`].
#[derive(Clone)]
#[non_exhaustive]
pub struct UserCheck {
    /// The user.
    pub subject: Arc<str>,
    /// The sign-in.
    pub sign_in: SignInId,
    /// When the user was last authenticated.
    pub authenticated_at: Timestamp,
    /// The value that the application set by [`SignIn::auth_hash`](auth_core::SignIn::auth_hash).
    pub auth_hash: Option<Box<str>>,
}

// Omits the hash, which may be derived from a password.
auth_core::redacted_debug!(UserCheck { subject, sign_in, authenticated_at });

impl UserCheck {
    /// Returns the check of a record's user, or `None` for that of a visitor.
    fn of_record(record: &Record) -> Option<Self> {
        let subject = Arc::clone(record.subject.as_ref()?);
        Some(Self::new(subject, record.id, record.authenticated_at, record.details.as_deref()))
    }

    fn new(
        subject: Arc<str>,
        sign_in: SignInId,
        authenticated_at: Timestamp,
        details: Option<&SignInDetails>,
    ) -> Self {
        let auth_hash = details.and_then(|details| details.auth_hash.clone());
        Self { subject, sign_in, authenticated_at, auth_hash }
    }
}

/// The reason for which a sign-in is rejected whose user did not pass the check.
pub(super) const REFUSED: RejectionReason = RejectionReason::Other("user refused");

type Check = dyn Fn(UserCheck) -> BoxFuture<Result<bool, BoxError>> + Send + Sync;

/// The application's check, and when the user of each sign-in last passed it.
#[derive(Clone)]
pub struct UserChecks {
    check: Arc<Check>,
    passed: Arc<Striped<Mutex<HashMap<SignInId, Timestamp>>>>,
}

impl fmt::Debug for UserChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChecks").finish_non_exhaustive()
    }
}

impl UserChecks {
    const STRIPES: usize = 64;
    /// The maximum number of sign-ins per stripe whose last check is remembered.
    const MAX_ENTRIES: usize = 1024;

    pub(super) fn is_due(&self, id: &SignInId, age: Duration, now: Timestamp) -> bool {
        self.passed.of(id).lock().get(id).is_none_or(|passed| now.since(*passed) >= age)
    }

    fn passed(&self, id: SignInId, age: Duration, now: Timestamp) {
        let mut passed = self.passed.of(&id).lock();
        if passed.len() >= Self::MAX_ENTRIES {
            passed.retain(|_, passed| now.since(*passed) < age);
        }
        if passed.len() < Self::MAX_ENTRIES {
            passed.insert(id, now);
        }
    }
}

impl SignInSettings {
    /// Sets the application's check of its users, for authors of backends. `SessionAuth::check_user` and
    /// `JwtAuth::check_user` document when it runs and what follows from its answer.
    pub fn check_user<F, A>(&mut self, check: F)
    where
        F: Fn(UserCheck) -> A + Send + Sync + 'static,
        A: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        let check: Arc<Check> = Arc::new(move |user| Box::pin(check(user)) as _);
        let passed = Arc::new(Striped::new(UserChecks::STRIPES));
        self.user_check = Some(UserChecks { check, passed });
    }
}

impl SignInManager {
    /// Checks the user of a sign-in that was just stored and is not delivered. Ends it if the user is refused,
    /// even if it had another secret before.
    pub(super) async fn check_new_user(
        &self,
        state: &RequestState,
        issued: &IssuedSecret,
    ) -> Result<(), AuthError> {
        let (Some(subject), id) = (&issued.subject, issued.id()) else { return Ok(()) };
        let details = issued.details.as_deref();
        if let Some(actor) = details.and_then(|details| details.actor.as_deref()) {
            self.check_actor(actor).await?;
        }
        let user = UserCheck::new(Arc::clone(subject), id, issued.authenticated_at, details);
        if self.passes(user).await? {
            return Ok(());
        }
        // If it cannot be deleted now, the rollback deletes it, and does not give it its old secret back.
        state.nothing_to_roll_back();
        self.delete_unless_delivered(state, id, Step::Done);
        Err(self.end_refused(&id).await)
    }

    /// Checks the user of a stored sign-in, and who acts for the user. Ends the sign-in of the one who is refused.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the user is refused, and
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the check fails.
    pub(super) async fn check_user(&self, record: &Record) -> Result<(), AuthError> {
        let Some(user) = UserCheck::of_record(record) else { return Ok(()) };
        if let Some(actor) = record.actor() {
            self.check_actor(actor).await?;
        }
        if self.passes(user).await? { Ok(()) } else { Err(self.end_refused(&record.id).await) }
    }

    async fn check_actor(&self, actor: &Actor) -> Result<(), AuthError> {
        if self.settings.user_check.is_none() {
            return Ok(());
        }
        let own = self.load_actor(actor, self.settings.clock.now()).await?;
        let user = own.as_deref().and_then(UserCheck::of_record);
        let passes = match user {
            Some(user) => self.passes(user).await?,
            None => false,
        };
        if passes { Ok(()) } else { Err(self.end_refused(&actor.sign_in).await) }
    }

    async fn passes(&self, user: UserCheck) -> Result<bool, AuthError> {
        let Some(checks) = &self.settings.user_check else { return Ok(true) };
        let (id, subject) = (user.sign_in, Arc::clone(&user.subject));
        // Read before the check: a change of the user after it is not covered by its answer.
        let now = self.settings.clock.now();
        let passes = (checks.check)(user).await;
        let passes = passes.map_err(|error| AuthError::new(AuthErrorKind::Unavailable, error))?;
        match self.settings.user_check_age {
            Some(age) if passes => checks.passed(id, age, now),
            _ if passes => {}
            _ => tracing::info!(subject = &*subject, sign_in = %id, "user refused; sign-in ended"),
        }
        Ok(passes)
    }

    /// Ends a sign-in whose user is refused, and returns the error to report.
    async fn end_refused(&self, id: &SignInId) -> AuthError {
        match self.store.delete(id).await {
            Ok(ended) => {
                count_ended("refused", usize::from(ended));
                let refused = "the application refuses the user";
                AuthError::new(AuthErrorKind::Unauthenticated, refused)
            }
            Err(error) => error.into(),
        }
    }
}
