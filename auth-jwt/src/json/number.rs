//! Numbers, as they stand.

use std::fmt;

use auth_core::Timestamp;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A number, as it stands. Another type is an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Natural(u64),
    Negative(i64),
    Fraction(f64),
}

impl Number {
    /// As a `NumericDate`: seconds since the epoch. Fractions are allowed by RFC 7519, and cut off.
    pub(crate) fn to_date(self) -> Option<Timestamp> {
        /// The largest number that every JSON reader has exactly: 2 to the power of 53.
        const LARGEST: u64 = 1 << 53;
        let secs = match self {
            Self::Natural(secs) => Some(secs),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is not negative
            Self::Fraction(secs) if secs >= 0.0 => Some(secs as u64),
            Self::Fraction(_) | Self::Negative(_) => None,
        };
        secs.filter(|secs| *secs <= LARGEST).map(Timestamp::from_secs)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number::Natural(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Negative(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Fraction(number))
    }
}
