//! Empty databases, on shared servers.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, Executor, MySqlConnection, PgConnection};

fn name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The URL of an empty schema.
pub(crate) async fn postgres() -> String {
    let (url, name) = (std::env::var("PG").expect("a server"), name());
    let mut connection = PgConnection::connect(&url).await.expect("it runs");
    connection.execute(&*format!("CREATE SCHEMA {name}")).await.expect("it runs");
    format!("{url}?options=-c%20search_path%3D{name}")
}

/// The URL of an empty database.
pub(crate) async fn mysql() -> String {
    let (url, name) = (std::env::var("MY").expect("a server"), name());
    let mut connection = MySqlConnection::connect(&url).await.expect("it runs");
    connection.execute(&*format!("CREATE DATABASE {name}")).await.expect("it runs");
    format!("{url}/{name}")
}

/// The URL of a file that is not there yet.
pub(crate) async fn sqlite() -> String {
    let file = std::env::temp_dir().join(format!("{}.db", name()));
    format!("sqlite://{}", file.display())
}
