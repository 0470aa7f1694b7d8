//! How long a look-up takes in a store of some size.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use auth_core::SignInId;
use auth_store::{MemoryStore, Peek, Store};

use crate::drive::poll_now;
use crate::stores::memory::record;
use crate::turns::median;

/// Nanoseconds per look-up of a sign-in that is there, in an order that the processor cannot guess:
/// the store by itself, without a request.
pub fn lookup(sign_ins: usize) -> f64 {
    const TURNS: usize = 200;
    const EACH: usize = 10_000;
    let store = Arc::new(MemoryStore::builder().capacity(sign_ins + 1).build());
    let create = |number: usize| {
        let record = record(&*store, number);
        let sid = record.sid;
        poll_now(store.create(record, None)).unwrap();
        sid
    };
    let sids: Vec<_> = (0..sign_ins).map(create).collect();
    let mut at = 0;
    let mut state = || {
        let start = Instant::now();
        for _ in 0..EACH {
            at = (at + 7_368_787) % sids.len();
            look(&*store, &sids[at]);
        }
        start.elapsed().as_nanos() as f64 / EACH as f64
    };
    state();
    median((0..TURNS).map(|_| state()).collect())
}

fn look(store: &dyn Store, sid: &SignInId) {
    store.peek(sid, &mut |peek| {
        let Peek::Authoritative(Some(record)) = peek else { panic!("it is there") };
        black_box((record.current, record.last_seen(), record.limits));
    });
}
