//! The seeds of the fuzz targets, run through the checks of the fuzz targets.

use std::path::Path;

#[path = "../../fuzz/checks/cookie_header.rs"]
mod cookie_header;
#[path = "../../fuzz/checks/key_set.rs"]
mod key_set;
#[path = "../../fuzz/checks/record.rs"]
mod record;
#[path = "../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../fuzz/checks/secret.rs"]
mod secret;
#[path = "../../fuzz/checks/token.rs"]
mod token;

fn check(target: &str, check: fn(&[u8]) -> bool) {
    replay::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz"), target, check);
}

#[test]
fn sec_07_32_56_57_every_fuzz_target_holds_for_its_seeds() {
    check("token", token::check);
    check("key_set", key_set::check);
    check("cookie_header", cookie_header::check);
    check("secret", secret::check);
    check("record", record::check);
}
