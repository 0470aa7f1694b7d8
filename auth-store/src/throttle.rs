//! [`Throttle`]: limits how often a password can be guessed, on all nodes together.
//!
//! The store that keeps the sign-ins also keeps the counters: a record for each, which lasts as long as its attempts
//! count. The hash of a user or an address selects one of a fixed number of counters, so an attacker who tries many
//! names fills no store.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, Clock, SignInId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::error::StoreErrorKind;
use crate::lifetime::Deadlines;
use crate::manager::{AskingAgain, Backoff, EventHandler, KeyedLocks, SignInEvent};
use crate::record::Record;
use crate::store::{CompareAndSwap, Deleted, IntoStore, Store};

/// The key of the number of attempts.
const COUNT: &str = "count";

/// Limits how often someone can guess a password, a code or another secret of a user: by the user, and by the address
/// of the client. Nodes that share a store share the limits.
///
/// An attempt counts before the secret is checked, so attempts at the same time do not exceed a limit. One that has
/// [succeeded](ThrottledAttempt::succeeded) is taken back. Users who do not exist count like others, so that the
/// answer does not reveal them.
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
///     attempt.succeeded().await;
///     auth.sign_in(Principal::new(name)).await
/// }
/// ```
///
/// # Size
///
/// The store keeps at most 65,536 counters for users, and as many for addresses, each until its period has passed. Users
/// whose names have the same hash share a counter and its limit. While the store does not answer, no attempt begins: a
/// throttle that let attempts pass would be useless while an attacker overloads the store.
#[derive(Clone, Debug)]
#[must_use]
pub struct Throttle {
    store: Arc<dyn Store>,
    locks: Arc<KeyedLocks>,
    clock: Clock,
    per_user: Rate,
    per_address: Rate,
    events: EventHandler,
}

/// How many attempts are allowed in a period, which begins with the first.
#[derive(Clone, Copy, Debug)]
struct Rate {
    max: NonZeroU32,
    period: Duration,
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

impl Rate {
    fn new(max: u32, period: Duration) -> Self {
        Self { max: NonZeroU32::new(max).expect("`max` must be at least 1"), period }
    }
}

impl Throttle {
    /// Creates a throttle that keeps its counters in this store.
    pub fn new(store: impl IntoStore) -> Self {
        Self {
            store: Arc::new(AskingAgain(store.into_store())),
            locks: Arc::default(),
            clock: Clock::system(),
            per_user: Rate::new(10, TEN_MINUTES),
            per_address: Rate::new(100, TEN_MINUTES),
            events: EventHandler::default(),
        }
    }

    /// Sets how many wrong attempts are allowed for one user in this period, which begins with the first of them.
    /// Defaults to 10 in ten minutes. NIST SP 800-63B allows at most 100 in a row.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero.
    pub fn per_user(self, max: u32, period: Duration) -> Self {
        Self { per_user: Rate::new(max, period), ..self }
    }

    /// Sets how many wrong attempts are allowed from one address in this period. Defaults to 100 in ten minutes,
    /// because many users may share an address. IPv6 addresses whose first 64 bits are equal count together.
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

    /// Calls `handle` with [`SignInEvent::TooManyAttempts`] for each attempt that is refused. It must be quick, because
    /// the request waits for it.
    pub fn on_event(self, handle: impl Fn(SignInEvent) + Send + Sync + 'static) -> Self {
        Self { events: EventHandler::new(handle), ..self }
    }

    /// Counts an attempt for this user, before its secret is checked. `user` is the name by which the application
    /// finds the user, in one spelling. Attempts of another sort, such as those of a second factor, count apart with
    /// another name, such as `otp:alice`. Pass the client's address if you know it. Behind a proxy, only the
    /// application knows which header to trust.
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
        let mut attempt = ThrottledAttempt { throttle: self.clone(), counted: Vec::new() };
        let of_address = address.map(|it| (Counter::of(b'a', &network(it)), self.per_address));
        let of_user = (Counter::of(b'u', user.as_bytes()), self.per_user);
        for (counter, rate) in of_address.into_iter().chain([of_user]) {
            match self.count(&counter, rate, now).await? {
                Ok(counted) => attempt.counted.push(counted),
                Err(wait) => {
                    tracing::warn!(user, ?address, ?wait, "too many attempts");
                    let user = user.into();
                    self.events.handle(|| SignInEvent::TooManyAttempts { user, address });
                    return Err(AuthError::too_many_attempts(wait));
                }
            }
        }
        Ok(attempt)
    }

