//! [`RemoteKeys`]: the keys that were fetched, and the task that fetches them.
//!
//! A request never fetches. It wakes the task, and waits for the end of a fetch if it has to. A request that
//! is cancelled cancels nothing.

use std::fmt;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::builder::RemoteKeysBuilder;
use super::error::{FetchError, FetchErrorKind};
use super::record::{self, Change, Named};
use super::schedule::{Answer, Fetch, Schedule};
use super::source::{Address, Fetched, Memory, Source};
use crate::key::{ParsedKey, SkippedKey};
use crate::key_set::KeySet;

/// The maximum time of one fetch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time for which a request waits for a fetch: two fetches of maximum length, because another one
/// may be under way, and a second. Only a task that does not run takes longer.
const MAX_WAIT: Duration = Duration::from_secs(11);

/// The keys of an issuer, which are fetched from it. A clone is another handle on the same keys.
///
/// The first token fetches the keys, or [`ready`](Self::ready) does. From then on a background task fetches
/// them again before they expire, as long as a handle exists. A token whose key is known is verified without
/// waiting. One whose key is not known waits for a fetch. Such tokens cause at most one fetch per
/// [`cooldown`](RemoteKeysBuilder::cooldown).
///
/// A key that the issuer no longer publishes is rejected from the next fetch on, even for tokens in the cache
/// of verified tokens. While the issuer does not answer, its last keys are trusted for
/// [`max_staleness`](RemoteKeysBuilder::max_staleness). While no key is trusted, requests get 503.
///
/// Secrets (`oct`) and private keys in the set are skipped, because anyone can read them.
/// [`InvalidKey`](crate::InvalidKey) lists the other reasons for skipping a key.
/// [`status`](Self::status) returns the skipped keys.
///
/// ```no_run
/// use auth_jwt::{JwtAuth, RemoteKeys};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::discover("https://login.example").build()?;
/// let auth = JwtAuth::new(keys.clone()).audience("shop");
///
/// keys.ready().await?; // optional: the first token would fetch the keys
/// println!("{} keys", keys.status().keys);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<Source>,
    name: Arc<str>,
    /// Whether the application configured the name, or the keys have verified a token.
    is_verified: AtomicBool,
    max_staleness: Duration,
    clock: RwLock<Clock>,
    keys: RwLock<Arc<[Arc<ParsedKey>]>>,
    /// How often the keys were replaced.
    generation: Arc<AtomicU64>,
    schedule: Mutex<Schedule>,
    last: Mutex<Last>,
    task: Mutex<Task>,
    /// Wakes the task.
    wake: Arc<Notify>,
    /// The number of fetches that have ended.
    completed: watch::Sender<u64>,
}

/// The last task that was started, by number.
#[derive(Default)]
struct Task {
    number: u64,
    handle: Option<AbortHandle>,
}

/// What the last fetches returned.
#[derive(Default)]
struct Last {
    fetched_at: Option<Timestamp>,
    skipped: Arc<[SkippedKey]>,
    error: Option<FetchError>,
}

/// A snapshot of [`RemoteKeys`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteKeysStatus {
    /// The number of keys that are trusted.
    pub keys: usize,
    /// The keys of the last set that cannot be used, with the reasons.
    pub skipped: Arc<[SkippedKey]>,
    /// When the issuer last returned the keys, or confirmed them.
    pub fetched_at: Option<Timestamp>,
    /// Until when the keys are trusted if the issuer no longer answers.
    pub trusted_until: Option<Timestamp>,
    /// The number of failed fetches since then.
    pub failures: u32,
    /// Why the last fetch failed, or `None` if it succeeded.
    pub last_error: Option<FetchError>,
}

/// What a token whose key is not known has to do.
pub(crate) enum Demand {
    /// It waits for the end of this fetch.
    Wait(Fetch),
    /// It is rejected.
    Reject,
    /// There are no keys.
    Unavailable(FetchError),
}

impl RemoteKeys {
    /// Fetches the keys of this issuer from the address that its discovery document names (OpenID Connect
    /// Discovery 1.0, RFC 8414). Tokens must name the issuer exactly as it is written here.
    pub fn discover(issuer: impl Into<Arc<str>>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::discover(issuer.into())
    }

