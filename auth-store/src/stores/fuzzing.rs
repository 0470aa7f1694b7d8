//! The checks of the fuzz targets whose parsers are private: what a server sends is either rejected, or is
//! exactly what it says.
//!
//! This module exists only in tests, which run the checks on the seeds, and with `--cfg fuzzing`.

pub use super::redis::fuzzing::redis_reply;
pub use super::sql::fuzzing::sql_row;

#[cfg(test)]
#[path = "../../../tests/fuzz/checks/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::replay::replay;
    use super::*;

    #[test]
    fn sec_96_every_fuzz_target_holds_for_its_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz");
        replay(&fuzz, "redis_reply", redis_reply);
        replay(&fuzz, "sql_row", sql_row);
    }
}
