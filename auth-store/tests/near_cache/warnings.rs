//! What the cache logs about its lease.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};
use auth_store::near_cache::NearCache;
use tracing::Level;

use crate::announcing::Announcing;
use crate::captured::Captured;
use crate::nodes::until;

const MAX_STALENESS: Duration = Duration::from_millis(200);

#[tokio::test]
async fn only_a_change_is_a_warning() {
    let captured = Captured::start();
    let logged = |level| captured.count(level);
    let (store, clock) = (Announcing::new(), ManualClock::new(Timestamp::from_secs(1000)));
    let cache =
        NearCache::<Announcing>::builder().max_staleness(MAX_STALENESS).clock(clock.clock());
    let cache = cache.build(store.clone());
    for times in 1..=2 {
        until(|| cache.stats().lease.is_some()).await;
        assert_eq!((logged(Level::INFO), logged(Level::WARN)), (times, times - 1));
        store.refuse_beats(true);
        let before = store.heartbeats();
        clock.advance(MAX_STALENESS);
        until(|| store.heartbeats() > before + 4).await;
        assert_eq!(cache.stats().lease, None);
        assert_eq!(
            (logged(Level::INFO), logged(Level::WARN)),
            (times, times),
            "the lease has run out"
        );
        let generation = cache.stats().generation;
        clock.advance(2 * MAX_STALENESS);
        until(|| cache.stats().generation > generation).await;
        store.disconnect(true);
        until(|| cache.stats().generation > generation + 2).await;
        assert_eq!(
            (logged(Level::INFO), logged(Level::WARN)),
            (times, times),
            "there is still no lease"
        );
        store.disconnect(false);
        store.refuse_beats(false);
    }
}
