//! The conversion between a [`Record`] and a row of `auth_sign_ins`.
//!
//! Times, versions and durations are 64-bit integers, digests and texts are bytes, and the parts
//! without columns of their own are encoded like in the other stores. So collations and types of a
//! database do not matter.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::dialect::{Executor, Value};
use super::error::Failure;
use crate::error::StoreError;
use crate::record::Record;
use crate::record::columns::{Columns, deadlines, due_at, fixed, millis, timestamp, version};
use crate::record::encoding::{self, Malformed};
use crate::secret::SecretKind;
use crate::store::EachRecord;

/// Returns the indexed key of a subject. Two subjects can have the same key, so queries compare the
/// subject as well.
pub(super) fn subject_key(subject: &str) -> i64 {
    let hash = Sha256::digest(subject);
    i64::from_be_bytes(std::array::from_fn(|i| hash[i]))
}

/// The encoded parts of a record.
pub(super) struct Encoded {
    grace: Vec<u8>,
    details: Option<Vec<u8>>,
    data: Vec<u8>,
}

impl Encoded {
    pub(super) fn new(record: &Record) -> Self {
        Self {
            grace: encoding::grace(record.grace()),
            details: record.encoded_details(),
            data: record.data.encoded().to_vec(),
        }
    }
}

/// Returns the values of [`Statements::insert`](super::statements::Statements::insert).
pub(super) fn insert_values<'a>(record: &'a Record, encoded: &'a Encoded) -> [Value<'a>; 18] {
    [
        Value::int(i64::from(record.kind.code())),
        Value::int(i64::from(encoding::persistence(record.persistence))),
        Value::int(version(record.version)),
        Value::int(millis(record.last_seen())),
        Value::int(millis(record.created_at)),
        Value::int(millis(record.authenticated_at)),
        Value::int(i64::from(record.deadlines.idle_secs)),
        Value::int(millis(record.deadlines.ends_at)),
        Value::bytes(&record.family.0),
        Value::bytes(&record.current.0),
        Value::Bytes(record.subject.as_deref().map(str::as_bytes)),
        Value::bytes(&encoded.grace),
        Value::Bytes(encoded.details.as_deref()),
        Value::bytes(record.principal()),
        Value::bytes(&encoded.data),
        Value::bytes(record.id.as_bytes()),
        Value::Int(record.subject.as_deref().map(subject_key)),
        Value::int(due_at(record.deadlines, record.last_seen())),
    ]
}

/// Decodes the row of this sign-in, if there is one. Fails if the rows are those of others.
pub(super) fn record_of<D: Executor>(
    rows: &[D::Row],
    id: &SignInId,
) -> Result<Option<Arc<Record>>, Failure> {
    match rows {
        [] => Ok(None),
        [row] => {
            let record = record::<D>(row)?;
            if record.id == *id { Ok(Some(record)) } else { Err(Failure::Foreign) }
        }
        _ => Err(Failure::Foreign),
    }
}

/// Decodes the rows of this subject. Fails if one is that of another.
pub(super) fn records_of<D: Executor>(
    rows: &[D::Row],
    subject: &str,
) -> Result<EachRecord, Failure> {
    let decoded = |row| record::<D>(row).map_err(StoreError::from);
    let records: Vec<_> = rows.iter().map(decoded).collect();
    match records.iter().flatten().all(|record| record.subject.as_deref() == Some(subject)) {
        true => Ok(records),
        false => Err(Failure::Foreign),
    }
}

