//! Runs cases in turns, so that noise of the machine affects all of them alike.
//!
//! The results are medians, which are to be compared with each other and not with another run.

use crate::drive::{BATCH, Case};

/// Returns the medians, in nanoseconds per request, after `warm` requests of each case. In each round,
/// every case runs `turn` requests that are not measured, to fill the processor's caches as on a server
/// that does nothing else, and as many that are.
pub fn medians(cases: &mut [Case], warm: usize, turn: usize, rounds: usize) -> Vec<f64> {
    let mut nanos = vec![Vec::new(); cases.len()];
    let runs = |requests: usize| 0..=requests / BATCH;
    for case in &mut *cases {
        runs(warm).for_each(|_| _ = case.nanos());
    }
    for _ in 0..rounds {
        for (case, nanos) in cases.iter_mut().zip(&mut nanos) {
            runs(turn).for_each(|_| _ = case.nanos());
            nanos.extend(runs(turn).map(|_| case.nanos()));
        }
    }
    nanos.into_iter().map(median).collect()
}

/// Returns the median.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
