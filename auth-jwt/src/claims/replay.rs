//! Values that were read for the registered claims, read once more by the application's type.
//!
//! A [`Replay`] gives a type what `serde_json` would have given it, so that a claim such as `sub`
//! can also be a field of that type.

use std::borrow::Cow;
use std::fmt;

use auth_core::Timestamp;
use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::token_claims::Texts;

/// A value that was read already.
#[derive(Clone, Copy)]
pub(super) enum Replay<'t, 'de> {
    Number(Number),
    Text(&'t Cow<'de, str>),
    /// A string that is not borrowed from the input.
    Owned(&'t str),
    Texts(&'t Texts<'de>),
}

impl<'de> Deserializer<'de> for Replay<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Number(Number::Unsigned(number)) => visitor.visit_u64(number),
            Self::Number(Number::Negative(number)) => visitor.visit_i64(number),
            Self::Number(Number::Float(number)) => visitor.visit_f64(number),
            Self::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::Text(Cow::Owned(text)) => visitor.visit_str(text),
            Self::Owned(text) => visitor.visit_str(text),
            Self::Texts(Texts::One(text)) => Replay::Text(text).deserialize_any(visitor),
            Self::Texts(Texts::Many(texts)) => {
                let texts = texts.iter().map(Replay::Text);
                visitor.visit_seq(SeqDeserializer::new(texts))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Text(Cow::Borrowed(text)) => {
                visitor.visit_enum(BorrowedStrDeserializer::<Self::Error>::new(text))
            }
            Self::Text(Cow::Owned(text)) => {
                Replay::Owned(text).deserialize_enum(name, variants, visitor)
            }
            Self::Owned(text) => {
                visitor.visit_enum(IntoDeserializer::<Self::Error>::into_deserializer(text))
            }
            Self::Texts(Texts::One(text)) => {
                Replay::Text(text).deserialize_enum(name, variants, visitor)
            }
            Self::Number(_) | Self::Texts(Texts::Many(_)) => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Replay<'_, 'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// A JSON number, in the representation that `serde_json` reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

impl Number {
    /// Returns the time that this number is as a `NumericDate`: seconds since 1970. RFC 7519 allows
    /// fractions, which are cut off. Numbers before 1970 and beyond 2 to the power of 53, the largest
    /// that every JSON reader represents exactly, are not dates.
    pub(super) fn to_date(self) -> Option<Timestamp> {
        const MAX: u64 = 1 << 53;
        let secs = match self {
            Self::Unsigned(secs) => Some(secs),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is not negative
            Self::Float(secs) if secs >= 0.0 => Some(secs as u64),
            Self::Float(_) | Self::Negative(_) => None,
        };
        secs.filter(|secs| *secs <= MAX).map(Timestamp::from_secs)
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
        Ok(Number::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Negative(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Float(number))
    }
}
