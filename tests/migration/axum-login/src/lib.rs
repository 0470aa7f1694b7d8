//! An application with axum-login.

pub mod before;
pub mod switch;
