//! JSON as a verifier reads it: nothing is said twice, and nothing is guessed.

mod again;
mod names;
mod number;
mod strict;
mod text;

pub(crate) use again::Again;
pub(crate) use names::Names;
pub(crate) use number::Number;
pub(crate) use strict::{Strict, Strictly, said_twice};
pub(crate) use text::{Text, TextInto, Texts, TextsInto};
