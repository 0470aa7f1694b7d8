//! An application with actix-session.

pub mod before;
pub mod switch;
