//! Cases that take turns, so that a noisy machine hits all of them alike.

use crate::drive::{BATCH, Case};

/// The medians, in nanoseconds per request, once each case has had `warm` requests. In each of the
/// rounds every case gets `state` requests that are not counted, as a server that does nothing else
/// would have its caches, and as many that are.
pub fn medians(cases: &mut [Case], warm: usize, state: usize, rounds: usize) -> Vec<f64> {
    let mut nanos = vec![Vec::new(); cases.len()];
    let runs = |requests: usize| 0..=requests / BATCH;
    for case in &mut *cases {
        runs(warm).for_each(|_| _ = case.nanos());
    }
    for _ in 0..rounds {
        for (case, nanos) in cases.iter_mut().zip(&mut nanos) {
            runs(state).for_each(|_| _ = case.nanos());
            nanos.extend(runs(state).map(|_| case.nanos()));
        }
    }
    nanos.into_iter().map(median).collect()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
