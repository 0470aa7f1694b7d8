//! TLS, with a real server and certificates.

use auth_servers::{Authority, MongoServer};
use auth_store::{MongoSetupError, MongoStore, Store};

use crate::error_text::error_text;
use crate::sign_in::{data, sign_in};
use crate::stores::open;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_of_the_authority_in_the_url_is_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = MongoServer::with_tls(&authority);
    let url = |ca: &Authority| format!("{}?tls=true&tlsCAFile={}", server.url(), ca.file("ca"));
    let store = open(url(&authority)).await;
    let id = sign_in(&store, "ada").await;
    store.update(&id, 0, data("[1]")).await.expect("it runs");
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1);

    for url in [url(&other), format!("{}?tls=true", server.url())] {
        let error = MongoStore::connect(url).await.expect_err("another authority");
        assert!(matches!(error, MongoSetupError::Unavailable(_)), "{error:?}");
        assert!(error_text(&error).contains("certificate"), "{}", error_text(&error));
    }
    MongoStore::connect(server.url()).await.expect_err("the server accepts only TLS");
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_an_error_of_the_url() {
    let url = "mongodb://127.0.0.1:1/d?tls=true&tlsCAFile=/nowhere";
    let error = MongoStore::connect(url).await.expect_err("there is no such file");
    assert!(matches!(error, MongoSetupError::Url(_)), "{error:?}");
}