    /// Fetches the keys from this address. Set the issuer with [`JwtAuth::issuer`](crate::JwtAuth::issuer).
    pub fn jwks(url: impl Into<Box<str>>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::jwks(url.into())
    }

    pub(super) fn new(
        source: Source,
        schedule: Schedule,
        max_staleness: Duration,
        generation: Arc<AtomicU64>,
        is_configured: bool,
    ) -> Self {
        let shared = Shared {
            name: source.address.name(),
            is_verified: AtomicBool::new(is_configured),
            source: Arc::new(source),
            max_staleness,
            clock: RwLock::default(),
            keys: RwLock::default(),
            generation,
            schedule: Mutex::new(schedule),
            last: Mutex::default(),
            task: Mutex::default(),
            wake: Arc::default(),
            completed: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until there are keys that are trusted, for a readiness probe or at the start. Does not wait if
    /// there are some already, or if a fetch failed just now.
    ///
    /// # Errors
    ///
    /// Returns why the last fetch failed.
    pub async fn ready(&self) -> Result<(), FetchError> {
        let now = self.shared.clock().now();
        if self.has_trusted(now) {
            return Ok(());
        }
        match self.demand(now) {
            Demand::Wait(fetch) => self.wait(fetch).await?,
            Demand::Reject => {}
            Demand::Unavailable(error) => return Err(error),
        }
        self.unavailable(self.shared.clock().now()).map_or(Ok(()), Err)
    }

    /// Fetches the keys now, even if the last fetch was a moment ago. If a fetch is under way, another one
    /// follows it, because the first may have begun before the keys changed.
    ///
    /// # Errors
    ///
    /// Returns why the fetch failed. The keys do not change then.
    pub async fn reload(&self) -> Result<(), FetchError> {
        let fetch = self.shared.schedule.lock().demand();
        self.shared.start()?;
        self.wait(fetch).await?;
        self.shared.last.lock().error.clone().map_or(Ok(()), Err)
    }

    /// Returns the current state.
    #[must_use]
    pub fn status(&self) -> RemoteKeysStatus {
        let now = self.shared.clock().now();
        let keys = self.shared.keys.read().iter().filter(|key| key.is_good_at(now)).count();
        let failures = self.shared.schedule.lock().failures();
        let last = self.shared.last.lock();
        RemoteKeysStatus {
            keys,
            skipped: Arc::clone(&last.skipped),
            fetched_at: last.fetched_at,
            trusted_until: last.fetched_at.map(|at| at + self.shared.max_staleness),
            failures,
            last_error: last.error.clone(),
        }
    }

    /// Returns the issuer whose discovery document names the keys.
    pub(crate) fn issuer(&self) -> Option<&Arc<str>> {
        match &self.shared.source.address {
            Address::Issuer { issuer, .. } => Some(issuer),
            Address::KeySet(_) => None,
        }
    }

    pub(crate) fn set_clock(&self, clock: &Clock) {
        *self.shared.clock.write() = clock.clone();
        self.shared.wake.notify_one();
    }

    /// Returns the first key that passes the check.
    pub(crate) fn find(
        &self,
        check: impl FnMut(&&Arc<ParsedKey>) -> bool,
    ) -> Option<Arc<ParsedKey>> {
        let keys = Arc::clone(&self.shared.keys.read());
        keys.iter().find(check).cloned()
    }

    /// Notes that the keys of an issuer which a rule has admitted verified a token.
    pub(super) fn set_verified(&self) {
        self.shared.is_verified.store(true, Ordering::Relaxed);
        record::verified(&self.shared.name, self.shared.keys.read().len());
    }

    /// Ends all keys, also for tokens that they verified.
    pub(super) fn end(&self) {
        self.shared.keys.read().iter().for_each(|key| key.end_at(Timestamp::EPOCH));
    }

    /// Returns a number that changes whenever the keys are replaced.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    fn has_trusted(&self, now: Timestamp) -> bool {
        self.shared.keys.read().iter().any(|key| key.is_good_at(now))
    }

    /// Returns why there are no keys that are trusted, or `None` if there are some.
    pub(crate) fn unavailable(&self, now: Timestamp) -> Option<FetchError> {
        if self.has_trusted(now) {
            return None;
        }
        let last = self.shared.last.lock().error.clone();
        Some(last.unwrap_or_else(|| {
            FetchError::new(FetchErrorKind::Timeout, "the keys have not been fetched yet")
        }))
    }

    /// Decides about a token whose key is not known, and counts it.
    pub(crate) fn unknown_key(&self, now: Timestamp) -> Demand {
        record::unknown_key(self.shared.named());
        self.demand(now)
    }

    /// Decides whether to wait for a fetch, and starts one if necessary.
    pub(crate) fn demand(&self, now: Timestamp) -> Demand {
        let unavailable = self.unavailable(now);
        let answer = {
            let mut schedule = self.shared.schedule.lock();
            let moment = self.shared.clock().monotonic();
            match unavailable {
                Some(_) => schedule.no_keys(moment),
                None => schedule.unknown_key(moment),
            }
        };
        match (answer, unavailable) {
            (Answer::Wait(fetch), _) => match self.shared.start() {
                Ok(()) => Demand::Wait(fetch),
                Err(error) => Demand::Unavailable(error),
            },
            (Answer::CoolingDown, Some(error)) => Demand::Unavailable(error),
            (Answer::CoolingDown, None) => Demand::Reject,
        }
    }

    /// Waits until this fetch has ended.
    ///
    /// # Errors
    ///
    /// Returns an error if the task that fetches does not run, because its runtime is not driven. The next
    /// fetch then starts a task in another runtime.
    pub(crate) async fn wait(&self, fetch: Fetch) -> Result<(), FetchError> {
        let task = self.shared.task.lock().number;
        let mut completed = self.shared.completed.subscribe();
        tokio::select! {
            biased;
            // It fails only if there is no sender, and `self` holds one.
            _ = completed.wait_for(|completed| *completed >= fetch.number) => return Ok(()),
            () = self.shared.sleep(MAX_WAIT) => {}
        }
        self.shared.give_up(task);
        let text = "the task that fetches the keys does not run";
        Err(FetchError::new(FetchErrorKind::Timeout, text))
    }
}

impl Shared {
    fn named(&self) -> Named<'_> {
        Named { issuer: &self.name, is_label: self.is_verified.load(Ordering::Relaxed) }
    }

