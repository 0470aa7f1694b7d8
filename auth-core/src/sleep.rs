//! Waiting for a moment of a clock.

use std::future::Future;
use std::time::Duration;

use crate::clock::{Clock, TimeSource, Timestamp};

/// The longest time between two looks at the system's clock, which may be set while somebody waits.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

impl Clock {
    /// Waits until the clock shows this moment or a later one. On a clock that a
    /// [`ManualClock`](crate::ManualClock) turns, it waits for the turn.
    ///
    /// If the system's clock is set meanwhile, that is noticed within a minute.
    ///
    /// # Panics
    /// When it is awaited outside of a tokio runtime that keeps time, on the system's clock.
    pub fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move { clock.wait(|| at.since(clock.now())).await }
    }

    /// Waits until so much [monotonic](Self::monotonic) time has gone by.
    ///
    /// # Panics
    /// When it is awaited outside of a tokio runtime that keeps time, on the system's clock.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        let until = clock.monotonic().saturating_add(time);
        async move { clock.wait(|| until.saturating_sub(clock.monotonic())).await }
    }

    /// Waits until nothing is left.
    async fn wait(&self, left: impl Fn() -> Duration) {
        loop {
            let turned = match &self.0 {
                TimeSource::System => None,
                TimeSource::Manual(hand) => Some(hand.turned()), // before the look: no state is missed
            };
            let left = left();
            match turned {
                _ if left.is_zero() => return,
                Some(turned) => turned.await,
                None => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_turn_of_the_hand_ends_the_wait_and_not_before_its_moment() {
        let hand = ManualClock::new(Timestamp::from_secs(100));
        let clock = hand.clock();
        let mut moment = pin!(clock.sleep_until(Timestamp::from_secs(110)));
        let mut pause = pin!(clock.sleep(Duration::from_secs(20)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(moment.as_mut().poll(&mut cx).is_pending());
        hand.advance(Duration::from_millis(9999));
        assert!(moment.as_mut().poll(&mut cx).is_pending());
        assert!(pause.as_mut().poll(&mut cx).is_pending());
        hand.advance(Duration::from_millis(1));
        assert_eq!(moment.as_mut().poll(&mut cx), Poll::Ready(()));
        hand.advance(Duration::from_secs(10));
        assert_eq!(pause.as_mut().poll(&mut cx), Poll::Ready(()));
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_the_turn() {
        let hand = ManualClock::new(Timestamp::EPOCH);
        let waiting = tokio::spawn(hand.clock().sleep_until(Timestamp::from_secs(1)));
        tokio::task::yield_now().await;
        hand.advance(Duration::from_secs(1));
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_system_clock_shows_the_moment_afterwards() {
        let clock = Clock::system();
        let at = clock.now() + Duration::from_millis(20);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
