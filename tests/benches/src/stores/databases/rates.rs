//! Steps per second: how many sign-ins, look-ups, updates and logouts a store takes.
//!
//! A step is measured alone, without the request around it, with one worker and with many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::SignInId;
use auth_store::{CompareAndSwap, SessionData, Store};

use crate::stores::memory::record;
use crate::turns::median;

/// The measured steps, in this order. A turn of all of them starts and ends without sign-ins.
pub const STEPS: [&str; 4] = ["sign-in", "look-up", "update", "logout"];

/// How long a step is repeated in a turn. There are as many logouts as sign-ins.
const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 3;
/// The maximum number of sign-ins of one worker.
const MAX_SIGN_INS: usize = 1_000_000;

/// Returns the rate of each of the [`STEPS`] per second, with this many workers: the median of three turns. A
/// step is what the store does for a request. The other benchmarks measure the request around it.
pub async fn rates(store: &Arc<dyn Store>, at_once: usize) -> [f64; 4] {
    let mut turns = Vec::new();
    turn(store, at_once).await; // connections are opened
    for _ in 0..TURNS {
        turns.push(turn(store, at_once).await);
    }
    std::array::from_fn(|step| median(turns.iter().map(|turn| turn[step]).collect()))
}

async fn turn(store: &Arc<dyn Store>, at_once: usize) -> [f64; 4] {
    let mut workers: Vec<_> = (0..at_once)
        .map(|number| Worker {
            store: Arc::clone(store),
            first: number * MAX_SIGN_INS,
            sign_ins: Vec::new(),
        })
        .collect();
    let mut rates = [0.0; 4];
    for (step, rate) in rates.iter_mut().enumerate() {
        let start = Instant::now();
        let tasks: Vec<_> =
            workers.drain(..).map(|worker| tokio::spawn(worker.repeat(step))).collect();
        let mut done = 0;
        for task in tasks {
            let (worker, times) = task.await.unwrap();
            workers.push(worker);
            done += times;
        }
        *rate = done as f64 / start.elapsed().as_secs_f64();
    }
    rates
}

/// A concurrent worker, with its own sign-ins and their versions.
struct Worker {
    store: Arc<dyn Store>,
    first: usize,
    sign_ins: Vec<(SignInId, u64)>,
}

impl Worker {
    /// Repeats one of the [`STEPS`], and returns how many times.
    async fn repeat(mut self, step: usize) -> (Self, usize) {
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
        let record = record(&*self.store, self.first + self.sign_ins.len());
        self.sign_ins.push((record.id, record.version));
        self.store.create(record, None).await.unwrap();
    }

    async fn look_up(&mut self, times: usize) {
        let (id, _) = *self.nth(times);
        assert!(self.store.load(&id).await.unwrap().is_some(), "it is signed in");
    }

    async fn update(&mut self, times: usize) {
        let store = Arc::clone(&self.store);
        let data = SessionData::from_iter([("cart", times.to_string())]);
        let (id, version) = self.nth(times);
        let CompareAndSwap::Stored(now) = store.update(id, *version, data).await.unwrap() else {
            panic!("no other worker changes it")
        };
        *version = now.version;
    }

    async fn log_out(mut self) -> (Self, usize) {
        let sign_ins = std::mem::take(&mut self.sign_ins);
        for (id, _) in &sign_ins {
            assert!(self.store.delete(id).await.unwrap(), "it was signed in");
        }
        (self, sign_ins.len())
    }

    fn nth(&mut self, times: usize) -> &mut (SignInId, u64) {
        let count = self.sign_ins.len();
        &mut self.sign_ins[times * 7919 % count]
    }
}
