//! The store.

use sqlx::Sqlite;

use crate::stores::sql::store::sql_store;

sql_store! {
    /// Sign-ins in a file of SQLite: for one server, to outlast a restart.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::SqliteStore;
    ///
    /// let store = SqliteStore::builder("sqlite:///var/lib/shop/sign-ins.db").migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// SQLite is built with the crate. Several processes of one machine may share the file; it has
    /// to be on a disk of that machine. One of all writes at a time, and nobody who reads waits for it.
    ///
    /// What was acknowledged is on the disk (`synchronous=FULL`): a sign-in that was ended stays so
    /// when the power goes, if the disk keeps what it said it has. A step is unavailable if it takes longer
    /// than its timeout, which is a second, waiting for other writers included. When the disk is
    /// full, new sign-ins are unavailable, and what was acknowledged stands.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) does more
    /// at a time.
    ///
    /// It announces nothing: a near cache over it believes a sign-in that another process ends for as
    /// long as it is told to.
    SqliteStore,
    /// Says how a [`SqliteStore`] uses its file.
    SqliteStoreBuilder,
    Sqlite
}
