//! What PostgreSQL is told in its own words.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSeverity};
use sqlx::{ConnectOptions, Error, Postgres};

use crate::stores::sql::dialect::{Dialect, Executor};
use crate::stores::sql::open::setup;
use crate::stores::sql::setup_error::SqlSetupError;
use crate::stores::sql::speaks::speaks;
use crate::stores::sql::tables::Tables;
use crate::stores::sql::url::only_known;
use crate::stores::sql::wording::Syntax;

speaks!(Postgres, PgRow);

/// The options that a URL may have.
const OPTIONS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "options[]",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Whether changes are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::stores::sql) enum Announcing {
    #[default]
    On,
    Off,
}

#[async_trait]
impl Dialect for Postgres {
    type Options = PgConnectOptions;
    type Extra = Announcing;

    const WORDING: Syntax = Syntax {
        greatest: "GREATEST",
        unless_taken: " ON CONFLICT (sid) DO NOTHING",
        returning: true,
        locks_rows: true,
        numbered: true,
    };
    const BEGIN: &'static str = "BEGIN";
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../../migrations/postgres/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT CASE WHEN to_regclass('auth_migrations') IS NULL THEN 0 ELSE 1 END::bigint";
    const IS_WHOLE: Option<&'static str> = None;
    const CONNECTIONS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(1);
    const ONE_WRITER: bool = false;
    /// Each statement sees one moment: all that was committed before it began.
    const LOCKS_ALWAYS: bool = false;

    /// Each row is announced by itself, so that no message is too long.
    fn told(announcing: &Announcing) -> Option<&'static str> {
        match announcing {
            Announcing::On => Some("pg_notify('auth_sign_ins', encode(sid, 'hex'))"),
            Announcing::Off => None,
        }
    }

    fn begin_at_length(limit: Duration) -> String {
        format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", limit.as_millis())
    }

    fn options(
        url: &str,
        _timeout: Duration,
        _tables: Tables,
    ) -> Result<PgConnectOptions, SqlSetupError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(SqlSetupError::Url("its scheme is not postgres or postgresql".into()));
        }
        only_known(url, OPTIONS)?;
        let options: PgConnectOptions = url.parse().map_err(setup::<Self>)?;
        Ok(options.disable_statement_logging())
    }

    /// What nobody waits for any more ends there, too, and a node that stands still holds no lock.
    async fn connect(options: &PgConnectOptions, timeout: Duration) -> Result<PgConnection, Error> {
        let mut connection = options.connect().await?;
        let millis = timeout.as_millis();
        let settings = format!(
            "SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; \
             SET default_transaction_isolation = 'read committed'"
        );
        Self::script(&mut connection, &settings).await?;
        Ok(connection)
    }

    fn lock(key: i64) -> Option<String> {
        Some(format!("SELECT pg_advisory_xact_lock({key})"))
    }

    async fn begin_migration(connection: &mut PgConnection) -> Result<(), Error> {
        Self::script(connection, "BEGIN; SELECT pg_advisory_xact_lock(7022086542148593519)").await
    }

    async fn vet(connection: &mut PgConnection) -> Result<(), SqlSetupError> {
        let asked = "SELECT current_setting('server_version_num')::bigint";
        let rows = Self::fetch(connection, asked, &[]).await.map_err(setup::<Self>)?;
        let number = rows.first().ok_or(Error::RowNotFound).and_then(|row| Self::int(row, 0));
        match number.map_err(setup::<Self>)? {
            130_000.. => Ok(()),
            older => Err(SqlSetupError::TooOld {
                version: format!("PostgreSQL {}", older / 10_000),
                needed: "PostgreSQL 13",
            }),
        }
    }

    fn is_conflict(error: &dyn DatabaseError) -> bool {
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    /// A fatal error is the last that a connection brings, and these classes are about it.
    fn ends_connection(error: &dyn DatabaseError) -> bool {
        let fatal = error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
        let about_it = |code: &str| code.starts_with("57P") || code.starts_with("08");
        fatal || error.code().is_some_and(|code| about_it(&code))
    }

    fn is_login(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| code.starts_with("28"))
    }
}
