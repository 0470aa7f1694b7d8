//! Sweeping a store, again and again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use auth_core::Clock;

use crate::store::Store;

/// How many sign-ins are collected in one step.
const BATCH: usize = 500;

/// [Sweeps](Store::sweep) a store again and again: for those that do not collect what has expired by
/// themselves, which the documentation of each store says.
///
/// Several nodes may sweep one store. None has to: a sign-in that has expired is refused, whether it
/// was collected or not.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sweeper {
    every: Duration,
    clock: Clock,
}

impl Default for Sweeper {
    fn default() -> Self {
        Self { every: Duration::from_secs(60), clock: Clock::system() }
    }
}

impl Sweeper {
    /// A sweeper that comes every minute.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long it waits in between, give or take a quarter, so that nodes that were started
    /// together do not sweep together.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// The clock that says what has expired.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sweeps the store as long as somebody else has it.
    ///
    /// # Panics
    /// Outside of a tokio runtime: it sweeps in a task of its own.
    pub fn start(self, store: &Arc<dyn Store>) {
        let store = Arc::downgrade(store);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(self.pause()).await;
                if !self.sweep(&store).await {
                    return;
                }
            }
        });
    }

    /// Collects what has expired by now, batch after batch, and says whether the store is still in
    /// use. A store that fails is tried again at the next turn.
    async fn sweep(&self, store: &Weak<dyn Store>) -> bool {
        loop {
            let Some(store) = store.upgrade() else { return false };
            match store.sweep(self.clock.now(), BATCH).await {
                Ok(BATCH..) => {}
                Ok(_) => return true,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what has expired was not collected");
                    return true;
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let mut byte = [0];
        // Without randomness nodes may meet, which does no harm.
        let _ = getrandom::fill(&mut byte);
        self.every.mul_f64(0.75 + f64::from(byte[0]) / 512.0)
    }
}
