//! Deletes expired sign-ins during look-ups.
//!
//! A sweep must not delay requests. This measures how long look-ups take before the sweep and during it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use auth_core::SignInId;
use auth_store::{PostgresStore, Store};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::stores::databases::million::Million;

/// The number of concurrent readers.
const READERS: usize = 4;
/// How long they read before the sweep starts.
const QUIET: Duration = Duration::from_secs(5);

/// How long the sweep took, and how long look-ups took.
pub struct Swept {
    /// The number of deleted sign-ins.
    pub collected: usize,
    /// The duration of the sweep.
    pub took: Duration,
    /// The median and the 99th percentile of the look-ups before the sweep, in microseconds.
    pub quiet: [f64; 2],
    /// The same during the sweep.
    pub meanwhile: [f64; 2],
}

/// Deletes the expired tenth of the million in one call, while another node looks up the others.
pub fn sweep(million: &Million, runtime: &Runtime) -> Swept {
    let ids = million.some_sids();
    assert!(ids.len() > 1000, "a sample of the million");
    runtime.block_on(async {
        let sweeper = million.store().await;
        let store = Arc::new(million.store().await);
        let quiet = Readers::start(&store, &ids);
        tokio::time::sleep(QUIET).await;
        let quiet = quiet.stop().await;
        let meanwhile = Readers::start(&store, &ids);
        let start = Instant::now();
        let collected = sweeper.sweep(million.now, usize::MAX).await.unwrap().removed;
        let took = start.elapsed();
        Swept { collected, took, quiet, meanwhile: meanwhile.stop().await }
    })
}

/// Tasks that look up sign-ins in a loop.
struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<f64>>>,
}

impl Readers {
    fn start(store: &Arc<PostgresStore>, ids: &Arc<[SignInId]>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..READERS).map(|number| {
            let (stop, store, ids) = (Arc::clone(&stop), Arc::clone(store), Arc::clone(ids));
            tokio::spawn(async move {
                let (mut micros, mut at) = (Vec::new(), number);
                while !stop.load(Ordering::Relaxed) {
                    at = (at + 7919) % ids.len();
                    let start = Instant::now();
                    assert!(store.load(&ids[at]).await.unwrap().is_some(), "it is signed in");
                    micros.push(start.elapsed().as_secs_f64() * 1e6);
                }
                micros
            })
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// Returns the median and the 99th percentile, in microseconds.
    async fn stop(self) -> [f64; 2] {
        self.stop.store(true, Ordering::Relaxed);
        let mut micros = Vec::new();
        for task in self.tasks {
            micros.extend(task.await.unwrap());
        }
        micros.sort_by(f64::total_cmp);
        [micros.len() / 2, micros.len() * 99 / 100].map(|nth| micros[nth])
    }
}
