//! Runs a check on the inputs that are kept for its fuzz target, without the fuzzer.

use std::fs;
use std::path::Path;

/// Runs a check on the seeds of a target and on every prefix of each seed, and on the inputs that the
/// fuzzer has found. Some seeds are valid, and some are not.
pub(crate) fn replay(fuzz: &Path, target: &str, check: fn(&[u8]) -> bool) {
    let (mut good, mut bad) = (0, 0);
    for seed in inputs(&fuzz.join("corpus").join(target)) {
        *if check(&seed) { &mut good } else { &mut bad } += 1;
        for end in 0..seed.len() {
            check(&seed[..end]);
        }
    }
    assert!(good > 0 && bad > 0, "{target}: {good} good seeds and {bad} bad ones");
    for input in inputs(&fuzz.join("kept").join(target)) {
        check(&input);
    }
}

fn inputs(folder: &Path) -> impl Iterator<Item = Vec<u8>> {
    let files = fs::read_dir(folder).expect("a folder of inputs");
    files.map(|file| fs::read(file.expect("a file").path()).expect("an input"))
}
