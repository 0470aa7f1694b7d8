//! The store.

use sqlx::Postgres;

use super::dialect::Announcing;
use crate::stores::sql::store::sql_store;

sql_store! {
    /// Sign-ins in PostgreSQL: for several servers that share them, next to the application's own
    /// tables.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::PostgresStore;
    ///
    /// let url = "postgres://app:secret@localhost/shop";
    /// let store = PostgresStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// PostgreSQL 13 or newer. The URL is that of libpq, with `sslmode` and `sslrootcert` for TLS (feature
    /// `sql-tls`); `options=-c search_path=..` chooses the schema. Between the store and the
    /// server there can be a pooler that pools sessions, not one that pools transactions. The
    /// clock and the time zone of the server do not matter.
    ///
    /// | step | statements |
    /// |---|---|
    /// | `load`, `touch`, `list`, every end, `amend_subject` | 1 |
    /// | `update`, `rotate`, `delete_if` | 1; 1 more to tell what is there instead |
    /// | `create` without a limit, or anonymous | 1 |
    /// | `create` with a limit | 4 in one transaction, and 1 more to evict |
    ///
    /// A step is unavailable if it takes longer than its timeout, which is a second, waiting for a
    /// connection included. It is tried again within that time if the server has undone it because of
    /// another. What was acknowledged is as safe as `synchronous_commit` and the replicas make it:
    /// leave that on.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) does more
    /// at a time.
    ///
    /// With the feature `near-cache`, changes are announced by `NOTIFY`, which costs commits some
    /// of their parallelism. Without a [`NearCache`](crate::near_cache::NearCache) on any node,
    /// [turn it off](PostgresStoreBuilder::without_announcements).
    PostgresStore,
    /// Says how a [`PostgresStore`] uses its database.
    PostgresStoreBuilder,
    Postgres
}

impl PostgresStoreBuilder {
    /// Announces nothing. A near cache over a store on any node then believes what has ended, so no
    /// node may have one.
    pub fn without_announcements(mut self) -> Self {
        self.opening.extra = Announcing::Off;
        self
    }
}
