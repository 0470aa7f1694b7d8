//! [`Throttle`]: limits how often a password can be guessed, on all nodes together.
//!
//! The wrong attempts for a user, and those from an address, are counted in a record of the store that keeps the
//! sign-ins. It lasts as long as they count.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, Clock, SignInId, Timestamp};
use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::StoreErrorKind;
use crate::lifetime::Deadlines;
use crate::manager::{AskingAgain, Backoff, EventHandler, SignInEvent};
use crate::record::Record;
use crate::store::{CompareAndSwap, IntoStore, Store};

/// The key of the number of wrong attempts.
const COUNT: &str = "count";

/// Limits how often someone can guess a password, a code or another secret of a user: by the user, and by the address
/// of the client. All nodes with the same store share the limits.
///
/// An attempt counts as wrong from its begin until it has [succeeded](ThrottledAttempt::succeeded). So attempts at the
/// same time do not exceed the limit. Users who do not exist count like others, so that the answer does not reveal
/// them.
///
/// An attacker who guesses also keeps the user from signing in by a password for the rest of the period. Offer another
/// way in, such as a passkey, or a device that the user has used before.
///
/// ```
/// use std::net::IpAddr;
/// use auth_core::{Auth, AuthError, Principal, SignedIn};
/// use auth_store::Throttle;
///
/// # fn is_right(_: &str, _: &str) -> bool { true }
/// async fn login(
///     auth: Auth,
///     throttle: &Throttle, // `Throttle::new(store)`
///     address: IpAddr,
///     (name, password): (&str, &str),
/// ) -> Result<SignedIn, AuthError> {
///     let attempt = throttle.attempt(name, Some(address)).await?; // 429 after too many
///     if !is_right(name, password) {
///         return Err(auth.unauthenticated("wrong password"));
///     }
///     attempt.succeeded().await?;
///     auth.sign_in(Principal::new(name)).await
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Throttle {
    store: Arc<dyn Store>,
    clock: Clock,
    per_user: Rate,
    per_address: Rate,
    events: EventHandler,
}

/// How many wrong attempts are allowed in a period, which begins with the first.
#[derive(Clone, Copy, Debug)]
struct Rate {
    max: NonZeroU32,
    period: Duration,
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

impl Rate {
    const fn new(max: u32, period: Duration) -> Self {
        Self { max: NonZeroU32::new(max).expect("`max` must be at least 1"), period }
    }
}

impl Throttle {
    /// Creates a throttle that keeps its numbers in this store.
    pub fn new(store: impl IntoStore) -> Self {
        Self {
            store: Arc::new(AskingAgain(store.into_store())),
            clock: Clock::system(),
            per_user: Rate::new(10, TEN_MINUTES),
            per_address: Rate::new(100, TEN_MINUTES),
            events: EventHandler::default(),
        }
    }

    /// Sets how many wrong attempts are allowed for one user in this period. Defaults to 10 in ten minutes.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero.
    pub fn per_user(self, max: u32, period: Duration) -> Self {
        Self { per_user: Rate::new(max, period), ..self }
    }

    /// Sets how many wrong attempts are allowed from one address in this period. Defaults to 100 in ten minutes,
    /// because many users may share an address. IPv6 addresses count together if their first 64 bits are equal.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero.
    pub fn per_address(self, max: u32, period: Duration) -> Self {
        Self { per_address: Rate::new(max, period), ..self }
    }

    /// Sets the clock. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Calls `handle` with [`SignInEvent::TooManyAttempts`] for each attempt that is refused. It must be quick.
    pub fn on_event(self, handle: impl Fn(SignInEvent) + Send + Sync + 'static) -> Self {
        Self { events: EventHandler::new(handle), ..self }
    }

