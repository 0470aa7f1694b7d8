//! An issuer in memory, for the tests of applications that verify tokens. It signs any token,
//! including ones that no issuer should sign, and its clock can be advanced.
//!
//! ```
//! use std::time::Duration;
//! use auth_core::{AuthFuture, Outcome};
//! use auth_jwt::testing::TestIssuer;
//!
//! let issuer = TestIssuer::new("https://idp.example").audience("shop");
//! let auth = issuer.auth(); // a layer, as in your application
//!
//! let token = issuer.token("alice").role("admin").sign();
//! let Ok(Outcome::Authenticated(alice)) = auth.verify(token.as_bytes()).into_ready() else { panic!() };
//! assert!(alice.subject() == "alice" && alice.has_role("admin"));
//!
//! issuer.clock().advance(Duration::from_secs(3600));
//! assert!(matches!(auth.verify(token.as_bytes()).into_ready(), Ok(Outcome::Rejected(_))));
//! ```

mod issuer;
#[cfg(feature = "remote-keys")]
mod providers;
#[cfg(feature = "remote-keys")]
mod server;
mod token;

#[doc(inline)]
pub use auth_core::testing::TestUser;
pub use issuer::TestIssuer;
#[cfg(feature = "remote-keys")]
pub use providers::{Provenance, Provider, ProviderClient, ProviderFixture};
#[cfg(feature = "remote-keys")]
pub use server::{IssuerFault, IssuerServer};
pub use token::TestToken;
