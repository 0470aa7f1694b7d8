//! The errors of opening a store.

use std::time::Duration;

use auth_core::Clock;
use auth_store::{MySqlStore, PostgresStore, SqlSetupError, SqliteStore};

use crate::stores::{MARIADB, POSTGRES, mysql, postgres, sqlite};
use crate::support::error_text::error_text as said;

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_contain_it() {
    let url = format!("postgres://tests:hunter2@127.0.0.1:{}/postgres", POSTGRES.port());
    let postgres = PostgresStore::connect(url).await.expect_err("the wrong password");
    let url = format!("mysql://tests:hunter2@127.0.0.1:{}/tests", MARIADB.port());
    let mysql = MySqlStore::connect(url).await.expect_err("the wrong password");
    for error in [postgres, mysql] {
        assert!(matches!(error, SqlSetupError::Authentication(_)), "{error:?}");
        assert!(!said(&error).contains("hunter2"), "{}", said(&error));
    }
}

/// Checks that the error names the invalid part, and not the password.
fn names(error: &SqlSetupError, part: &str) {
    let text = said(error);
    assert!(text.contains(part) && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn errors_name_the_invalid_part() {
    for (url, named) in [
        ("mysql://:hunter2@localhost", "scheme"),
        ("postgres://ada:hunter2@localhost:port", "port"),
        ("postgres://ada:hunter2@127.0.0.1:1", "not reached"),
    ] {
        names(&PostgresStore::connect(url).await.expect_err("the URL is invalid"), named);
    }
    for (url, named) in [
        ("postgres://:hunter2@localhost", "scheme"),
        ("mysql://ada:hunter2@127.0.0.1:1/x", "not reached"),
        ("mysql://ada:hunter2@127.0.0.1:1", "no database"),
    ] {
        names(&MySqlStore::connect(url).await.expect_err("the URL is invalid"), named);
    }
    let none = PostgresStore::builder(postgres()).max_connections(0).connect().await;
    assert!(matches!(none, Err(SqlSetupError::ZeroConnections)), "{none:?}");
    for timeout in [
        Duration::ZERO,
        Duration::from_micros(999),
        Duration::from_secs(60 * 60 + 1),
        Duration::MAX,
    ] {
        let errors = [
            PostgresStore::builder(postgres()).timeout(timeout).connect().await.map(|_| ()),
            MySqlStore::builder(mysql()).timeout(timeout).connect().await.map(|_| ()),
            SqliteStore::builder(sqlite()).migrate().timeout(timeout).connect().await.map(|_| ()),
        ];
        for error in errors {
            assert!(matches!(error, Err(SqlSetupError::InvalidTimeout)), "{timeout:?}: {error:?}");
        }
    }
    let longest = SqliteStore::builder(sqlite()).migrate().timeout(Duration::from_secs(60 * 60));
    longest.connect().await.expect("it opens");
}

/// An operator must not search for an outage when the server only refuses the request.
#[tokio::test]
async fn refusals_are_distinct_from_outages() {
    let missing = PostgresStore::connect(POSTGRES.url_of("nowhere")).await;
    let database = POSTGRES.new_database();
    let url = POSTGRES.url_of(&database);
    let _migrated = PostgresStore::builder(url.clone()).migrate().connect().await.expect("it runs");
    let _ = POSTGRES.ask("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
    let port = POSTGRES.port();
    let stranger = format!("postgres://stranger:stranger@127.0.0.1:{port}/{database}");
    let stranger = PostgresStore::connect(stranger).await;
    for (refused, why) in [(missing, "nowhere"), (stranger, "permission denied")] {
        let error = refused.expect_err("the server refuses");
        assert!(matches!(error, SqlSetupError::Refused(_)), "{error:?}");
        assert!(said(&error).contains(why), "{}", said(&error));
    }
}

/// Each connection would have a database of its own.
#[tokio::test]
async fn in_memory_databases_are_rejected() {
    for url in ["sqlite::memory:", "sqlite://", "sqlite://name?mode=memory", "sqlite://:memory:"] {
        let error = SqliteStore::builder(url).migrate().connect().await.expect_err(url);
        assert!(matches!(error, SqlSetupError::InMemory), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn sec_74_debug_shows_no_password() {
    let url = postgres();
    assert!(url.contains("wonderland"));
    let builder = PostgresStore::builder(url).migrate();
    let store = builder.clone().connect().await.expect("it runs");
    assert!(!format!("{builder:?} {store:?}").contains("wonderland"));
    let builder = MySqlStore::builder("mysql://ada:hunter2@localhost");
    assert!(!format!("{builder:?}").contains("hunter2"));
    assert!(format!("{:?}", SqliteStore::builder(sqlite())).contains("SqliteStoreBuilder"));
}

#[tokio::test]
async fn connecting_to_a_silent_server_times_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let (clock, limit) = (Clock::system(), Duration::from_millis(100));
    let start = clock.monotonic();
    let postgres = PostgresStore::builder(format!("postgres://a:b@127.0.0.1:{port}/x"));
    let error = postgres.timeout(limit).connect().await.expect_err("the server is silent");
    assert!(matches!(error, SqlSetupError::Unavailable(_)), "{error:?}");
    let mysql = MySqlStore::builder(format!("mysql://a:b@127.0.0.1:{port}/x"));
    let error = mysql.timeout(limit).connect().await.expect_err("the server is silent");
    assert!(matches!(error, SqlSetupError::Unavailable(_)), "{error:?}");
    assert!(clock.monotonic() - start < Duration::from_secs(5));
}

/// Regression: the second connection had to be open within the timeout of an operation.
#[tokio::test]
async fn a_distant_server_has_the_connect_timeout_for_each_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let server = tokio::net::TcpStream::connect(("127.0.0.1", POSTGRES.port()));
                let mut server = server.await.expect("it runs");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let url = postgres().replace(&format!(":{}/", POSTGRES.port()), &format!(":{port}/"));
    let builder = PostgresStore::builder(format!("{url}?connect_timeout=10")).migrate();
    builder.timeout(Duration::from_millis(100)).connect().await.expect("it has ten seconds");
}
