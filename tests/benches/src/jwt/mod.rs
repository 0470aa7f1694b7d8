//! Requests with a bearer token.
//!
//! `JwtAuth`, its peers and the signature alone get the same tokens. The signature alone shows how much
//! of the time no library can avoid.

mod extractor;
mod flood;
mod issuer;
mod ours;
mod peers;
mod raw;
mod remote;
mod sign_in;
mod tokens;

pub use flood::{Flood, flood};
pub use issuer::Alg;
pub use ours::hit;
pub use peers::with_peers;
pub use raw::raw;
pub use remote::{UnknownKeys, hit_with_remote_keys, unknown_keys};
pub use sign_in::sign_in_cases;
pub use tokens::Tokens;
