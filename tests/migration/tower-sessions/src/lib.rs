//! An application with tower-sessions.

pub mod before;
pub mod switch;