/// Decodes a row.
pub(super) fn record<D: Executor>(row: &D::Row) -> Result<Arc<Record>, Failure> {
    let int = |column| D::int(row, column);
    let columns = Columns {
        kind: int(0)?,
        persistence: int(1)?,
        version: int(2)?,
        last_seen: int(3)?,
        created_at: int(4)?,
        authenticated_at: int(5)?,
        idle_secs: int(6)?,
        ends_at: int(7)?,
        family: bytes::<D>(row, 8)?,
        verifier: bytes::<D>(row, 9)?,
        subject: D::bytes(row, 10)?,
        grace: bytes::<D>(row, 11)?,
        details: D::bytes(row, 12)?,
        principal: bytes::<D>(row, 13)?,
        data: bytes::<D>(row, 14)?,
    };
    Ok(Arc::new(columns.record(sign_in_id::<D>(row, 15)?)?))
}

/// Returns the id of a sign-in and whether it has expired, from a row with its id, last use and
/// deadlines.
pub(super) fn expiry<D: Executor>(
    row: &D::Row,
    now: Timestamp,
) -> Result<(SignInId, bool), Failure> {
    let deadlines = deadlines(D::int(row, 2)?, D::int(row, 3)?)?;
    let expired = deadlines.expiry(timestamp(D::int(row, 1)?), now).is_some();
    Ok((sign_in_id::<D>(row, 0)?, expired))
}

/// Returns whether the sign-in of this row, after the columns that [`expiry`] reads, counts towards the limit
/// of sign-ins of the kind with this [name](encoding::kind_name). A record that cannot be read counts like a
/// device.
pub(super) fn counts<D: Executor>(row: &D::Row, kind_name: &[u8]) -> Result<bool, Failure> {
    if D::int(row, 4)? != i64::from(SecretKind::CUSTOM) {
        return Ok(kind_name.is_empty());
    }
    let details = D::bytes(row, 5)?.unwrap_or_default();
    Ok(!kind_name.is_empty() && details.starts_with(kind_name))
}

/// Returns the id in this column.
pub(super) fn sign_in_id<D: Executor>(row: &D::Row, column: usize) -> Result<SignInId, Failure> {
    Ok(SignInId::from_bytes(fixed(&bytes::<D>(row, column)?)?))
}

fn bytes<D: Executor>(row: &D::Row, column: usize) -> Result<Vec<u8>, Failure> {
    D::bytes(row, column)?.ok_or_else(|| Malformed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite returns rows of any shape.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn sec_96_rows_of_another_shape_are_errors() {
        use sqlx::{Connection as _, Sqlite, SqliteConnection};

        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let good = [
            "1",
            "0",
            "0",
            "5",
            "5",
            "5",
            "0",
            "9",
            "zeroblob(16)",
            "zeroblob(32)",
            "NULL",
            "zeroblob(0)",
            "NULL",
            "zeroblob(0)",
            "zeroblob(0)",
            "zeroblob(16)",
        ];
        let mut rows = vec![
            vec![],
            vec!["1"],
            vec!["NULL"; 16],
            vec!["1"; 16],
            vec!["zeroblob(16)"; 16],
            vec!["'text'"; 16],
            good[..15].to_vec(),
        ];
        for column in 0..16 {
            for value in ["NULL", "-1", "9223372036854775807", "1.5", "'text'", "zeroblob(17)"] {
                let mut row = good.to_vec();
                row[column] = value;
                rows.push(row);
            }
        }
        let mut decoded = 0;
        for row in rows {
            let row = if row.is_empty() { "1 WHERE 0".to_owned() } else { row.join(", ") };
            let rows = Sqlite::query(&mut connection, &format!("SELECT {row}")).await.unwrap();
            // Each row is a sign-in or an error; none panics.
            decoded += rows.iter().filter(|row| record::<Sqlite>(row).is_ok()).count();
            rows.iter().for_each(|row| drop(expiry::<Sqlite>(row, Timestamp::EPOCH)));
        }
        assert!(decoded < 60, "{decoded} wrong rows were taken for sign-ins");
        let query = format!("SELECT {}", good.join(", "));
        let rows = Sqlite::query(&mut connection, &query).await.unwrap();
        assert!(record::<Sqlite>(&rows[0]).is_ok(), "{:?}", record::<Sqlite>(&rows[0]).err());
    }
}
