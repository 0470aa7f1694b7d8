//! What the cache tells about hearing.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};
use auth_store::near_cache::NearCache;
use tracing::Level;

use crate::announcing::Announcing;
use crate::captured::Captured;
use crate::trust::until;

const BOUND: Duration = Duration::from_millis(200);

#[tokio::test]
async fn only_what_is_new_is_worth_a_warning() {
    let captured = Captured::start();
    let told = |level| captured.count(level);
    let (store, clock) = (Announcing::new(), ManualClock::new(Timestamp::from_secs(1000)));
    let cache = NearCache::<Announcing>::builder().max_staleness(BOUND).clock(clock.clock());
    let cache = cache.build(store.clone());
    for times in 1..=2 {
        until(|| cache.stats().lease.is_some()).await;
        assert_eq!((told(Level::INFO), told(Level::WARN)), (times, times - 1));
        store.refuse_beats(true);
        let before = store.beats();
        clock.advance(BOUND);
        until(|| store.beats() > before + 4).await;
        assert_eq!(cache.stats().lease, None);
        assert_eq!((told(Level::INFO), told(Level::WARN)), (times, times), "it has run out");
        let generation = cache.stats().generation;
        clock.advance(2 * BOUND);
        until(|| cache.stats().generation > generation).await;
        store.cut(true);
        until(|| cache.stats().generation > generation + 2).await;
        assert_eq!((told(Level::INFO), told(Level::WARN)), (times, times), "still not");
        store.cut(false);
        store.refuse_beats(false);
    }
}
