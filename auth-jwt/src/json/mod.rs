//! JSON as a verifier reads it: nothing is said twice, and nothing is guessed.

mod again;
mod names;
mod number;
mod strict;
mod text;

pub(crate) use again::Replay;
pub(crate) use names::Names;
pub(crate) use number::Number;
pub(crate) use strict::{Strict, UniqueKeys, said_twice};
pub(crate) use text::{Text, TextInto, Texts, TextsInto};
