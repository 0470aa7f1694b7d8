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
    /// let url = "mysql://app:secret@localhost/shop";
    /// let store = MySqlStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// MySQL 8.0, MariaDB 10.6, or newer, with InnoDB; the tests run on MariaDB. With the feature
    /// `sql-tls`, set `ssl-mode=VERIFY_IDENTITY` in the URL, and `ssl-ca` to the file of your own
    /// authority: other modes, and the one that counts if none is set, do not look whose certificate it
    /// is. An option that is not known is refused. Tables commit one by one there: a `migrate` that was cut off is repeated. Clock, time zone,
    /// collation and SQL mode of the server do not matter.
    ///
    /// | step | round trips |
    /// |---|---|
    /// | `load`, `touch`, `list`, the end of one sign-in | 1 |
    /// | `update`, `rotate` | 4 in one transaction |
    /// | the end of all sign-ins of a subject, `amend_subject` | 3 in one transaction |
    /// | `create` for a subject | 3 in one transaction; with a limit 4, and 1 more to evict |
    /// | `create` of an anonymous one | 1 |
    ///
    /// A step is unavailable if it takes longer than its timeout, which is a second, with the wait for
    /// a connection. If the server has undone it because another was in its way, it is tried again
    /// within that time. What was acknowledged is as safe as `innodb_flush_log_at_trx_commit` and the
    /// replicas make it: leave that at 1.
    ///
    /// A node that stands still in the middle of a transaction keeps the lock of a thousandth of all
    /// subjects: in MariaDB for as long as a step may take, and in MySQL for ten seconds, or for a
    /// step's time if that is longer.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) takes
    /// more at a time.
    ///
    /// It announces nothing: a near cache over it believes a sign-in that another node ends for as
    /// long as it is told to.
    MySqlStore,
    /// Says how a [`MySqlStore`] uses its database.
    MySqlStoreBuilder,
    MySql
}