    fn clock(&self) -> Clock {
        self.clock.read().clone()
    }

    /// Waits for this time. Without a runtime of tokio there are no timers, so it waits forever.
    async fn sleep(&self, time: Duration) {
        match Handle::try_current() {
            Ok(_) => self.clock().sleep(time).await,
            Err(_) => pending().await,
        }
    }

    /// Wakes the task, or starts it.
    fn start(self: &Arc<Self>) -> Result<(), FetchError> {
        let mut task = self.task.lock();
        if task.handle.as_ref().is_none_or(AbortHandle::is_finished) {
            let Ok(runtime) = Handle::try_current() else {
                self.abandon();
                let text = "keys are fetched in a tokio runtime, and there is none";
                return Err(FetchError::new(FetchErrorKind::Request, text));
            };
            task.number += 1;
            let running = Running { shared: Arc::downgrade(self), number: task.number };
            let (source, wake) = (Arc::clone(&self.source), Arc::clone(&self.wake));
            task.handle = Some(runtime.spawn(running.run(source, wake)).abort_handle());
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Ends the task of this number, unless another one has taken its place.
    fn give_up(&self, number: u64) {
        let mut task = self.task.lock();
        if task.number == number
            && let Some(handle) = task.handle.take()
        {
            handle.abort();
            self.abandon();
        }
    }

    /// Ends a fetch.
    fn end(&self, result: Result<Fetched, FetchError>) {
        let clock = self.clock();
        let (now, random) = (clock.monotonic(), fastrand::f64());
        match result {
            Ok(Fetched { set, lifetime }) => {
                self.apply(set, clock.now());
                self.schedule.lock().succeeded(now, lifetime, random);
            }
            Err(error) => {
                let failures = self.schedule.lock().failures() + 1;
                record::failed(self.named(), &error, failures);
                if let Some(at) = self.last.lock().fetched_at {
                    record::age(self.named(), clock.now().since(at));
                }
                self.last.lock().error = Some(error);
                self.schedule.lock().failed(now, random);
            }
        }
        self.announce();
    }

    /// Replaces the keys, or keeps them if there are no new ones. A key that is in both sets stays the
    /// same one, and so do the cached tokens that it verified.
    fn apply(&self, set: Option<KeySet>, now: Timestamp) {
        let old = Arc::clone(&self.keys.read());
        let skipped = set.as_ref().map(|set| set.skipped().into());
        let new: Arc<[_]> = match set {
            None => Arc::clone(&old),
            Some(set) => {
                let is_known = |old: &ParsedKey, new: &ParsedKey| {
                    old.is_equal(new) && old.issuers == new.issuers
                };
                let known = |new: &Arc<ParsedKey>| old.iter().find(|it| is_known(it, new)).cloned();
                set.keys.into_iter().map(|key| known(&key).unwrap_or(key)).collect()
            }
        };
        for key in new.iter() {
            key.end_at(now + self.max_staleness);
        }
        {
            let mut keys = self.keys.write();
            *keys = Arc::clone(&new);
            self.generation.fetch_add(1, Ordering::Release);
        }
        let gone = |key: &&Arc<ParsedKey>| !new.iter().any(|it| Arc::ptr_eq(it, key));
        let mut change = if new.len() == old.len() { Change::Unchanged } else { Change::Changed };
        for key in old.iter().filter(gone) {
            key.end_at(Timestamp::EPOCH);
            record::withdrawn(&self.name, key.kid.as_deref());
            change = Change::Changed;
        }
        let mut last = self.last.lock();
        last.fetched_at = Some(now);
        last.error = None;
        if let Some(skipped) = skipped
            && last.skipped != skipped
        {
            last.skipped = skipped;
            change = Change::Changed;
        }
        record::fetched(self.named(), change, new.len(), &last.skipped);
    }

    /// Releases those who wait for a fetch that does not take place.
    fn abandon(&self) {
        self.schedule.lock().abandon();
        self.announce();
    }

    fn announce(&self) {
        self.completed.send_replace(self.schedule.lock().completed());
    }
}

/// Ends the task with the last handle.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = &self.task.get_mut().handle {
            task.abort();
        }
    }
}

