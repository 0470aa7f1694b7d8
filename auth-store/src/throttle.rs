//! [`Throttle`]: limits how often a password can be guessed, on all nodes together.
//!
//! The store that keeps the sign-ins also keeps the counters: a record for each user and each address, and for each
//! period in which they make an attempt. No record is used for a second period, so a counter only grows, or shrinks
//! by an attempt that is taken back.

use std::error::Error;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, Clock, SignInId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::Deadlines;
use crate::manager::{AskingAgain, Backoff, EventHandler, KeyedLocks, SignInEvent};
use crate::record::Record;
use crate::store::{CompareAndSwap, IntoStore, Store};

/// The key of the number of attempts.
const COUNT: &str = "count";

/// The key that marks a counter after the application's handler was called for it.
const TOLD: &str = "told";

/// Limits how often clients can guess a password, a code or another secret of a user: by the user, and by the address
/// of the client. Nodes that share a store share the limits.
///
/// An attempt counts before the secret is checked, so attempts at the same time do not exceed a limit. It is
/// [taken back](ThrottledAttempt::take_back) if the secret was right. So secrets of one user are checked at most as
/// many at a time as wrong ones are allowed, and one more is refused even if all of them are right. Users who do not
/// exist count like others, so that the answer does not reveal them. A refused attempt counts neither for the user nor
/// for the address.
///
/// An attacker who guesses also keeps the user from signing in by a password for the rest of the period. Offer another
/// way to sign in, such as a passkey.
///
/// ```
/// use std::net::IpAddr;
/// use auth_core::{Auth, AuthError, Principal, SignedIn};
/// use auth_store::Throttle;
///
/// # fn is_password(_: &str, _: &str) -> bool { true }
/// async fn login(
///     auth: Auth,
///     throttle: &Throttle, // `Throttle::new(store)`
///     address: IpAddr,
///     (name, password): (&str, &str),
/// ) -> Result<SignedIn, AuthError> {
///     let attempt = throttle.attempt(name, Some(address)).await?; // 429 after too many
///     if !is_password(name, password) {
///         return Err(auth.wrong_credentials("wrong password"));
///     }
///     attempt.take_back().await;
///     auth.sign_in(Principal::new(name)).await
/// }
/// ```
///
/// # Periods
///
/// One period follows the other, and each begins without attempts. So twice as many attempts as in one period are
/// possible in a short time, around the end of a period. The time to wait ends with the period.
///
/// # Size
///
/// The store keeps a record for each user and each address of the current period. Pass the address, so that one client
/// can try only as many names as its limit allows. While the store does not answer, no attempt begins: a throttle that
/// let attempts pass would be useless while an attacker overloads the store.
#[derive(Clone, Debug)]
#[must_use]
pub struct Throttle {
    store: Arc<dyn Store>,
    locks: Arc<KeyedLocks>,
    clock: Clock,
    name: Arc<str>,
    per_user: Rate,
    per_address: Rate,
    events: EventHandler,
}

/// How many attempts are allowed in a period.
#[derive(Clone, Copy, Debug)]
struct Rate {
    max: NonZeroU32,
    period: Duration,
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

impl Rate {
    fn new(max: u32, period: Duration) -> Self {
        assert!(period >= Duration::from_secs(1), "`period` must be at least 1 second");
        Self { max: NonZeroU32::new(max).expect("`max` must be at least 1"), period }
    }

    /// Returns the number of the period at `now`, and when it ends.
    fn period_at(self, now: Timestamp) -> (u64, Timestamp) {
        let millis = u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX);
        let number = now.as_millis() / millis;
        (number, Timestamp::from_millis((number + 1).saturating_mul(millis)))
    }
}

impl Throttle {
    /// Creates a throttle that keeps its counters in this store.
    pub fn new(store: impl IntoStore) -> Self {
        Self {
            store: Arc::new(AskingAgain(store.into_store())),
            locks: Arc::default(),
            clock: Clock::system(),
            name: "password".into(),
            per_user: Rate::new(10, TEN_MINUTES),
            per_address: Rate::new(100, TEN_MINUTES),
            events: EventHandler::default(),
        }
    }

    /// Names what is guessed, such as `one-time code`. Defaults to `password`. Throttles in one store share their
    /// counters if their names and periods are equal, so a throttle for second factors needs a name of its own.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets how many wrong attempts are allowed for one user in each period. Defaults to 10 in ten minutes. NIST SP
    /// 800-63B allows at most 100 in a row.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero, or `period` is shorter than a second.
    pub fn per_user(self, max: u32, period: Duration) -> Self {
        Self { per_user: Rate::new(max, period), ..self }
    }

