//! What SQLite is told in its own words.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Error, Sqlite};

use crate::stores::sql::dialect::{Dialect, Executor};
use crate::stores::sql::open::setup;
use crate::stores::sql::setup_error::SqlSetupError;
use crate::stores::sql::speaks::speaks;
use crate::stores::sql::tables::Tables;
use crate::stores::sql::wording::Syntax;

speaks!(Sqlite, SqliteRow);

#[async_trait]
impl Dialect for Sqlite {
    type Options = SqliteConnectOptions;
    type Extra = ();

    const WORDING: Syntax = Syntax {
        greatest: "MAX",
        unless_taken: " ON CONFLICT (sid) DO NOTHING",
        returning: true,
        locks_rows: false,
        numbered: true,
    };
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../../migrations/sqlite/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'auth_migrations'";
    const IS_WHOLE: Option<&'static str> = None;
    const CONNECTIONS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(1);
    const ONE_WRITER: bool = true;
    const LOCKS_ALWAYS: bool = false;

    fn told((): &()) -> Option<&'static str> {
        None
    }

    /// There is no limit to a statement.
    fn begin_at_length(_limit: Duration) -> String {
        "BEGIN".to_owned()
    }

    /// With a log that readers do not wait for, and that is on the disk before a step is
    /// acknowledged: a sign-in that was ended stays so when the power goes.
    fn options(
        url: &str,
        timeout: Duration,
        tables: Tables,
    ) -> Result<SqliteConnectOptions, SqlSetupError> {
        if !url.starts_with("sqlite:") {
            return Err(SqlSetupError::Url("its scheme is not sqlite".into()));
        }
        let options: SqliteConnectOptions = url.parse().map_err(setup::<Self>)?;
        let file = options.get_filename();
        if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
            return Err(SqlSetupError::InMemory);
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(timeout)
            .disable_statement_logging();
        Ok(match tables {
            Tables::Made => options.create_if_missing(true),
            Tables::Required => options,
        })
    }

    async fn connect(
        options: &SqliteConnectOptions,
        _timeout: Duration,
    ) -> Result<SqliteConnection, Error> {
        options.connect().await
    }

    /// One writes at a time.
    fn lock(_key: i64) -> Option<String> {
        None
    }

    async fn begin_migration(connection: &mut SqliteConnection) -> Result<(), Error> {
        Self::script(connection, Self::BEGIN).await
    }

    /// It comes with the crate.
    async fn vet(_connection: &mut SqliteConnection) -> Result<(), SqlSetupError> {
        Ok(())
    }

    /// `SQLITE_BUSY` and `SQLITE_LOCKED`, with whatever else the code says.
    fn is_conflict(error: &dyn DatabaseError) -> bool {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }

    fn ends_connection(_error: &dyn DatabaseError) -> bool {
        false
    }

    fn is_login(_error: &dyn DatabaseError) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use auth_servers::Scratch;

    use super::*;
    use crate::stores::sql::migrate::migrate;
    use crate::stores::sql::statements::Statements;

    /// SQLite tells the plan of a statement, and has no count of what was looked through.
    #[tokio::test]
    async fn everything_is_found_by_an_index() {
        let folder = Scratch::new();
        let url = format!("sqlite://{}/plans.db", folder.path().display());
        let timeout = Duration::from_secs(20);
        let options = Sqlite::options(&url, timeout, Tables::Made).expect("a file");
        let mut connection = Sqlite::connect(&options, timeout).await.expect("it opens");
        migrate::<Sqlite>(&mut connection).await.expect("it is empty");
        let Statements {
            load,
            insert: _,
            update,
            rotate,
            renew,
            touch,
            delete,
            delete_at_version,
            delete_unused,
            delete_many,
            list,
            ages,
            revoke,
            revoke_others,
            revoke_all,
            amend,
            due,
            collect,
            postpone,
            count_anonymous,
            oldest_anonymous,
        } = Statements::new(&Sqlite::WORDING, None);
        let about_one = [load, update, rotate, renew, touch, delete, delete_at_version];
        let about_some = [delete_unused, delete_many, list, ages, revoke, revoke_others];
        let about_all = [revoke_all, amend, due, collect, postpone, count_anonymous];
        let statements = about_one.into_iter().chain(about_some).chain(about_all);
        for statement in statements.chain([oldest_anonymous]) {
            let asked = format!("EXPLAIN QUERY PLAN {}", statement.text);
            let plan = Sqlite::fetch(&mut connection, &asked, &[]).await.expect("a plan");
            for step in &plan {
                let detail = Sqlite::bytes(step, 3).expect("a text").unwrap_or_default();
                let detail = String::from_utf8_lossy(&detail).into_owned();
                // Anonymous sign-ins have an index of their own, which is looked through to count.
                let whole = detail.starts_with("SCAN") && !detail.contains("_anonymous");
                assert!(!whole, "{asked}: {detail}");
            }
        }
    }
}
