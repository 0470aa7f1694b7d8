//! What the store checks, and creates if requested, when it is opened.

use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Client, Collection, IndexModel};

use super::error::MongoSetupError;

/// The newest protocol of MongoDB 5.0.
const OLDEST_WIRE_VERSION: i32 = 13;

/// The name of the collection.
pub(super) const COLLECTION: &str = "auth_sign_ins";

/// The indexes: the sign-ins of a subject, the anonymous ones, and what the server deletes.
///
/// The first two are sparse, so that a document without any of their fields is not in them.
fn indexes() -> [(&'static str, Document, IndexOptions); 3] {
    let sparse = || IndexOptions::builder().sparse(true).build();
    let expiry = IndexOptions::builder().expire_after(std::time::Duration::ZERO).build();
    [
        ("subject", doc! { "subject": 1, "created_at": 1 }, sparse()),
        ("anonymous", doc! { "anonymous": 1, "created_at": 1 }, sparse()),
        ("expires_at", doc! { "expires_at": 1 }, expiry),
    ]
}

/// Checks that the server has transactions, and is not too old.
pub(super) async fn check_server(client: &Client) -> Result<(), MongoSetupError> {
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
    let hello = hello.map_err(MongoSetupError::from_driver)?;
    let wire_version = hello.get_i32("maxWireVersion").unwrap_or_default();
    if wire_version < OLDEST_WIRE_VERSION {
        return Err(MongoSetupError::TooOld { wire_version });
    }
    match hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|it| it == "isdbgrid") {
        true => Ok(()),
        false => Err(MongoSetupError::Standalone),
    }
}

/// Creates the collection and its indexes. Several nodes may do so at the same time.
pub(super) async fn migrate<T: Send + Sync>(
    collection: &Collection<T>,
) -> Result<(), MongoSetupError> {
    let models = indexes().map(|(name, keys, mut options)| {
        options.name = Some(name.to_owned());
        IndexModel::builder().keys(keys).options(options).build()
    });
    let created = collection.create_indexes(models).await;
    created.map(|_| ()).map_err(MongoSetupError::from_driver)
}

/// Checks that the indexes exist. Without the one of expiry, the server would keep sign-ins for ever, and without
/// the others, it would read all of them in each operation on a subject.
pub(super) async fn check_indexes<T: Send + Sync>(
    collection: &Collection<T>,
) -> Result<(), MongoSetupError> {
    let mut listed = match collection.list_indexes().await {
        Ok(listed) => listed,
        Err(error) => return Err(missing_or(error)),
    };
    let mut missing: Vec<_> = indexes().map(|(_, keys, _)| keys).into();
    while listed.advance().await.map_err(MongoSetupError::from_driver)? {
        let index = listed.deserialize_current().map_err(MongoSetupError::from_driver)?;
        missing.retain(|keys| !has_keys(&index, keys));
    }
    if missing.is_empty() { Ok(()) } else { Err(MongoSetupError::NotMigrated) }
}

fn has_keys(index: &IndexModel, keys: &Document) -> bool {
    index.keys.keys().eq(keys.keys())
}

/// The server reports a collection that does not exist as an error.
fn missing_or(error: mongodb::error::Error) -> MongoSetupError {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    match &*error.kind {
        mongodb::error::ErrorKind::Command(command) if command.code == NAMESPACE_NOT_FOUND => {
            MongoSetupError::NotMigrated
        }
        _ => MongoSetupError::from_driver(error),
    }
}