    /// Sets how many wrong attempts are allowed from one address in each period. Defaults to 100 in ten minutes,
    /// because many users may share an address. IPv6 addresses whose first 64 bits are equal count together. Those
    /// whose first 48 bits are equal, of which one client may have all, are allowed ten times as many.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero, or `period` is shorter than a second.
    pub fn per_address(self, max: u32, period: Duration) -> Self {
        Self { per_address: Rate::new(max, period), ..self }
    }

    /// Sets the clock. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Calls `handle` with [`SignInEvent::TooManyAttempts`] when an attempt is refused, once for each user or address and
    /// period. It must be quick, because the request waits for it.
    pub fn on_event(self, handle: impl Fn(SignInEvent) + Send + Sync + 'static) -> Self {
        Self { events: EventHandler::new(handle), ..self }
    }

    /// Counts an attempt for this user, before its secret is checked. `user` is the name by which the application
    /// finds the user, in one spelling. Pass the client's address if you know it. Behind a proxy, only the
    /// application knows which header to trust. The proxy's own address would give all users one limit.
    ///
    /// If the future is dropped before it has completed, the attempt may count.
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
        let networks = address.map(networks).unwrap_or_default();
        let of_address = networks.into_iter().map(|(of, times)| (Limit::Address, of, times));
        let of_user = (Limit::User, user.as_bytes().to_vec(), 1);
        let mut found = Vec::new();
        for (limit, of, times) in of_address.chain([of_user]) {
            let counter = self.counter(limit, &of, times, now);
            let record = self.store.load(&counter.id).await?;
            // Before anything is written, so that a flood of refused attempts only reads.
            if let Some(full) = record.as_ref().filter(|record| counter.is_full(record)) {
                return Err(self.refuse(&counter, full, (user, address), now).await);
            }
            found.push((counter, record));
        }
        let mut attempt = ThrottledAttempt { throttle: self.clone(), counted: Vec::new() };
        for (counter, record) in found {
            match self.count(&counter, record, now).await? {
                Ok(counted) => attempt.counted.push(counted),
                Err(full) => {
                    attempt.take_back().await;
                    return Err(self.refuse(&counter, &full, (user, address), now).await);
                }
            }
        }
        Ok(attempt)
    }

    /// Counts an attempt, or returns the record of a counter that has reached its limit. `found` may be older: the
    /// versions of a record only grow.
    async fn count(
        &self,
        counter: &Counter,
        mut found: Option<Arc<Record>>,
        now: Timestamp,
    ) -> Result<Result<Arc<Record>, Arc<Record>>, AuthError> {
        // Attempts on this node take turns. Between nodes, the version of the record decides.
        let _turn = self.locks.lock(&counter.id).await?;
        let mut backoff = Backoff::new();
        loop {
            found = match found {
                Some(full) if counter.is_full(&full) => return Ok(Err(full)),
                Some(record) => match self.set(&record, count_in(&record) + 1).await? {
                    CompareAndSwap::Stored(record) => return Ok(Ok(record)),
                    CompareAndSwap::Conflict(newer) => Some(newer),
                    CompareAndSwap::NotFound => None,
                },
                None => match self.create(counter, now).await? {
                    Some(record) => return Ok(Ok(record)),
                    None => self.store.load(&counter.id).await?,
                },
            };
            backoff.pause().await?;
        }
    }

    /// Begins to count in a period. Returns `None` if another attempt has begun.
    async fn create(
        &self,
        counter: &Counter,
        now: Timestamp,
    ) -> Result<Option<Arc<Record>>, AuthError> {
        let subject = Some(Arc::clone(&counter.subject));
        let deadlines = Deadlines { idle_secs: 0, ends_at: counter.ends_at };
        let mut record = Record::without_secret(counter.id, subject, deadlines, now);
        record.data.insert(COUNT, "1");
        let counted = Arc::new(record.clone());
        match self.store.create(record, self.store.bounds().lower(None)).await {
            Ok(_) => Ok(Some(counted)),
            Err(error) if error.kind() == StoreErrorKind::DuplicateId => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn set(&self, record: &Record, count: u32) -> Result<CompareAndSwap, StoreError> {
        let mut data = record.data.clone();
        data.insert(COUNT, count.to_string());
        self.store.update(&record.id, record.version, data).await
    }

    /// Refuses an attempt. The first refusal marks the counter and calls the application's handler. If the counter has
    /// changed meanwhile, it is not marked, and the next refusal does both.
    async fn refuse(
        &self,
        counter: &Counter,
        full: &Record,
        (user, address): (&str, Option<IpAddr>),
        now: Timestamp,
    ) -> AuthError {
        let wait = counter.ends_at.since(now);
        if full.data.get(TOLD).is_none() {
            let mut data = full.data.clone();
            data.insert(TOLD, "true");
            match self.store.update(&full.id, full.version, data).await {
                Ok(CompareAndSwap::Stored(_)) => {
                    let (limit, name) = (counter.limit, &*self.name);
                    // Without the user: people type passwords into the field of the name.
                    tracing::warn!(throttle = name, ?limit, ?address, ?wait, "too many attempts");
                    let user = (limit == Limit::User).then(|| user.into());
                    self.events.handle(|| SignInEvent::TooManyAttempts { user, address });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "refused attempt not recorded");
                }
            }
        }
        AuthError::too_many_attempts(wait)
    }

    async fn take_back(&self, counted: &Arc<Record>) -> Result<(), AuthError> {
        let _turn = self.locks.lock(&counted.id).await?;
        let (mut newest, mut backoff) = (Arc::clone(counted), Backoff::new());
        while let CompareAndSwap::Conflict(newer) =
            self.set(&newest, count_in(&newest).saturating_sub(1)).await?
        {
            newest = newer;
            backoff.pause().await?;
        }
        Ok(())
    }

    /// Returns where the attempts for a user, or from a network, are counted at this time. `times` as many are allowed
    /// as usual.
    fn counter(&self, limit: Limit, of: &[u8], times: u32, now: Timestamp) -> Counter {
        let rate = match limit {
            Limit::User => self.per_user,
            Limit::Address => self.per_address,
        };
        let (number, ends_at) = rate.period_at(now);
        let mut hash = Sha256::new_with_prefix(b"auth/attempts");
        for part in [&[limit as u8], self.name.as_bytes(), of] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(number.to_be_bytes());
        hash.update(ends_at.as_millis().to_be_bytes());
        let hash = hash.finalize();
        let hash: [u8; 16] = std::array::from_fn(|at| hash[at]);
        let subject = format!("{}attempts/{:032x}", Record::RESERVED, u128::from_be_bytes(hash));
        let id = self.store.derived_id(Some(&subject), hash);
        let max = rate.max.get().saturating_mul(times);
        Counter { limit, max, ends_at, id, subject: subject.into() }
    }
}

