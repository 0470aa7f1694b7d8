//! The tables, and how they come to be.

use sqlx::Error;

use super::dialect::Dialect;

/// Whether all scripts were run. The tables may be of a later version: a migration lets the version
/// before it go on.
pub(super) async fn is_migrated<D: Dialect>(connection: &mut D::Connection) -> Result<bool, Error> {
    Ok(number::<D>(connection).await? >= D::MIGRATIONS.len())
}

/// Runs the scripts that were not run yet. Whoever does so at the same time waits.
pub(super) async fn migrate<D: Dialect>(connection: &mut D::Connection) -> Result<(), Error> {
    D::begin_migration(connection).await?;
    let number = number::<D>(connection).await?;
    for script in D::MIGRATIONS.iter().skip(number) {
        D::script(connection, script).await?;
    }
    D::script(connection, "COMMIT").await
}

/// How many scripts were run.
async fn number<D: Dialect>(connection: &mut D::Connection) -> Result<usize, Error> {
    if int::<D>(connection, D::HAS_TABLES).await? == 0 {
        return Ok(0);
    }
    if let Some(is_whole) = D::IS_WHOLE
        && int::<D>(connection, is_whole).await? == 0
    {
        return Ok(0);
    }
    let number = "SELECT COALESCE(MAX(number), 0) FROM auth_migrations";
    Ok(usize::try_from(int::<D>(connection, number).await?).unwrap_or(0))
}

async fn int<D: Dialect>(connection: &mut D::Connection, text: &str) -> Result<i64, Error> {
    let rows = D::fetch(connection, text, &[]).await?;
    D::int(rows.first().ok_or(Error::RowNotFound)?, 0)
}
