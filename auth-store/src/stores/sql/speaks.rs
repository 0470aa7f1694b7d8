//! Statements and values by way of sqlx, for each of its databases.

/// Implements [`Executor`](super::dialect::Speaks): sqlx's own generics would have to be spelled out
/// wherever a statement is run.
macro_rules! speaks {
    ($database:ty, $row:ty) => {
        #[async_trait::async_trait]
        impl $crate::stores::sql::dialect::Executor for $database {
            async fn fetch(
                connection: &mut Self::Connection,
                text: &str,
                values: &[$crate::stores::sql::value::Value<'_>],
            ) -> Result<Vec<$row>, sqlx::Error> {
                let query = $crate::stores::sql::speaks::bound!($database, text, values);
                sqlx::Executor::fetch_all(connection, query).await
            }

            async fn execute(
                connection: &mut Self::Connection,
                text: &str,
                values: &[$crate::stores::sql::value::Value<'_>],
            ) -> Result<u64, sqlx::Error> {
                let query = $crate::stores::sql::speaks::bound!($database, text, values);
                Ok(sqlx::Executor::execute(connection, query).await?.rows_affected())
            }

            async fn script(
                connection: &mut Self::Connection,
                text: &str,
            ) -> Result<(), sqlx::Error> {
                sqlx::Executor::execute(connection, text).await.map(|_| ())
            }

            fn int(row: &$row, column: usize) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get_unchecked(row, column)
            }

            fn bytes(row: &$row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get_unchecked(row, column)
            }
        }
    };
}

/// A statement with its values.
macro_rules! bound {
    ($database:ty, $text:ident, $values:ident) => {{
        let mut query = sqlx::query::<$database>($text);
        for value in $values {
            query = match *value {
                $crate::stores::sql::value::Value::Int(number) => query.bind(number),
                $crate::stores::sql::value::Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

pub(super) use {bound, speaks};
