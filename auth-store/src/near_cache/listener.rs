//! The task that receives changes and extends the lease.
//!
//! It listens, sends heartbeats, and extends the lease when they come back. Whatever may have hidden a
//! change ends the lease: every entry is dropped, and the task listens again after a pause.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::announce::{Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat};
use super::cache::{Freshness, NearCacheInner};
use super::lease::{Heartbeats, Lease};
use crate::error::StoreError;

/// The pause after a connection that worked. It doubles with each further attempt that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Listens for as long as the cache is in use.
pub(super) async fn run<S: AnnouncingStore>(
    cache: Weak<NearCacheInner<S>>,
    max_staleness: Duration,
) {
    let (mut pause, mut health) = (FIRST_PAUSE, Health::default());
    loop {
        let Some(cache) = cache.upgrade() else { return };
        let Freshness::Leased(lease) = &cache.freshness else { return };
        let error = match Listener::start(&cache, lease, max_staleness, &mut health).await {
            Ok((mut listener, announcements)) => listener.listen(announcements).await,
            Err(error) => error,
        };
        let had_lease = lease.remaining(cache.clock.monotonic()).is_some();
        lease.end();
        cache.invalidate_all();
        health.lost(&error);
        pause = if had_lease { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        drop(cache);
        tokio::time::sleep(pause).await;
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<Vec<ChangeSource>, StoreError>> + Send>>;

/// One connection to the announcements, from its start until it is lost.
struct Listener<'a, S> {
    cache: &'a Arc<NearCacheInner<S>>,
    lease: &'a Lease,
    max_staleness: Duration,
    health: &'a mut Health,
    /// A random name, so that this listener recognizes its own heartbeats.
    node: u64,
    started: Duration,
    heartbeats: Heartbeats,
    /// The number of the latest heartbeat.
    number: u64,
    /// The heartbeat that is being sent. There is never more than one.
    sending: Option<Sending>,
}

impl<'a, S: AnnouncingStore> Listener<'a, S> {
    /// Connects. Entries that were loaded before could have changed unnoticed, so all are dropped.
    async fn start(
        cache: &'a Arc<NearCacheInner<S>>,
        lease: &'a Lease,
        max_staleness: Duration,
        health: &'a mut Health,
    ) -> Result<(Self, Box<dyn Announcements>), StoreError> {
        let announcements = cache.store.listen().await?;
        lease.end();
        cache.invalidate_all();
        let mut node = [0; 8];
        // Without a name, the heartbeats of other nodes would count as this node's.
        getrandom::fill(&mut node).map_err(StoreError::unavailable)?;
        let listener = Self {
            cache,
            lease,
            max_staleness,
            health,
            node: u64::from_ne_bytes(node),
            started: cache.clock.monotonic(),
            heartbeats: Heartbeats::default(),
            number: 0,
            sending: None,
        };
        Ok((listener, announcements))
    }

    /// Handles announcements and sends heartbeats, until an error ends this connection.
    async fn listen(&mut self, mut announcements: Box<dyn Announcements>) -> StoreError {
        let mut ticks = tokio::time::interval(self.max_staleness / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let handled = tokio::select! {
                // A change that has arrived is handled before the lease is extended.
                biased;
                received = announcements.next() => received.map(|announcement| self.receive(announcement)),
                sent = sent(&mut self.sending), if self.sending.is_some() => self.beat_sent(sent),
                _ = ticks.tick() => self.tick(),
            };
            if let Err(error) = handled {
                return error;
            }
        }
    }

    /// Drops the entries that have changed, or records a heartbeat of this node.
    fn receive(&mut self, announcement: Announcement) {
        match announcement {
            Announcement::Changed(sign_ins) => {
                self.cache.counts.invalidated(sign_ins.len());
                sign_ins.iter().for_each(|id| self.cache.invalidate(id));
            }
            Announcement::Heartbeat(heartbeat, source) if heartbeat.node == self.node => {
                self.heartbeats.received(heartbeat.number, &source);
                self.extend_lease();
            }
            Announcement::Heartbeat(..) => {}
        }
    }

    /// Compares the sources of a sent heartbeat with those of before. A heartbeat that could not be sent does
    /// not extend the lease, which then expires.
    fn beat_sent(&mut self, sent: Result<Vec<ChangeSource>, StoreError>) -> Result<(), StoreError> {
        self.sending = None;
        match sent {
            Ok(sources) => {
                self.heartbeats.sent_through(sources).map_err(StoreError::unavailable)?;
                self.extend_lease();
            }
            Err(error) => tracing::debug!(error = &error as &dyn Error, "heartbeat not sent"),
        }
        Ok(())
    }

    /// Sends the next heartbeat. Fails if none has come back for twice the maximum staleness: a connection
    /// can be gone for good without an error.
    fn tick(&mut self) -> Result<(), StoreError> {
        let now = self.cache.clock.monotonic();
        if !self.lease.holds(now) {
            self.health.expired();
            self.cache.watchers.wake_all(); // a change of their sign-in may have been missed
        }
        let complete_until = self.heartbeats.complete_until().unwrap_or(self.started);
        if now.saturating_sub(complete_until) > self.max_staleness * 2 {
            return Err(StoreError::unavailable("no heartbeat came back in time"));
        }
        if self.sending.is_none() {
            self.number += 1;
            self.heartbeats.sending(self.number, now);
            let heartbeat = Heartbeat { node: self.node, number: self.number };
            let cache = Arc::clone(self.cache);
            self.sending =
                Some(Box::pin(async move { cache.store.send_heartbeat(heartbeat).await }));
        }
        Ok(())
    }

    /// Extends the lease as far as the heartbeats of every source allow.
    fn extend_lease(&mut self) {
        if let Some(complete_until) = self.heartbeats.complete_until() {
            self.lease.extend(complete_until + self.max_staleness);
            self.health.established();
        }
    }
}

/// Waits until the current heartbeat was sent.
async fn sent(sending: &mut Option<Sending>) -> Result<Vec<ChangeSource>, StoreError> {
    sending.as_mut().expect("polled only while a beat is being sent").as_mut().await
}

/// The last state that was logged. Only a change is logged as a warning: while a store is down, every
/// attempt to listen fails.
#[derive(Debug, Default)]
enum Health {
    #[default]
    Unknown,
    Established,
    Lost,
}

impl Health {
    /// Logs that there is a lease.
    fn established(&mut self) {
        if !matches!(self, Self::Established) {
            tracing::info!("invalidation stream established; answering from memory");
            *self = Self::Established;
        }
    }

    /// Logs that there is no lease.
    fn lost(&mut self, error: &StoreError) {
        let error = error as &dyn Error;
        if matches!(self, Self::Lost) {
            tracing::debug!(error, "invalidation stream still down");
        } else {
            tracing::warn!(error, "invalidation stream lost; reading from the store");
            *self = Self::Lost;
        }
    }

    /// Logs that the lease has expired, if there was one.
    fn expired(&mut self) {
        if matches!(self, Self::Established) {
            self.lost(&StoreError::unavailable("no heartbeat came back"));
        }
    }
}
