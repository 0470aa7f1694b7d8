//! The result of running checks.
//!
//! A check returns the first [`Violation`] it finds; a [`Report`] collects those of many checks.

use std::error::Error;
use std::fmt;

use crate::error::BoxError;

/// How a store or a backend breaks a rule of its contract.
#[derive(Debug)]
pub struct Violation {
    what: Box<str>,
    source: Option<BoxError>,
}

impl Violation {
    /// Describes what was observed, as a clause: "a missing sign-in is listed".
    pub fn new(what: impl Into<Box<str>>) -> Self {
        Self { what: what.into(), source: None }
    }

    /// Reports an error where there should be none.
    pub fn failed(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        Self { what: error.to_string().into(), source: Some(error) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.source.as_deref().and_then(Error::source) {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for Violation {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}

/// Returns a violation if a condition does not hold.
///
/// # Errors
///
/// Returns the violation.
pub fn ensure(holds: bool, violation: impl Into<Box<str>>) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(violation)) }
}

/// The result of running checks. `Display` prints a line for each broken rule, and one for the checks that were left
/// out.
#[derive(Debug, Default)]
#[must_use = "a report must be examined: call `assert_passed`"]
pub struct Report {
    checked: usize,
    failures: Vec<(&'static str, Violation)>,
    left_out: Vec<&'static str>,
}

impl Report {
    /// Adds the result of a check.
    pub fn add(&mut self, check: &'static str, outcome: Result<(), Violation>) {
        self.checked += 1;
        if let Err(violation) = outcome {
            self.failures.push((check, violation));
        }
    }

    /// Adds a check that does not apply.
    pub fn leave_out(&mut self, check: &'static str) {
        self.left_out.push(check);
    }

    /// Returns the names of the checks that do not apply, because of what the fixture says that it cannot do.
    #[must_use]
    pub fn left_out(&self) -> &[&'static str] {
        &self.left_out
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
        match self.left_out.join(", ") {
            none if none.is_empty() => Ok(()),
            left_out => write!(f, "\nleft out: {left_out}"),
        }
    }
}
