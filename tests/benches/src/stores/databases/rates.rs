//! Steps per second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::SignInId;
use auth_store::{CompareAndSwap, SessionData, Store};

use crate::stores::memory::record;
use crate::turns::median;

/// What is measured, in this order. One turn of all of them begins and ends without sign-ins.
pub const STEPS: [&str; 4] = ["sign-in", "look-up", "update", "logout"];

/// How long a step is repeated in a turn; logouts as often as there are sign-ins.
const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 3;
/// So many sign-ins of one hand at most.
const ROOM: usize = 1_000_000;

/// Each of the [`STEPS`] per second, so many at once: the middle of three turns. A step is what the
/// store does for a request; the request around it is measured by the other benchmarks.
pub async fn rates(store: &Arc<dyn Store>, at_once: usize) -> [f64; 4] {
    let mut turns = Vec::new();
    state(store, at_once).await; // connections are opened
    for _ in 0..TURNS {
        turns.push(state(store, at_once).await);
    }
    std::array::from_fn(|step| median(turns.iter().map(|state| state[step]).collect()))
}

async fn state(store: &Arc<dyn Store>, at_once: usize) -> [f64; 4] {
    let mut hands: Vec<_> = (0..at_once)
        .map(|hand| Hand { store: Arc::clone(store), first: hand * ROOM, held: Vec::new() })
        .collect();
    let mut rates = [0.0; 4];
    for (step, rate) in rates.iter_mut().enumerate() {
        let start = Instant::now();
        let tasks: Vec<_> = hands.drain(..).map(|hand| tokio::spawn(hand.take(step))).collect();
        let mut done = 0;
        for task in tasks {
            let (hand, times) = task.await.unwrap();
            hands.push(hand);
            done += times;
        }
        *rate = done as f64 / start.elapsed().as_secs_f64();
    }
    rates
}

/// One of those who are at work at once, with sign-ins of its own and their versions.
struct Hand {
    store: Arc<dyn Store>,
    first: usize,
    held: Vec<(SignInId, u64)>,
}

impl Hand {
    /// Repeats one of the [`STEPS`], and says how often.
    async fn take(mut self, step: usize) -> (Self, usize) {
        let (start, mut times) = (Instant::now(), 0);
        if step == 3 {
            return self.log_out().await;
        }
        while start.elapsed() < TURN {
            match step {
                0 => self.sign_in().await,
                1 => self.look_up(times).await,
                _ => self.update(times).await,
            }
            times += 1;
        }
        (self, times)
    }

    async fn sign_in(&mut self) {
        let record = record(&*self.store, self.first + self.held.len());
        self.held.push((record.sid, record.version));
        self.store.create(record, None).await.unwrap();
    }

    async fn look_up(&mut self, times: usize) {
        let (sid, _) = *self.nth(times);
        assert!(self.store.load(&sid).await.unwrap().is_some(), "it is signed in");
    }

    async fn update(&mut self, times: usize) {
        let store = Arc::clone(&self.store);
        let data = SessionData::from_iter([("cart", times.to_string())]);
        let (sid, version) = self.nth(times);
        let CompareAndSwap::Stored(now) = store.update(sid, *version, data).await.unwrap() else {
            panic!("nobody else changes it")
        };
        *version = now.version;
    }

    async fn log_out(mut self) -> (Self, usize) {
        let held = std::mem::take(&mut self.held);
        for (sid, _) in &held {
            assert!(self.store.delete(sid).await.unwrap(), "it was signed in");
        }
        (self, held.len())
    }

    fn nth(&mut self, times: usize) -> &mut (SignInId, u64) {
        let count = self.held.len();
        &mut self.held[times * 7919 % count]
    }
}
