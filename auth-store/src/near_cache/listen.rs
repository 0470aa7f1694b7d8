//! The task that hears of changes, and proves that it does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::announce::{Announcement, Announcements, Announces, Beat, Source};
use super::lease::{Lease, OtherSources, Pulse};
use super::near::{NearCacheInner, Trust};
use super::standing::Health;
use crate::error::StoreError;

/// The longest pause between two attempts to listen.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Listens as long as somebody uses the cache.
pub(super) async fn forever<S: Announces>(shared: Weak<NearCacheInner<S>>, bound: Duration) {
    let (mut pause, mut standing) = (Duration::from_millis(50), Health::default());
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let Trust::Heard(lease) = &shared.trust else { return };
        let lost = listen(&shared, lease, bound, &mut standing).await;
        let had_lease = lease.left(shared.clock.monotonic()).is_some();
        lease.drop_it();
        shared.flush();
        standing.deaf(&lost);
        pause = if had_lease { Duration::from_millis(50) } else { (pause * 2).min(LONGEST_PAUSE) };
        drop(shared);
        tokio::time::sleep(pause).await;
    }
}

type Beating = Pin<Box<dyn Future<Output = Result<Vec<Source>, StoreError>> + Send>>;

/// Listens until something is lost, and says what.
async fn listen<S: Announces>(
    shared: &Arc<NearCacheInner<S>>,
    lease: &Lease,
    bound: Duration,
    standing: &mut Health,
) -> StoreError {
    let mut announcements = match shared.store.listen().await {
        Ok(announcements) => announcements,
        Err(error) => return error,
    };
    // What was loaded before could have changed unheard.
    lease.drop_it();
    shared.flush();

    let node = match name() {
        Ok(node) => node,
        Err(error) => return error, // beats of others would count as ours
    };
    let began = shared.clock.monotonic();
    let (mut pulse, mut number) = (Pulse::default(), 0);
    let mut ticks = tokio::time::interval(bound / 4);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beating: Option<Beating> = None;
    loop {
        tokio::select! {
            biased;
            heard = hear(&mut *announcements) => match heard {
                Ok(Announcement::Changed(sign_ins)) => {
                    shared.counts.invalidated(sign_ins.len());
                    sign_ins.iter().for_each(|sid| shared.changed(sid));
                }
                Ok(Announcement::Beat(beat, source)) if beat.node == node => {
                    pulse.heard(beat.number, &source);
                    extend(lease, &pulse, bound, standing);
                }
                Ok(Announcement::Beat(..)) => {}
                Err(error) => return error,
            },
            sent = async { beating.as_mut().expect("checked").as_mut().await }, if beating.is_some() => {
                beating = None;
                match sent.map(|sources| pulse.sent_to(sources)) {
                    Ok(Ok(())) => extend(lease, &pulse, bound, standing),
                    Ok(Err(OtherSources)) => return StoreError::unavailable(OtherSources),
                    // It extends nothing; the lease ends by itself.
                    Err(error) => tracing::debug!(
                        error = &error as &dyn std::error::Error, "a beat was not sent"
                    ),
                }
            }
            _ = ticks.tick() => {
                let now = shared.clock.monotonic();
                if !lease.holds(now) {
                    standing.expired();
                    shared.watchers.wake_all(); // they may have been told too little
                }
                // A way that brings nothing may be gone for good, though nothing says so.
                if now.saturating_sub(pulse.up_to().unwrap_or(began)) > bound * 2 {
                    return StoreError::unavailable("no sign of life came back for too long");
                }
                if beating.is_none() {
                    number += 1;
                    pulse.sending(number, now);
                    let (shared, beat) = (Arc::clone(shared), Beat { node, number });
                    beating = Some(Box::pin(async move { shared.store.beat(beat).await }));
                }
            }
        }
    }
}

/// Copies are believed for as long as every source allows.
fn extend(lease: &Lease, pulse: &Pulse, bound: Duration, standing: &mut Health) {
    if let Some(up_to) = pulse.up_to() {
        lease.extend(up_to + bound);
        standing.hears();
    }
}

async fn hear(announcements: &mut dyn Announcements) -> Result<Announcement, StoreError> {
    announcements.next().await
}

/// A name of this listening, which no other has.
fn name() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
    Ok(u64::from_ne_bytes(bytes))
}
