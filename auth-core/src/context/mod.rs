//! What a request carries after authentication: the state that handlers and backends share until its
//! response leaves.
//!
//! [`AuthContext`] is the only request extension. It has no claims type parameter, so that a wrong
//! claims type is distinguishable from a missing layer. [`RequestState`] holds what handlers
//! change, and [`SignInContext`] is what a backend receives to change a sign-in.

mod auth_context;
mod request_state;
mod response_effects;
mod sign_in_context;

pub use auth_context::AuthContext;
pub use request_state::{MemberPath, RequestState, ResponseHook, Transport};
pub use response_effects::ResponseEffects;
pub use sign_in_context::{RequestSnapshot, SignInContext};

pub(crate) use auth_context::{Authorized, ErasedContext};
pub(crate) use request_state::FoundCredential;
pub(crate) use response_effects::{directives, vary};