    /// Begins an attempt for this user, before the secret is verified. `user` is the name by which the application
    /// finds the user, in one spelling. Behind a proxy, only the application knows the address of the client.
    ///
    /// # Errors
    ///
    /// Returns [`TooManyAttempts`](auth_core::AuthErrorKind::TooManyAttempts) if there were too many wrong attempts, and
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn attempt(
        &self,
        user: &str,
        address: Option<IpAddr>,
    ) -> Result<ThrottledAttempt, AuthError> {
        let now = self.clock.now();
        let of_address =
            address.map(|address| (self.counter(2, &network(address)), self.per_address));
        let of_user = (self.counter(1, user.as_bytes()), self.per_user);
        let mut counters = Vec::new();
        // The address first, so that a client that is refused adds no records of further users.
        for (counter, rate) in of_address.into_iter().chain([of_user]) {
            if let Err(wait) = self.count(&counter, rate, now).await? {
                tracing::warn!(user, ?address, ?wait, "too many attempts");
                self.events.handle(|| SignInEvent::TooManyAttempts { user: user.into(), address });
                return Err(AuthError::too_many_attempts(wait));
            }
            counters.push(counter);
        }
        Ok(ThrottledAttempt { throttle: self.clone(), counters })
    }

    fn counter(&self, by: u8, name: &[u8]) -> Counter {
        let hash = Sha256::new_with_prefix(b"auth/attempts").chain_update([by]).chain_update(name);
        let hash: [u8; 32] = hash.finalize().into();
        let text = URL_SAFE_NO_PAD.encode_to_string(&hash[..24]);
        let subject: Arc<str> = format!("{}attempts/{text}", Record::RESERVED).into();
        let id = self.store.derived_id(Some(&subject), std::array::from_fn(|i| hash[i]));
        Counter { id, subject }
    }

    /// Counts an attempt, or returns how long the client has to wait.
    async fn count(
        &self,
        Counter { id, subject }: &Counter,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, AuthError> {
        let mut backoff = Backoff::new();
        loop {
            match self.store.load(id).await? {
                None => {
                    let deadlines = Deadlines { idle_secs: 0, ends_at: now + rate.period };
                    let subject = Some(Arc::clone(subject));
                    let mut record = Record::without_secret(*id, subject, deadlines, now);
                    record.data.insert(COUNT, "1");
                    match self.store.create(record, self.store.bounds().lower(None)).await {
                        Ok(_) => return Ok(Ok(())),
                        Err(error) if error.kind() == StoreErrorKind::DuplicateId => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Some(record) if record.expiry(now).is_some() => {
                    self.store.delete_if_version(id, record.version).await?;
                }
                Some(record) => {
                    let count = count_in(&record);
                    if count >= rate.max.get() {
                        return Ok(Err(record.deadlines.ends_at.since(now)));
                    }
                    if self.set(id, &record, count + 1).await? {
                        return Ok(Ok(()));
                    }
                }
            }
            backoff.pause().await?;
        }
    }

    /// Takes an attempt back that was not wrong.
    async fn take_back(&self, id: &SignInId) -> Result<(), AuthError> {
        let mut backoff = Backoff::new();
        while let Some(record) = self.store.load(id).await? {
            let count = count_in(&record).saturating_sub(1);
            if self.set(id, &record, count).await? {
                break;
            }
            backoff.pause().await?;
        }
        Ok(())
    }

    async fn set(&self, id: &SignInId, record: &Record, count: u32) -> Result<bool, AuthError> {
        let mut data = record.data.clone();
        data.insert(COUNT, count.to_string());
        let swapped = self.store.update(id, record.version, data).await?;
        Ok(matches!(swapped, CompareAndSwap::Stored(_)))
    }
}

fn count_in(record: &Record) -> u32 {
    record.data.get(COUNT).and_then(|json| json.parse().ok()).unwrap_or(u32::MAX)
}

/// Returns the part of an address that one client does not choose.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

/// Where the attempts of a user, or from an address, are counted.
#[derive(Clone, Debug)]
struct Counter {
    id: SignInId,
    subject: Arc<str>,
}

/// An attempt that has begun, returned by [`Throttle::attempt`]. It counts as wrong unless it succeeds.
#[derive(Debug)]
#[must_use = "the attempt counts as wrong unless it succeeds"]
pub struct ThrottledAttempt {
    throttle: Throttle,
    counters: Vec<Counter>,
}

impl ThrottledAttempt {
    /// Does not count the attempt, because the secret was right.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer. The attempt may count
    /// then.
    pub async fn succeeded(self) -> Result<(), AuthError> {
        for counter in &self.counters {
            self.throttle.take_back(&counter.id).await?;
        }
        Ok(())
    }
}
