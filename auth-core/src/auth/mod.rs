//! [`Auth`], a handler's handle on sign-ins, and the builders that it returns.
//!
//! A builder collects the options of one operation. Awaiting it calls the backend with the state of that
//! operation, which becomes part of the request's state if the operation succeeds.

mod handle;
mod refresh;
mod sign_in;

pub use handle::Auth;
pub use refresh::Refresh;
pub use sign_in::{Reauthenticate, SignIn};
