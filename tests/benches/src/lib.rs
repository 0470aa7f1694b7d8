//! The cases of the benchmarks: the same request through our layers and through those of comparable
//! crates (peers). Each layer is measured alone, between two `tower::Service`s, without a network.

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
