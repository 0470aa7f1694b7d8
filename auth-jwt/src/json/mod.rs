//! JSON as a verifier reads it: nothing is said twice, and nothing is guessed.

mod names;
mod strict;
mod text;

pub(crate) use names::Names;
pub(crate) use strict::{Strict, StrictAt};
pub(crate) use text::{Text, Texts};
