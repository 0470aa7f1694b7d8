//! Stored JSON that is not what was asked for.

use std::error::Error;
use std::fmt;

/// Stored JSON that is not what was asked for: where, and not what. The text of `serde_json`'s own
/// error repeats the value, which may be personal, and errors go to logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Undecodable {
    fn from(error: serde_json::Error) -> Self {
        Self { line: error.line(), column: error.column() }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column } = self;
        write!(f, "JSON of another type, at line {line}, column {column}")
    }
}

impl Error for Undecodable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_74_it_does_not_repeat_the_value() {
        let error = serde_json::from_str::<u64>(r#""alice@example.org""#).unwrap_err();
        assert!(error.to_string().contains("alice"), "or there is nothing to keep quiet");
        let error = Undecodable::from(error);
        assert_eq!(error.to_string(), "JSON of another type, at line 1, column 19");
        assert!(!format!("{error:?}").contains("alice") && error.source().is_none());
    }
}
