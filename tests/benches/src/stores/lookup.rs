//! The time of a look-up in a store of a given size.
//!
//! A large table does not fit into the processor's caches, so the time depends on the number of
//! sign-ins.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use auth_core::SignInId;
use auth_store::{MemoryStore, Peek, Store};

use crate::drive::poll_now;
use crate::stores::memory::record;
use crate::turns::median;

/// Returns the nanoseconds per look-up of an existing sign-in, without a request. The order is one that the
/// processor cannot predict.
pub fn lookup(sign_ins: usize) -> f64 {
    const TURNS: usize = 200;
    const EACH: usize = 10_000;
    let store = Arc::new(MemoryStore::builder().capacity(sign_ins + 1).build());
    let create = |number: usize| {
        let record = record(&*store, number);
        let id = record.id;
        poll_now(store.create(record, None)).unwrap();
        id
    };
    let ids: Vec<_> = (0..sign_ins).map(create).collect();
    let mut at = 0;
    let mut turn = || {
        let start = Instant::now();
        for _ in 0..EACH {
            at = (at + 7_368_787) % ids.len();
            look(&*store, &ids[at]);
        }
        start.elapsed().as_nanos() as f64 / EACH as f64
    };
    turn();
    median((0..TURNS).map(|_| turn()).collect())
}

fn look(store: &dyn Store, id: &SignInId) {
    store.peek(id, &mut |peek| {
        let Peek::Authoritative(Some(record)) = peek else { panic!("the sign-in exists") };
        black_box((record.current, record.last_seen(), record.deadlines));
    });
}
