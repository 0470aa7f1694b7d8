//! An application with jsonwebtoken.

pub mod before;
pub mod switch;
