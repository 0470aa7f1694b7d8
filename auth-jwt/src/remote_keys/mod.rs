//! Keys that are fetched from their issuer, and fetched again when they change.
//!
//! `builder` holds the options, and `handle` the keys and the task that fetches them. `schedule` decides
//! when to fetch: it is a pure state machine. `issuers` holds the keys of issuers that a rule accepts.
//! `source` fetches the discovery document and the key set over a `client`, and `freshness` reads for how
//! long a response may be used. `record` writes events and metrics.

mod builder;
mod client;
mod error;
mod freshness;
mod handle;
mod issuers;
mod record;
mod schedule;
mod source;

#[cfg(feature = "introspection")]
pub(crate) use builder::checked_url;
pub(crate) use builder::client_or_default;
pub use builder::{InvalidRemoteKeys, RemoteKeysBuilder};
pub(crate) use client::Client;
pub use client::HttpClient;
pub use error::{FetchError, FetchErrorKind};
pub(crate) use handle::Demand;
#[cfg(feature = "introspection")]
pub(crate) use handle::within;
pub use handle::{RemoteKeys, RemoteKeysStatus};
pub use issuers::RemoteIssuers;
pub(crate) use schedule::Fetch;
#[cfg(feature = "introspection")]
pub(crate) use source::json_of;
