//! Requests with a bearer token: the same tokens for `JwtAuth`, for its peers, and for the signature alone.

mod extractor;
mod flood;
mod issuer;
mod ours;
mod peers;
mod raw;
mod sign_in;
mod tokens;

pub use extractor::extractor;
pub use flood::{Flood, flood};
pub use issuer::Alg;
pub use ours::{hit, miss};
pub use peers::{axum_jwt_auth, jwt_authorizer, tower_oauth2_resource_server};
pub use raw::raw;
pub use sign_in::sign_in_cases;
pub use tokens::Tokens;
