//! Tokens that belong to a stored sign-in: how signing in is configured, what is issued, and how it
//! reaches the client.

mod access_token;
mod backend;
mod introspection;
mod issuer;
mod options;
mod pending;
mod revocation;
mod token_response;

pub use issuer::WithSignIn;
pub use options::JwtSignIn;
