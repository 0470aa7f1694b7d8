//! An application with axum_session.

pub mod before;
pub mod switch;
