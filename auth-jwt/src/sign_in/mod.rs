//! Tokens that belong to a stored sign-in.

mod access;
mod build;
mod cookies;
mod deliver;
mod desk;
mod sign_ins;
mod standing;

pub use desk::WithSignIn;
