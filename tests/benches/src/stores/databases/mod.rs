//! The costs of the SQL stores: steps per second, statements per request, bytes, query plans, and a sweep
//! during look-ups.

mod million;
mod plans;
mod rates;
mod server;
mod statements;
mod sweep;

pub use million::{Bytes, Million};
pub use plans::{Plan, plans};
pub use rates::{STEPS, rates};
pub use server::{Database, Safe, postgres_in_production};
pub use statements::{of_mariadb, of_postgres};
pub use sweep::{Swept, sweep};
