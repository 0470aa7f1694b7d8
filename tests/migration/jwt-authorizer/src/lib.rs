//! An application with jwt-authorizer.

pub mod before;
