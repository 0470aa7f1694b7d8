//! Strings, borrowed where they stand.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A string, borrowed from the input unless it holds an escape. Another type is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Cow::default();
        TextInto(&mut text).deserialize(deserializer)?;
        Ok(Self(text))
    }
}

/// Reads a string to where it stays. A token is full of them, and handing one on takes longer than
/// reading it.
pub(crate) struct TextInto<'t, 'de>(pub(crate) &'t mut Cow<'de, str>);

impl<'de> DeserializeSeed<'de> for TextInto<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextInto<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        *self.0 = Cow::Borrowed(text);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        *self.0 = Cow::Owned(text.to_owned());
        Ok(())
    }
}

/// One string or several. Another type is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Texts<'a> {
    One(Cow<'a, str>),
    Many(Vec<Box<str>>),
}

/// Of no text.
impl Default for Texts<'_> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(text) => (Some(&**text), &[][..]),
            Self::Many(texts) => (None, &texts[..]),
        };
        one.into_iter().chain(many.iter().map(|text| &**text))
    }
}

impl From<Texts<'_>> for Vec<Box<str>> {
    fn from(texts: Texts<'_>) -> Self {
        match texts {
            Texts::One(text) => vec![text.into()],
            Texts::Many(texts) => texts,
        }
    }
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut texts = Texts::default();
        TextsInto(&mut texts).deserialize(deserializer)?;
        Ok(texts)
    }
}

/// Reads one string or several to where they stay.
pub(crate) struct TextsInto<'t, 'de>(pub(crate) &'t mut Texts<'de>);

impl<'de> DeserializeSeed<'de> for TextsInto<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextsInto<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        *self.0 = Texts::One(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        *self.0 = Texts::One(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        *self.0 = Texts::Many(Vec::deserialize(SeqAccessDeserializer::new(seq))?);
        Ok(())
    }
}
