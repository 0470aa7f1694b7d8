//! What was read already, read once more as whatever somebody else makes of it.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::number::Number;
use super::text::Texts;

type Fault = serde_json::Error;

/// A value that was read already, as it stood.
#[derive(Clone, Copy)]
pub(crate) enum Replay<'t, 'de> {
    Number(Number),
    Text(&'t Cow<'de, str>),
    Word(&'t str),
    Texts(&'t Texts<'de>),
}

impl<'de> Deserializer<'de> for Replay<'_, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Number(Number::Natural(number)) => visitor.visit_u64(number),
            Self::Number(Number::Negative(number)) => visitor.visit_i64(number),
            Self::Number(Number::Fraction(number)) => visitor.visit_f64(number),
            Self::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::Text(Cow::Owned(text)) => visitor.visit_str(text),
            Self::Word(text) => visitor.visit_str(text),
            Self::Texts(Texts::One(text)) => Replay::Text(text).deserialize_any(visitor),
            Self::Texts(Texts::Many(texts)) => {
                visitor.visit_seq(SeqDeserializer::new(texts.iter().map(|text| Replay::Word(text))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Self::Text(Cow::Borrowed(text)) | Self::Texts(Texts::One(Cow::Borrowed(text))) => {
                visitor.visit_enum(BorrowedStrDeserializer::<Fault>::new(text))
            }
            Self::Text(Cow::Owned(text)) | Self::Texts(Texts::One(Cow::Owned(text))) => {
                Replay::Word(text).deserialize_enum(name, variants, visitor)
            }
            Self::Word(text) => {
                visitor.visit_enum(IntoDeserializer::<Fault>::into_deserializer(text))
            }
            Self::Number(_) | Self::Texts(Texts::Many(_)) => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Replay<'_, 'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}
