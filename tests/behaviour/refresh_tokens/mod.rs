//! Tokens that renew: how often, for how long, for what, and by which way.

mod delivery;
mod ending;
mod other_sites;
mod repeating;
mod scopes;
