//! How many keys are tried with one token.

use std::sync::Arc;

use super::held::ParsedKey;

/// How many keys are tried with one token that does not name them: a forged one costs as many
/// checks.
pub(crate) const MOST_TRIES: usize = 4;

/// Whether this key would be tried beside these. One that has a name always is.
pub(crate) fn would_be_tried(key: &ParsedKey, beside: &[Arc<ParsedKey>]) -> bool {
    let alike = |other: &&Arc<ParsedKey>| other.kid.is_none() && other.algorithm == key.algorithm;
    key.kid.is_some() || beside.iter().filter(alike).count() < MOST_TRIES
}
