//! Where a database is, and how a store comes to it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Error;
use tokio::time::timeout;

use super::dialect::Dialect;
use super::failure::Failure;
use super::migrate::{is_migrated, migrate};
use super::pool::Pool;
use super::setup_error::SqlSetupError;
use super::shared::SqlInner;
use super::statements::Statements;
use super::tables::Tables;
use super::tidying::Tidying;

/// How long tables may take to come to be, and others that make them at the same time.
const MIGRATION: Duration = Duration::from_secs(60);

/// How long a step may be allowed to take. Databases count in milliseconds, and for zero they wait
/// for ever.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60 * 60);

/// What a builder was told.
#[derive(Clone)]
pub(super) struct Opening<E> {
    pub(super) url: String,
    pub(super) timeout: Duration,
    pub(super) connections: u32,
    pub(super) anonymous: u64,
    pub(super) tables: Tables,
    /// What this database alone has to be told.
    pub(super) extra: E,
}

/// Without the URL, which has the password.
impl<E: fmt::Debug> fmt::Debug for Opening<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("anonymous", &self.anonymous)
            .field("tables", &self.tables)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}

impl<E: Default> Opening<E> {
    pub(super) fn new<D: Dialect<Extra = E>>(url: String) -> Self {
        Self {
            url,
            timeout: D::TIMEOUT,
            connections: D::CONNECTIONS,
            anonymous: 1_000_000,
            tables: Tables::Required,
            extra: E::default(),
        }
    }

    /// Connects, makes the tables if it is asked to, and looks whether the store can use them.
    pub(super) async fn open<D>(&self) -> Result<Arc<SqlInner<D>>, SqlSetupError>
    where
        D: Dialect<Extra = E>,
    {
        if self.connections == 0 {
            return Err(SqlSetupError::Nothing);
        }
        if !TIMEOUTS.contains(&self.timeout) {
            return Err(SqlSetupError::Timeout);
        }
        let options = self.options::<D>()?;
        // To connect takes several answers.
        let longest = self.timeout * 4;
        if self.tables == Tables::Made {
            let made = make::<D>(&options, longest);
            timeout(MIGRATION, made).await.unwrap_or_else(|_| Err(late(MIGRATION)))?;
        }
        let pool = |connections| Pool::<D>::new(options.clone(), self.timeout, connections);
        let (writers, readers) = match D::ONE_WRITER {
            true => (pool(1), Some(pool(self.connections))),
            false => (pool(self.connections), None),
        };
        let vetted = vet(&writers);
        timeout(longest, vetted).await.unwrap_or_else(|_| Err(late(longest)))?;
        Ok(Arc::new(SqlInner {
            pool: writers,
            readers,
            statements: Statements::new(&D::WORDING, D::told(&self.extra)),
            timeout: self.timeout,
            anonymous: self.anonymous,
            tidying: Tidying::default(),
        }))
    }

    pub(super) fn options<D: Dialect<Extra = E>>(&self) -> Result<D::Options, SqlSetupError> {
        D::options(&self.url, self.timeout, self.tables)
    }
}

/// Makes the tables, on a connection of its own: what it has locked ends with it. Somebody else who
/// begins with an empty database at the same time may be in the way. A server that does not answer
/// is waited for no longer than otherwise.
async fn make<D: Dialect>(options: &D::Options, longest: Duration) -> Result<(), SqlSetupError> {
    loop {
        let reached = async {
            let mut connection = D::connect(options, MIGRATION).await.map_err(setup::<D>)?;
            D::vet(&mut connection).await?;
            Ok(connection)
        };
        let made = async {
            let reached = timeout(longest, reached).await;
            let mut connection = reached.unwrap_or_else(|_| Err(late(longest)))?;
            migrate::<D>(&mut connection).await.map_err(setup::<D>)
        };
        match made.await {
            Err(SqlSetupError::Refused(error)) if is_conflict::<D>(&*error) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            made => return made,
        }
    }
}

async fn vet<D: Dialect>(pool: &Pool<D>) -> Result<(), SqlSetupError> {
    let mut line = pool.line().await.map_err(|failure| match failure {
        Failure::Database(error) => setup::<D>(error),
        other => SqlSetupError::Unavailable(other.into()),
    })?;
    D::vet(line.connection()).await?;
    let migrated = is_migrated::<D>(line.connection()).await.map_err(setup::<D>)?;
    let _ = line.settle(Ok(())).await;
    if migrated { Ok(()) } else { Err(SqlSetupError::NotMigrated) }
}

/// What an error at the beginning means.
pub(super) fn setup<D: Dialect>(error: Error) -> SqlSetupError {
    match error {
        Error::Configuration(source) => SqlSetupError::Url(source),
        Error::Tls(_) if cfg!(not(feature = "sql-tls")) => SqlSetupError::TlsIsOff,
        Error::Database(error) if D::is_login(&*error) => {
            SqlSetupError::Authentication(Error::Database(error).into())
        }
        Error::Database(error) => SqlSetupError::Refused(Error::Database(error).into()),
        other => SqlSetupError::Unavailable(other.into()),
    }
}

fn is_conflict<D: Dialect>(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    match error.downcast_ref::<Error>() {
        Some(Error::Database(error)) => D::is_conflict(&**error),
        _ => false,
    }
}

fn late(limit: Duration) -> SqlSetupError {
    SqlSetupError::Unavailable(Failure::TimedOut(limit).into())
}