    /// Counts an attempt, or returns how long the client has to wait.
    async fn count(
        &self,
        counter: &Counter,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Result<Counted, Duration>, AuthError> {
        let id = self.store.derived_id(Some(&counter.subject), counter.hash);
        let mut found = self.store.load(&id).await?;
        let refused = |found: &Option<Arc<Record>>| {
            let record = found.as_ref().filter(|record| record.expiry(now).is_none())?;
            (count_in(record) >= rate.max.get()).then(|| record.deadlines.ends_at.since(now))
        };
        if let Some(wait) = refused(&found) {
            return Ok(Err(wait)); // without a turn, so that a flood of attempts keeps none waiting
        }
        let _turn = self.locks.lock(&id).await?;
        let mut backoff = Backoff::new();
        loop {
            if let Some(wait) = refused(&found) {
                return Ok(Err(wait));
            }
            found = match found {
                None => match self.create(id, counter, rate, now).await? {
                    Some(counted) => return Ok(Ok(counted)),
                    None => self.store.load(&id).await?,
                },
                Some(record) if record.expiry(now).is_some() => {
                    match self.store.delete_if_version(&id, record.version).await? {
                        Deleted::Conflict(newer) => Some(newer),
                        Deleted::Done | Deleted::NotFound => None,
                    }
                }
                Some(record) => match self.set(&record, count_in(&record) + 1).await? {
                    CompareAndSwap::Stored(record) => return Ok(Ok(Counted(record))),
                    CompareAndSwap::Conflict(newer) => Some(newer),
                    CompareAndSwap::NotFound => None,
                },
            };
            backoff.pause().await?;
        }
    }

    /// Begins a period with an attempt. Returns `None` if another node has begun one.
    async fn create(
        &self,
        id: SignInId,
        counter: &Counter,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Counted>, AuthError> {
        let subject = Some(Arc::clone(&counter.subject));
        let deadlines = Deadlines { idle_secs: 0, ends_at: now + rate.period };
        let mut record = Record::without_secret(id, subject, deadlines, now);
        record.data.insert(COUNT, "1");
        let counted = Counted(Arc::new(record.clone()));
        match self.store.create(record, self.store.bounds().lower(None)).await {
            Ok(_) => Ok(Some(counted)),
            Err(error) if error.kind() == StoreErrorKind::DuplicateId => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn set(&self, record: &Record, count: u32) -> Result<CompareAndSwap, AuthError> {
        let mut data = record.data.clone();
        data.insert(COUNT, count.to_string());
        Ok(self.store.update(&record.id, record.version, data).await?)
    }

    /// Takes an attempt back, unless its period has passed.
    async fn take_back(&self, Counted(counted): &Counted) -> Result<(), AuthError> {
        let _turn = self.locks.lock(&counted.id).await?;
        let (mut newest, mut backoff) = (Arc::clone(counted), Backoff::new());
        while newest.created_at == counted.created_at {
            match self.set(&newest, count_in(&newest).saturating_sub(1)).await? {
                CompareAndSwap::Conflict(newer) => newest = newer,
                CompareAndSwap::Stored(_) | CompareAndSwap::NotFound => break,
            }
            backoff.pause().await?;
        }
        Ok(())
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

/// Where the attempts for a user, or from an address, are counted.
struct Counter {
    /// What the id of the record is derived from.
    hash: [u8; 16],
    subject: Arc<str>,
}

impl Counter {
    fn of(by: u8, name: &[u8]) -> Self {
        let prefix = || Sha256::new_with_prefix(b"auth/attempts").chain_update([by]);
        let hash = prefix().chain_update(name).finalize();
        let number = u16::from_be_bytes([hash[0], hash[1]]);
        let of_record = prefix().chain_update(b"/").chain_update(number.to_be_bytes()).finalize();
        Self {
            hash: std::array::from_fn(|at| of_record[at]),
            subject: format!("{}attempts/{}{number}", Record::RESERVED, char::from(by)).into(),
        }
    }
}

/// An attempt that was counted: the record after that.
#[derive(Debug)]
struct Counted(Arc<Record>);

/// An attempt that has begun, returned by [`Throttle::attempt`]. It counts as wrong unless it succeeds.
#[derive(Debug)]
#[must_use = "the attempt counts as wrong unless it succeeds"]
pub struct ThrottledAttempt {
    throttle: Throttle,
    counted: Vec<Counted>,
}

impl ThrottledAttempt {
    /// Takes the attempt back, because the secret was right. If the store does not answer, it may still count.
    pub async fn succeeded(self) {
        for counted in &self.counted {
            if let Err(error) = self.throttle.take_back(counted).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "attempt still counted");
            }
        }
    }
}
