//! Opening a store by a URL that is known only at run time.
//!
//! `options` is the public interface. `open` chooses the store by the URL's scheme and puts a near
//! cache in front of it.

mod open;
mod options;

pub use options::{ConnectError, ConnectOptions, connect};
