//! The result of running checks.
//!
//! A check returns the first [`Violation`] it finds; a [`Report`] collects those of many checks.

use std::error::Error;
use std::fmt;

use crate::error::StoreError;

/// How a store breaks a rule of its contract.
#[derive(Debug)]
pub struct Violation {
    what: Box<str>,
    source: Option<StoreError>,
}

impl Violation {
    pub(super) fn new(what: impl Into<Box<str>>) -> Self {
        Self { what: what.into(), source: None }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.source.as_ref().and_then(Error::source) {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for Violation {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}

/// An operation that must succeed has failed.
impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self { what: error.to_string().into(), source: Some(error) }
    }
}

/// The result of a check: `Ok`, or how the store breaks the rule.
pub(super) type Outcome = Result<(), Violation>;

/// Returns an error if a condition does not hold.
pub(super) fn ensure(holds: bool, violation: impl Into<Box<str>>) -> Outcome {
    if holds { Ok(()) } else { Err(Violation::new(violation)) }
}

/// The result of running checks. `Display` prints a line for each broken rule.
#[derive(Debug, Default)]
#[must_use = "a report must be examined: call `assert_passed`"]
pub struct Report {
    checked: usize,
    failures: Vec<(&'static str, Violation)>,
}

impl Report {
    pub(super) fn add(&mut self, check: &'static str, outcome: Outcome) {
        self.checked += 1;
        if let Err(violation) = outcome {
            self.failures.push((check, violation));
        }
    }

    /// Returns the number of checks that were run.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// Returns whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Returns the names of the checks that failed, and how each did.
    #[must_use]
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&'static str, &Violation)> {
        self.failures.iter().map(|(check, violation)| (*check, violation))
    }

    /// Panics if a check failed.
    ///
    /// # Panics
    ///
    /// Panics with this report as the message if a check failed.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} checks failed", self.failures.len(), self.checked)?;
        for (check, violation) in &self.failures {
            write!(f, "\n- {check}: {violation}")?;
        }
        Ok(())
    }
}
