//! Cookies as both backends use them: reading ours from a request, and writing it.

mod policy;
mod request;

pub use policy::{CookieBuilder, CookiePolicy, InvalidCookie, SameSite};
pub use request::RequestCookie;
pub(crate) use request::find;
