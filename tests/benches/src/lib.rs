//! What the benchmarks measure: the same request through ours and through its peers, each layer
//! alone, from one `tower::Service` to another, without a network.

mod drive;
pub mod jwt;
mod ours;
mod peers;
pub mod stores;
mod turns;

pub use drive::{BATCH, Case};
pub use ours::{Ours, User};
pub use peers::{axum_login_case, tower_sessions_cases};
pub use turns::{median, medians};
