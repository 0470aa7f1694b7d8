//! What a run of the kit found.

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

/// An operation failed that has to succeed.
impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self { what: error.to_string().into(), source: Some(error) }
    }
}

/// What a check found: nothing, or how the rule is broken.
pub(super) type Outcome = Result<(), Violation>;

/// Demands what a rule says.
pub(super) fn ensure(holds: bool, otherwise: impl Into<Box<str>>) -> Outcome {
    if holds { Ok(()) } else { Err(Violation::new(otherwise)) }
}

/// What a run of the kit found. `Display` has a line for each rule that is broken.
#[derive(Debug, Default)]
#[must_use = "a report that nobody reads proves nothing: see `assert_passed`"]
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

    /// How many checks were run.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// Whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// The checks that failed, by name, and how.
    #[must_use]
    pub fn failures(&self) -> impl ExactSizeIterator<Item = (&'static str, &Violation)> {
        self.failures.iter().map(|(check, violation)| (*check, violation))
    }

    /// For the end of a test.
    ///
    /// # Panics
    /// If a check failed, with this report as the message.
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
