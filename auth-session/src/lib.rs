#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod session_auth;
mod sign_in_backend;

pub use session_auth::SessionAuth;
