//! Several texts in one piece of memory.

use std::fmt;
use std::iter::FusedIterator;

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Several texts, such as roles or scopes, in the order in which they were added. They lie in one
/// piece of memory, because a verifier makes such a list for each token that it has not seen before.
///
/// ```
/// use auth_core::Words;
///
/// let mut roles: Words = ["buyer", "reviewer"].into_iter().collect();
/// roles.push("admin");
/// assert!(roles.contains("admin") && roles.len() == 3);
/// assert!(roles.iter().eq(["buyer", "reviewer", "admin"]));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Words(String); // each word is preceded by its length: any text can be a word

/// Room for a few words: most lists take no more.
const FIRST_ROOM: usize = 32;
/// The digits of a length, least first. All but the last are marked by this number itself, so that
/// they are letters of one byte each.
const BASE: u8 = 64;

impl Words {
    /// No words.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Adds one at the end.
    pub fn push(&mut self, word: &str) {
        let Self(text) = self;
        if text.is_empty() {
            text.reserve(FIRST_ROOM);
        }
        let mut length = word.len();
        loop {
            let [digit, ..] = (length % usize::from(BASE)).to_le_bytes();
            length /= usize::from(BASE);
            if length == 0 {
                text.push(char::from(digit));
                break;
            }
            text.push(char::from(BASE + digit));
        }
        text.push_str(word);
    }

    /// One after the other.
    #[must_use]
    pub fn iter(&self) -> WordsIter<'_> {
        WordsIter(&self.0)
    }

    /// Whether this is one of them, exactly.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|own| own == word)
    }

    /// How many there are; they are counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The words of [`Words`], one after the other.
#[derive(Clone)]
pub struct WordsIter<'a>(&'a str);

impl<'a> Iterator for WordsIter<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let (mut length, mut shift, mut digits) = (0, 0, 0);
        for byte in self.0.bytes() {
            length |= usize::from(byte % BASE) << shift;
            shift += BASE.trailing_zeros();
            digits += 1;
            if byte < BASE {
                break;
            }
        }
        let (word, rest) = self.0.get(digits..)?.split_at_checked(length)?;
        let there = digits > 0;
        self.0 = rest;
        there.then_some(word)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.clone().fold(0, |count, _| count + 1);
        (left, Some(left))
    }
}

impl ExactSizeIterator for WordsIter<'_> {}

impl FusedIterator for WordsIter<'_> {}

impl fmt::Debug for WordsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}

impl<'a> IntoIterator for &'a Words {
    type Item = &'a str;
    type IntoIter = WordsIter<'a>;
    fn into_iter(self) -> WordsIter<'a> {
        self.iter()
    }
}

impl<T: AsRef<str>> Extend<T> for Words {
    fn extend<I: IntoIterator<Item = T>>(&mut self, words: I) {
        words.into_iter().for_each(|word| self.push(word.as_ref()));
    }
}

impl<T: AsRef<str>> FromIterator<T> for Words {
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Self {
        let mut all = Self::new();
        all.extend(words);
        all
    }
}

impl<T: AsRef<str>> From<&[T]> for Words {
    fn from(words: &[T]) -> Self {
        words.iter().collect()
    }
}

impl From<Vec<Box<str>>> for Words {
    fn from(words: Vec<Box<str>>) -> Self {
        words.as_slice().into()
    }
}

/// Each in memory of its own.
impl From<&Words> for Vec<Box<str>> {
    fn from(words: &Words) -> Self {
        words.iter().map(Into::into).collect()
    }
}

impl<T: AsRef<str>, const N: usize> PartialEq<[T; N]> for Words {
    fn eq(&self, other: &[T; N]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

/// As a list of texts.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Words::new();
        while list.next_element_seed(Push(&mut words))?.is_some() {}
        Ok(words)
    }
}

/// Adds the next element, without a copy of its own in between.
struct Push<'w>(&'w mut Words);

impl<'de> DeserializeSeed<'de> for Push<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Push<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<(), E> {
        self.0.push(word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_texts_come_back(list: Vec<String>, beside: String) {
            let words: Words = list.iter().collect();
            prop_assert!(words.iter().eq(&list));
            prop_assert_eq!((words.len(), words.is_empty()), (list.len(), list.is_empty()));
            prop_assert_eq!(words.contains(&beside), list.contains(&beside));
            let json = serde_json::to_string(&words).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&list).unwrap());
            prop_assert_eq!(serde_json::from_str::<Words>(&json).unwrap(), words);
        }
    }

    #[test]
    fn a_word_has_any_length() {
        for length in [0, 1, 63, 64, 65, 4095, 4096, 300_000] {
            let word = "x".repeat(length);
            let words: Words = ["", &word, "end", &word].into_iter().collect();
            assert!(words == ["", &*word, "end", &*word], "{length}");
        }
    }

    #[test]
    fn two_words_are_not_one() {
        let of = |list: &[&str]| Words::from(list);
        assert_ne!(of(&["ab"]), of(&["a", "b"]));
        assert_ne!(of(&["", "a"]), of(&["a", ""]));
        assert!(!of(&["admin2"]).contains("admin"));
        assert!(!of(&[]).contains("") && of(&[""]).contains(""));
        assert_eq!(format!("{:?}", of(&["a", "b\n"])), r#"["a", "b\n"]"#);
    }

    #[test]
    fn what_is_no_list_of_texts_is_no_words() {
        for json in ["[1]", "\"a\"", "{}", "[null]"] {
            assert!(serde_json::from_str::<Words>(json).is_err(), "{json}");
        }
    }
}
