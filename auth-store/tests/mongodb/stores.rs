//! Empty databases on a server that the tests share.

use std::sync::LazyLock;

use auth_servers::MongoServer;
use auth_store::MongoStore;
use mongodb::bson::Document;
use mongodb::{Client, Collection};

pub(crate) static SERVER: LazyLock<MongoServer> = LazyLock::new(MongoServer::start);

/// Opens the store at this URL, and creates its indexes.
pub(crate) async fn open(url: impl Into<String>) -> MongoStore {
    MongoStore::builder(url).migrate().connect().await.expect("the server runs")
}

/// Opens an empty store.
pub(crate) async fn empty() -> MongoStore {
    open(SERVER.url_of_new()).await
}

/// Returns the collection of the store at this URL.
pub(crate) async fn collection(url: &str) -> Collection<Document> {
    let client = Client::with_uri_str(url).await.expect("a valid URL");
    client.default_database().expect("the URL names it").collection("auth_sign_ins")
}
