//! TLS to the databases, with verified certificates.

use auth_servers::{Authority, MariaDbServer, PostgresServer};
use auth_store::{MySqlStore, PostgresStore, SqlSetupError, Store};

use crate::sign_in::sign_in;

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_postgresql_is_verified() {
    let (authority, another) = (Authority::new(), Authority::new());
    let server = PostgresServer::with_tls(&authority);
    let url = |authority: &Authority| {
        format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), authority.file("ca"))
    };
    let store = PostgresStore::builder(url(&authority)).migrate().connect().await;
    let store = store.expect("the certificate is valid");
    let id = sign_in(&store, "ada").await;
    assert!(store.load(&id).await.expect("it runs").is_some());
    let uses_tls = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                  WHERE query LIKE 'EXECUTE auth_%' AND pid <> pg_backend_pid()";
    assert_eq!(server.ask(uses_tls).trim(), "t");
    let error = PostgresStore::connect(url(&another)).await.expect_err("another authority");
    assert!(matches!(error, SqlSetupError::Unavailable(_)), "{error:?}");

    let plain = PostgresServer::start();
    let url = format!("{}?sslmode=require", plain.url());
    let error = PostgresStore::connect(url).await.expect_err("the server has no TLS");
    assert!(matches!(error, SqlSetupError::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_mariadb_is_verified() {
    let (authority, another) = (Authority::new(), Authority::new());
    let server = MariaDbServer::with(&[
        &format!("--ssl-cert={}", authority.file("cert")),
        &format!("--ssl-key={}", authority.file("key")),
        "--require-secure-transport=0",
    ]);
    let url = |authority: &Authority| {
        format!("{}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", server.url(), authority.file("ca"))
    };
    let store = MySqlStore::builder(url(&authority)).migrate().connect().await;
    let store = store.expect("the certificate is valid");
    let id = sign_in(&store, "ada").await;
    let _ = server.ask("SET GLOBAL require_secure_transport = 1");
    assert!(store.load(&id).await.expect("it runs").is_some());
    MySqlStore::connect(url(&authority)).await.expect("TLS is accepted");
    let error = MySqlStore::connect(url(&another)).await.expect_err("another authority");
    assert!(matches!(error, SqlSetupError::Unavailable(_)), "{error:?}");
}
