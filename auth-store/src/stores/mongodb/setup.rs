//! What the store checks, and creates if requested, when it is opened.

use std::time::Duration;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR};
use mongodb::options::IndexOptions;
use mongodb::{Client, Collection, IndexModel};

use super::error::{MongoSetupError, code};

/// The newest protocol of MongoDB 5.0.
const OLDEST_WIRE_VERSION: i32 = 13;

/// The codes of an index that exists with other options, or with other keys.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

/// How often the privileges are checked if the server has to choose a new primary, for example.
const PRIVILEGE_CHECKS: u32 = 3;

/// The name of the collection.
pub(super) const COLLECTION: &str = "auth_sign_ins";

/// The indexes: the sign-ins of a subject, the anonymous ones, and what the server deletes.
///
/// The first two are sparse, so that the locks, which have none of their fields, are not in them. Every sign-in is
/// in both, because `created_at` suffices for that.
fn indexes() -> [(&'static str, Document, IndexOptions); 3] {
    let sparse = || IndexOptions::builder().sparse(true).build();
    let expiry = IndexOptions::builder().expire_after(Duration::ZERO).build();
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
    match collection.create_indexes(models).await {
        // The check that follows names the index.
        Err(error) if code(&error).is_some_and(|code| INDEX_CONFLICTS.contains(&code)) => Ok(()),
        created => created.map(|_| ()).map_err(MongoSetupError::from_driver),
    }
}

/// Checks that the indexes exist as the store creates them. With another one of expiry, the server would keep
/// sign-ins for ever or delete them early, and without the others, it would read all of them in each operation on a
/// subject.
pub(super) async fn check_indexes<T: Send + Sync>(
    collection: &Collection<T>,
) -> Result<(), MongoSetupError> {
    let mut listed = match collection.list_indexes().await {
        Ok(listed) => listed,
        Err(error) => return Err(missing_or(error)),
    };
    let mut found = Vec::new();
    while listed.advance().await.map_err(MongoSetupError::from_driver)? {
        found.push(listed.deserialize_current().map_err(MongoSetupError::from_driver)?);
    }
    for (name, keys, options) in indexes() {
        if found.iter().any(|index| serves(index, &keys, &options)) {
            continue;
        }
        let name_of = |index: &IndexModel| index.options.as_ref()?.name.clone();
        let similar = found.iter().find(|index| {
            name_of(index).as_deref() == Some(name) || index.keys.keys().eq(keys.keys())
        });
        return Err(match similar.and_then(name_of) {
            Some(name) => MongoSetupError::WrongIndex { name },
            None => MongoSetupError::NotMigrated,
        });
    }
    Ok(())
}

/// Returns whether an index does what one with these keys and options does. Its name and sparseness do not matter.
fn serves(index: &IndexModel, keys: &Document, wanted: &IndexOptions) -> bool {
    let ascending = |value: &Bson| match value {
        Bson::Int32(1) | Bson::Int64(1) => true,
        Bson::Double(value) => *value == 1.0, // as the shell writes it
        _ => false,
    };
    let options = index.options.clone().unwrap_or_default();
    index.keys.keys().eq(keys.keys())
        && index.keys.values().all(ascending)
        && options.expire_after == wanted.expire_after
        && options.partial_filter_expression.is_none()
        && options.unique != Some(true)
        && options.hidden != Some(true)
}

/// Checks that the user may do what the store does, in a transaction that is aborted.
pub(super) async fn check_privileges(
    client: &Client,
    collection: &Collection<Document>,
) -> Result<(), MongoSetupError> {
    let mut tries = 1;
    loop {
        match change_and_abort(client, collection).await {
            Err(error)
                if tries < PRIVILEGE_CHECKS
                    && error.contains_label(TRANSIENT_TRANSACTION_ERROR) =>
            {
                tries += 1;
            }
            result => return result.map_err(MongoSetupError::from_driver),
        }
    }
}

async fn change_and_abort(client: &Client, collection: &Collection<Document>) -> Result<(), Error> {
    let document = doc! { "_id": ObjectId::new() };
    let change = doc! { "$inc": { "lock": 1_i64 } };
    let mut session = client.start_session().await?;
    session.start_transaction().await?;
    collection.insert_one(&document).session(&mut session).await?;
    collection.update_one(document.clone(), change).session(&mut session).await?;
    collection.find_one(document.clone()).session(&mut session).await?;
    collection.delete_one(document).session(&mut session).await?;
    session.abort_transaction().await
}

/// The server reports a collection that does not exist as an error.
fn missing_or(error: Error) -> MongoSetupError {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    match code(&error) {
        Some(NAMESPACE_NOT_FOUND) => MongoSetupError::NotMigrated,
        _ => MongoSetupError::from_driver(error),
    }
}
