//! [`MongoStore`], the public type.

use std::sync::Arc;

use async_trait::async_trait;

use super::builder::MongoStoreBuilder;
use super::error::MongoSetupError;
use super::execute::MongoInner;
use crate::error::StoreError;
use crate::forward_store;
use crate::record::Record;
use crate::store::{Cleanup, Created, SignInLimit, Store, StoreBounds};
use crate::stores::eviction::count_anonymous;
use crate::stores::trace::Traced as _;

/// Stores sign-ins in MongoDB, for several servers that share them, next to the application's own collections.
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::MongoSetupError> {
/// use auth_store::MongoStore;
///
/// let url = "mongodb://app:secret@db1,db2,db3/shop?replicaSet=rs0";
/// let store = MongoStore::builder(url).migrate().connect().await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// # Requirements
///
/// - MongoDB 5.0 or newer, as a replica set, which may have one member, or as a sharded cluster. A standalone
///   server has no transactions and is rejected. **The tests run on SecantusDB 0.7, a server that speaks MongoDB's
///   protocol, and not on MongoDB itself.**
/// - In a sharded cluster, shard the collection by `{ _id: "hashed" }` before the first sign-in:
///   `sh.shardCollection("shop.auth_sign_ins", { _id: "hashed" })`. An id then exists once in the cluster, and an
///   operation on one sign-in, as most requests need, goes to one shard. An operation on a subject asks all shards,
///   and is a transaction across those that have its sign-ins or its lock. Ids are random and name no shard: to keep the
///   sign-ins of a subject together, each id would need the same beginning. Before MongoDB 6.1, set the parameter
///   `coordinateCommitReturnImmediatelyAfterPersistingDecision` to `false` on all servers: otherwise a transaction is
///   acknowledged before all shards have applied it.
/// - Servers whose clocks are wrong by less than an hour. Whether a sign-in has expired is decided by the caller's
///   clock. The server deletes it an hour after that, by its own.
/// - A majority of the replica set that is up. Without it, changes fail as unavailable.
///
/// # URL
///
/// `mongodb://[user:password@]host[:port][,host[:port]]../database[?options]`, or a URL that begins with
/// `mongodb+srv://`. For TLS, set `tls=true`, and `tlsCAFile` to the file of your own certificate authority if you
/// have one. Without it, the certificates of the authorities in the crate `webpki-roots` are trusted. Options that
/// the store cannot honor, unknown ones, and an option that is set twice are rejected.
///
/// # Privileges
///
/// The user needs `find`, `insert`, `update` and `remove` on the collection `auth_sign_ins`, `listIndexes` to
/// connect, and `createIndex` and `createCollection` for [`migrate`](MongoStoreBuilder::migrate). When the store
/// connects as a user, it tries the first four in a transaction, which it aborts. In the shell:
///
/// ```js
/// db.createRole({ role: "signIns", roles: [], privileges: [{
///   resource: { db: "shop", collection: "auth_sign_ins" },
///   actions: ["find", "insert", "update", "remove", "listIndexes", "createIndex", "createCollection"] }] })
/// ```
///
/// # Operations
///
/// | operation | round trips |
/// |---|---|
/// | `load`, `list`, `touch`, the end of one sign-in | 1 |
/// | `update`, `rotate` | 1, and 1 more after a conflict |
/// | the end of all sign-ins of a subject, `update_subject`, `swap_principal` | 2 in one transaction |
/// | `create` with a limit | 4 in one transaction, and 1 more to evict |
/// | `create` without a limit, or of an anonymous sign-in | 1 |
///
/// A change is acknowledged once a majority of the servers has it in its journal (`w: "majority", j: true`), so no
/// failover undoes it. Reads go to the primary and return what a majority has (`majority`), so they see every
/// acknowledged logout, with two exceptions. A primary that was cut off from the majority steps down after ten seconds
/// (`electionTimeoutMillis`); until then, a node that reaches only this server may read a sign-in that has ended. So
/// may a node that reads from a new primary, until a majority has its first entry. With
/// `readConcernLevel=linearizable` in the URL, a request's read first asks a majority, and then fails instead.
///
/// An operation fails as unavailable if it exceeds the [`timeout`](MongoStoreBuilder::timeout), and may have
/// happened. The driver repeats a write whose answer was lost once; the server recognizes the repetition. A
/// transaction that conflicts with another one is repeated within the timeout. If a node freezes in a transaction,
/// the sign-ins that it changes are blocked until the server ends it, after a minute by default
/// (`transactionLifetimeLimitSeconds`).
///
/// The server deletes expired sign-ins by itself. Dropping the collection while nodes run also drops its indexes:
/// call `migrate` again.
///
/// # Near cache
///
/// This store does not announce changes. A near cache in front of it serves a sign-in that another node ended for
/// as long as its TTL.
pub struct MongoStore {
    pub(super) inner: Arc<MongoInner>,
    pub(super) options: MongoStoreBuilder,
}

impl MongoStore {
    /// Connects to the servers at this URL, whose indexes must exist.
    ///
    /// # Errors
    ///
    /// See [`MongoSetupError`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, MongoSetupError> {
        Self::builder(url).connect().await
    }

    /// Returns a builder for options that a URL cannot express.
    pub fn builder(url: impl Into<String>) -> MongoStoreBuilder {
        MongoStoreBuilder::new(url.into())
    }
}

#[async_trait]
impl Store for MongoStore {
    forward_store!(
        self => self.inner,
        around: traced,
        except: [new_id, derived_id, peek, watch, find, bounds, create]
    );

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.bounds().check(&record, limit)?;
        let created = self.traced("create", self.inner.create(&record, limit)).await?;
        if record.subject.is_none() {
            count_anonymous(&self.inner, self.inner.max_anonymous);
        }
        Ok(created)
    }

    /// The server deletes expired sign-ins.
    fn bounds(&self) -> StoreBounds {
        StoreBounds::default().cleanup(Cleanup::Automatic)
    }
}
