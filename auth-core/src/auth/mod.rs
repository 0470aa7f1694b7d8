//! [`Auth`], a handler's handle on sign-ins, and the builders that it returns.

mod builders;
mod handle;

pub use builders::{Reauthenticate, Refresh, SignIn};
pub use handle::Auth;
