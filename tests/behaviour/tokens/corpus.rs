//! The seeds of the fuzz targets, run through the checks of the fuzz targets.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/checks/cookie_header.rs"]
mod cookie_header;
#[path = "../../fuzz/checks/key_set.rs"]
mod key_set;
#[path = "../../fuzz/checks/secret.rs"]
mod secret;
#[path = "../../fuzz/checks/token.rs"]
mod token;

/// Runs a check over the seeds of its target, and over every prefix of each seed. Some seeds are
/// valid, and some are not.
fn check(target: &str, check: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut good, mut bad) = (0, 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        *if check(&seed) { &mut good } else { &mut bad } += 1;
        for end in 0..seed.len() {
            check(&seed[..end]);
        }
    }
    assert!(good > 0 && bad > 0, "{}: {good} good seeds and {bad} bad ones", folder.display());
}

#[test]
fn sec_07_32_56_57_every_fuzz_target_holds_for_its_seeds() {
    check("token", token::check);
    check("key_set", key_set::check);
    check("cookie_header", cookie_header::check);
    check("secret", secret::check);
}
