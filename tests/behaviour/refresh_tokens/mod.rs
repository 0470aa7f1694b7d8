//! Refresh tokens: delivery, lifetime, reuse, scopes, and requests from other sites.

mod cross_site;
mod delivery;
mod lifetime;
mod reuse;
mod scopes;