/// The task that fetches. It does not keep the keys alive.
struct Running {
    shared: Weak<Shared>,
    number: u64,
}

impl Running {
    async fn run(self, source: Arc<Source>, wake: Arc<Notify>) {
        let mut memory = Memory::default();
        loop {
            let Some(shared) = self.shared.upgrade() else { return };
            let clock = shared.clock();
            let moment = clock.monotonic();
            let begins = shared.schedule.lock().begin(moment);
            let pause = shared.schedule.lock().pause(moment);
            drop(shared);
            if !begins {
                tokio::select! {
                    () = clock.sleep(pause) => {}
                    () = wake.notified() => {}
                }
                continue;
            }
            let result = within(&clock, source.fetch(&mut memory, &clock)).await;
            let Some(shared) = self.shared.upgrade() else { return };
            shared.end(result);
        }
    }
}

/// Bounds the time of a fetch. A client that panics fails the fetch, and does not end the task.
pub(crate) async fn within<T>(
    clock: &Clock,
    fetch: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    let mut fetch = pin!(fetch);
    let caught = poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| fetch.as_mut().poll(context))).unwrap_or_else(|_| {
            let text = "the HTTP client panicked";
            Poll::Ready(Err(FetchError::new(FetchErrorKind::Request, text)))
        })
    });
    tokio::select! {
        biased;
        result = caught => result,
        () = clock.sleep(TIMEOUT) => {
            let text = "the issuer did not answer within 5 seconds";
            Err(FetchError::new(FetchErrorKind::Timeout, text))
        }
    }
}

/// Releases those who wait if the task ends early, with its runtime.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade()
            && shared.task.lock().number == self.number
        {
            shared.abandon();
        }
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.shared.keys.read();
        f.debug_struct("RemoteKeys")
            .field("source", &self.shared.name)
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}
