//! Several backends as one.

mod any_of;
mod several;
mod sign_ins;

pub use any_of::{AnyOf, any_of};
pub use several::IntoAuthenticators;