fn count_in(record: &Record) -> u32 {
    record.data.get(COUNT).and_then(|json| json.parse().ok()).unwrap_or(u32::MAX)
}

/// Returns the networks in which an address counts, and how many times as many attempts each allows as an address. A
/// client chooses the last 64 bits of an IPv6 address, and one that has a larger network chooses up to 80.
fn networks(address: IpAddr) -> Vec<(Vec<u8>, u32)> {
    match address.to_canonical() {
        IpAddr::V4(address) => vec![(address.octets().to_vec(), 1)],
        IpAddr::V6(address) => [(8, 1), (6, 10)]
            .map(|(bytes, times)| (address.octets()[..bytes].to_vec(), times))
            .to_vec(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    User,
    Address,
}

/// Where the attempts for a user, or from an address, are counted in one period.
struct Counter {
    limit: Limit,
    max: u32,
    ends_at: Timestamp,
    id: SignInId,
    subject: Arc<str>,
}

impl Counter {
    fn is_full(&self, record: &Record) -> bool {
        count_in(record) >= self.max
    }
}

/// An attempt that has begun, returned by [`Throttle::attempt`]. It counts as wrong unless it is taken back.
#[derive(Debug)]
#[must_use = "the attempt counts as wrong unless it is taken back"]
pub struct ThrottledAttempt {
    throttle: Throttle,
    /// The records after it was counted.
    counted: Vec<Arc<Record>>,
}

impl ThrottledAttempt {
    /// Takes the attempt back, because the secret was right, or could not be checked. If the store does not answer, it
    /// may still count.
    pub async fn take_back(self) {
        for counted in &self.counted {
            if let Err(error) = self.throttle.take_back(counted).await {
                tracing::warn!(error = &error as &dyn Error, "attempt still counted");
            }
        }
    }
}
