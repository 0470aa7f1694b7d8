//! A shop: sign-in, roles, a cart that survives it, and the user's devices.
//!
//! No handler names a backend: they ask for `Identity<User>`, `Auth<User>` and `Session`, and run
//! behind sessions, tokens, or both. The one place that chooses is [`backend`]; tests pass another
//! one to [`app`].
//!
//! An open page is told when its sign-in ends, wherever that happens: `GET /events`. What only an admin
//! may see, and what ends sign-ins, asks the store itself and no copy.
//!
//! Shops with one store and one signing key are one service, behind whatever spreads requests: who
//! signs in to one is served by all, and who logs out of one is refused by all, at once as a rule
//! and after two seconds at most.
//!
//! ```sh
//! shop --store redis://localhost --signing-key key.pem --listen 127.0.0.1:3000 &
//! shop --store redis://localhost --signing-key key.pem --listen 127.0.0.1:3001 &
//! ```

mod account;
mod app;
mod backend;
mod cart;
mod devices;
mod errors;
mod events;
mod headers;
mod input;
mod login;
mod options;
mod page;
mod refresh;
mod return_path;
mod setup_error;
mod signing_key;
mod store;
mod store_url;

pub use app::{app, router};
pub use backend::{Backend, backend};
pub use headers::Exposure;
pub use options::{AuthKind, Options};
pub use return_path::return_path;
pub use setup_error::SetupError;
pub use store_url::StoreUrl;
