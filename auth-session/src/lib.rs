#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod session_auth;
mod sign_in_backend;

#[doc(inline)]
pub use auth_store::{MemoryStore, OverflowPolicy, Session, SignInManager, connect};
pub use session_auth::SessionAuth;

#[cfg(feature = "testing")]
#[doc(inline)]
pub use auth_core::testing;

auth_core::reexport!();
auth_store::reexport!();
