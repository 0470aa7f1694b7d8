//! A shop: sign-in, roles, a cart that survives the sign-in, and the user's devices.
//!
//! No handler names a backend. Handlers extract `Identity<User>`, `Auth<User>` and `Session`, and run
//! unchanged behind sessions, tokens, or both. Only [`authentication`] decides which; [`app`] also
//! accepts any other authenticator.
//!
//! `GET /events` is a stream that ends with the sign-in, wherever the sign-in was ended. Routes for
//! admins and routes that end sign-ins read the store on every request; other routes may use a cached
//! sign-in.
//!
//! Shops with the same store and the same signing key act as one service behind a load balancer. A
//! sign-in at one shop is valid at all of them. A logout reaches the others at once as a rule, and
//! within two seconds in any case.
//!
//! The page at `/` shows the shop, and beside it what each of its requests carries and costs. The module
//! `inspector` reports that.
//!
//! ```sh
//! shop --store redis://localhost --signing-key key.pem --listen 127.0.0.1:3000 &
//! shop --store redis://localhost --signing-key key.pem --listen 127.0.0.1:3001 &
//! ```

mod account;
mod app;
mod authentication;
mod cart;
mod devices;
mod events;
mod input;
mod inspector;
mod login;
mod options;
mod page;
mod responses;
mod routes;
mod setup_error;
mod signing_key;
mod store;

pub use app::app;
pub use authentication::{Authentication, authentication};
pub use inspector::event_layer;
pub use options::{AuthKind, Deployment, Options};
pub use routes::router;
pub use setup_error::SetupError;
pub use store::StoreUrl;
