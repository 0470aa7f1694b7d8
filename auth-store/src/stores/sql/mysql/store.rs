//! The store.

use sqlx::MySql;

use crate::stores::sql::store::sql_store;

sql_store! {
    /// Sign-ins in MySQL or MariaDB: for several servers that share them, next to the application's
    /// own tables.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::MySqlStore;
    ///
    /// let store = MySqlStore::builder("mysql://app:secret@localhost/shop").migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// MySQL 8.0, MariaDB 10.6, or newer, with InnoDB. `ssl-mode` and `ssl-ca` in the URL are for TLS (feature
    /// `sql-tls`). Tables commit one by one there, so `migrate` is repeated if it was cut off.
    /// Clock, time zone, collation and SQL mode of the server do not matter.
    ///
    /// | step | statements |
    /// |---|---|
    /// | `load`, `touch`, `list`, the end of one sign-in | 1 |
    /// | `update`, `rotate` | 4 in one transaction |
    /// | the end of all sign-ins of a subject, `amend_subject` | 3 in one transaction |
    /// | `create` for a subject | 3 in one transaction; with a limit 4, and 1 more to evict |
    /// | `create` of an anonymous one | 1 |
    ///
    /// A step is unavailable if it takes longer than its timeout, which is a second, waiting for a
    /// connection included. It is tried again within that time if the server has undone it because of
    /// another. What was acknowledged is as safe as `innodb_flush_log_at_trx_commit` and the
    /// replicas make it: leave that at 1.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) does more
    /// at a time.
    ///
    /// It announces nothing: a near cache over it believes a sign-in that another node ends for as
    /// long as it is told to.
    MySqlStore,
    /// Says how a [`MySqlStore`] uses its database.
    MySqlStoreBuilder,
    MySql
}
