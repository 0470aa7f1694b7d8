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
    /// PostgreSQL 13 or newer. The URL is written as for libpq, and names one server, which takes
    /// writes. An option that is not known is refused, such as `channel_binding`;
    /// `options=-c search_path=..` in it chooses the schema. With the feature `sql-tls`, set
    /// `sslmode=verify-full`, and `sslrootcert` to the file of your own authority: other modes, and the
    /// one that counts if none is set, do not look whose certificate it is. A pooler in between has to
    /// pool sessions, not transactions. The clock and the time zone of the server do not matter.
    ///
    /// | step | round trips |
    /// |---|---|
    /// | `load`, `touch`, `list`, every end, `amend_subject` | 1 |
    /// | `update`, `rotate`, `delete_if` | 1; 1 more to tell what is there instead |
    /// | `create` without a limit, or anonymous | 1 |
    /// | `create` with a limit | 4 in one transaction, and 1 more to evict |
    ///
    /// A step is unavailable if it takes longer than its timeout, which is a second, with the wait for
    /// a connection. If the server has undone it because another was in its way, it is tried again
    /// within that time. What was acknowledged is as safe as `synchronous_commit` and the replicas
    /// make it: leave that on.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) takes
    /// more at a time. A sign-in of a few hundred bytes takes half a kilobyte, its indexes included.
    ///
    /// Changes are announced by `NOTIFY`, which costs commits some of their parallelism. Without a [`NearCache`](crate::near_cache::NearCache) on any node,
    /// [turn it off](PostgresStoreBuilder::insecure_without_announcements).
    PostgresStore,
    /// Says how a [`PostgresStore`] uses its database.
    PostgresStoreBuilder,
    Postgres
}

impl PostgresStoreBuilder {
    /// Announces nothing. A near cache over this store never believes a copy. One on another node,
    /// over a store that does announce, believes what this node has ended: no node may have one.
    pub fn insecure_without_announcements(mut self) -> Self {
        self.opening.extra = Announcing::Off;
        self
    }
}
