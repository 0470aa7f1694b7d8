//! Real servers for tests, each on a free port of 127.0.0.1 with a folder of its own.
//!
//! A server is killed by its process id when its value is dropped, and also when the test's process ends, for
//! whatever reason: a shell waits for the end of its standard input and kills the server.
//!
//! All functions panic if a server does not do what a test needs.

mod authority;
mod child;
mod cluster;
mod daemon;
mod mariadb;
mod mongo_server;
mod nano_idp;
mod nginx;
mod oidc_provider;
mod pgbouncer;
mod ports;
mod postgres;
mod proxy;
mod redis_server;
mod scratch;
mod sentinel;
mod server;
mod site;
mod wait;

pub use authority::Authority;
pub use cluster::RedisCluster;
pub use mariadb::MariaDbServer;
pub use mongo_server::MongoServer;
pub use nano_idp::NanoIdp;
pub use nginx::Nginx;
pub use oidc_provider::OidcProvider;
pub use pgbouncer::PgBouncer;
pub use ports::free_port;
pub use postgres::PostgresServer;
pub use proxy::{Held, Proxy};
pub use redis_server::RedisServer;
pub use scratch::Scratch;
pub use sentinel::RedisSentinels;
pub use server::TestServer;
pub use site::Site;
pub use wait::until;
