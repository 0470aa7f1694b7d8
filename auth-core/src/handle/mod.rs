//! The request's handle on sign-ins.

mod auth;
mod confirm;
mod context;
mod ended;
mod refresh;
mod sign_in;

pub use auth::Auth;
pub use refresh::Refresh;
pub use sign_in::SignIn;
