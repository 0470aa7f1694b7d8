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
    /// let url = "sqlite:///var/lib/shop/sign-ins.db";
    /// let store = SqliteStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// SQLite is built with the crate. Processes of one machine may share the file, which has to be on a
    /// disk of that machine. Writers take turns, and nobody who reads waits for them.
    ///
    /// What was acknowledged is on the disk (`synchronous=FULL`): a sign-in that was ended stays so
    /// when the power goes, if the disk keeps what it says it has. A step is unavailable if it takes
    /// longer than its timeout, which is a second, with the wait for other writers.
    ///
    /// What has expired is collected while new sign-ins arrive; [`sweep`](crate::Store::sweep) takes
    /// more at a time.
    ///
    /// It announces nothing: a near cache over it believes a sign-in that another process ends for as
    /// long as it is told to.
    SqliteStore,
    /// Says how a [`SqliteStore`] uses its file.
    SqliteStoreBuilder,
    Sqlite
}
