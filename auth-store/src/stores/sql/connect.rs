//! Opening a store.
//!
//! The options, the migration of the tables, and the checks before the first use are here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Error;

use super::dialect::Dialect;
use super::error::SqlSetupError;
use super::operations::SqlInner;
use super::pool::Pool;
use super::session::{Session, check_pooling};
use super::statements::Statements;
use super::url::connect_timeout;
use crate::stores::database_options::DatabaseOptions;
use crate::stores::eviction::EvictionState;

/// The time limit of a migration, waiting for migrations of other nodes included.
const MIGRATION: Duration = Duration::from_secs(60);

/// The options of a builder.
#[derive(Clone)]
pub(super) struct StoreOptions<E> {
    pub(super) url: String,
    pub(super) database: DatabaseOptions,
    /// The options that only this database has.
    pub(super) extra: E,
}

// Omits the URL, which contains the password.
auth_core::redacted_debug!(StoreOptions<E: fmt::Debug> { database, extra });

impl<E: Default> StoreOptions<E> {
    pub(super) fn new(url: String) -> Self {
        Self { url, database: DatabaseOptions::default(), extra: E::default() }
    }

    /// Connects, creates the tables if requested, and checks that the store can use them.
    pub(super) async fn connect<D>(&self) -> Result<Arc<SqlInner<D>>, SqlSetupError>
    where
        D: Dialect<Extra = E>,
    {
        self.database.check(SqlSetupError::ZeroConnections, SqlSetupError::InvalidTimeout)?;
        let DatabaseOptions { timeout, max_connections, max_anonymous, migrates } = self.database;
        let options = D::options(&self.url, &self.database)?;
        // Opening a connection takes several round trips.
        let limit = connect_timeout(&self.url).unwrap_or(timeout * 4);
        let one_suffices = max_connections == 1;
        let checked = check_pooling::<D>(&options, limit, one_suffices).await;
        checked.map_err(SqlSetupError::from_failure::<D>)?;
        if migrates {
            within(MIGRATION, create_tables::<D>(&options, limit)).await?;
        }
        let pool = |max| Pool::<D>::new(options.clone(), timeout, max);
        let (writers, readers) = match D::SINGLE_WRITER {
            true => (pool(1), Some(pool(max_connections))),
            false => (pool(max_connections), None),
        };
        within(limit, check(&writers)).await?;
        Ok(Arc::new(SqlInner {
            pool: writers,
            readers,
            statements: Statements::new(&D::SYNTAX, D::notification(&self.extra)),
            timeout,
            max_anonymous,
            eviction: EvictionState::default(),
        }))
    }
}

/// Creates the tables on a connection of its own, which releases all locks when it closes.
///
/// If another node migrates an empty database at the same time, one of the two is rolled back and
/// tries again. `limit` bounds the wait for a server that does not answer.
async fn create_tables<D: Dialect>(
    options: &D::Options,
    limit: Duration,
) -> Result<(), SqlSetupError> {
    loop {
        let connected = within(limit, async {
            let session = Session::<D>::open(options, MIGRATION, &Arc::default()).await;
            let mut session = session.map_err(SqlSetupError::from_failure::<D>)?;
            D::check_version(&mut session.raw).await?;
            Ok(session)
        });
        let migrated = async {
            let mut session = connected.await?;
            migrate::<D>(&mut session.raw).await.map_err(SqlSetupError::from_sqlx::<D>)
        };
        match migrated.await {
            Err(error) if error.is_conflict::<D>() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

/// Checks the server's version and the tables.
async fn check<D: Dialect>(pool: &Pool<D>) -> Result<(), SqlSetupError> {
    let mut connection = pool.get().await.map_err(SqlSetupError::from_failure::<D>)?;
    D::check_version(connection.raw()).await?;
    let number = last_migration::<D>(connection.raw()).await;
    let number = number.map_err(SqlSetupError::from_sqlx::<D>)?;
    let _ = connection.finish(Ok(())).await;
    // Tables of a later version are fine: a migration leaves the version before it working.
    if number >= D::MIGRATIONS.len() { Ok(()) } else { Err(SqlSetupError::NotMigrated) }
}

async fn within<T>(
    limit: Duration,
    future: impl Future<Output = Result<T, SqlSetupError>>,
) -> Result<T, SqlSetupError> {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| Err(SqlSetupError::timed_out(limit)))
}

/// Executes the scripts that have not been executed yet. Other migrations wait meanwhile.
pub(super) async fn migrate<D: Dialect>(connection: &mut D::Connection) -> Result<(), Error> {
    D::begin_migration(connection).await?;
    let number = last_migration::<D>(connection).await?;
    for script in D::MIGRATIONS.iter().skip(number) {
        D::script(connection, script).await?;
    }
    D::script(connection, "COMMIT").await
}

/// Returns the number of the last script that was executed.
async fn last_migration<D: Dialect>(connection: &mut D::Connection) -> Result<usize, Error> {
    if fetch_int::<D>(connection, D::HAS_TABLES).await? == 0 {
        return Ok(0);
    }
    if let Some(has_rows) = D::HAS_ROWS
        && fetch_int::<D>(connection, has_rows).await? == 0
    {
        return Ok(0);
    }
    let number = "SELECT COALESCE(MAX(number), 0) FROM auth_migrations";
    Ok(usize::try_from(fetch_int::<D>(connection, number).await?).unwrap_or(0))
}

async fn fetch_int<D: Dialect>(connection: &mut D::Connection, text: &str) -> Result<i64, Error> {
    let rows = D::query(connection, text).await?;
    D::int(rows.first().ok_or(Error::RowNotFound)?, 0)
}
