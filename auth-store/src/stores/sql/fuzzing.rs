//! The check of the fuzz target `sql_row`.
//!
//! SQLite returns rows of any shape, so it makes the rows. The input is a list of values: a byte for
//! the type, and a number of eight bytes, or a length of one byte and as many bytes. [`NEXT_ROW`] begins
//! another row.

use std::cell::RefCell;
use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Sqlite, SqliteConnection};
use tokio::runtime::{Builder, Runtime};

use super::dialect::{Executor as _, Value};
use super::error::Failure;
use super::row::{Encoded, expiry, insert_values, record_of, records_of};
use crate::record::Record;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const BLOB: u8 = 2;
const TEXT: u8 = 3;
const REAL: u8 = 4;
const NEXT_ROW: u8 = 5;

/// More columns than any statement of the store selects.
const MAX_COLUMNS: usize = 20;
const MAX_ROWS: usize = 4;
const ID: SignInId = SignInId::from_bytes([3; 16]);
const SUBJECT: &str = "ada";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A value of a row, as this check reads the input.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Bytes(Vec<u8>),
    /// A text that consists of these bytes.
    Text(Vec<u8>),
    Real(f64),
}

/// Checks that rows are either rejected, or sign-ins that say what the rows contain, and that rows of other
/// sign-ins and subjects are rejected. Returns whether the first row is a sign-in.
///
/// # Panics
///
/// Panics if the check fails.
#[must_use]
pub fn sql_row(data: &[u8]) -> bool {
    let cells = rows(data);
    let rows: Vec<_> = cells.iter().map(|cells| select(cells)).collect();
    for (cells, row) in cells.iter().zip(&rows) {
        if let Ok(record) = decode(row) {
            check_record(&record, cells);
        }
        check_expiry(row, cells);
    }
    match record_of::<Sqlite>(&rows, &ID) {
        Ok(Some(record)) => assert!(rows.len() == 1 && record.id == ID),
        Ok(None) => assert!(rows.is_empty()),
        Err(_) => assert!(!rows.is_empty()),
    }
    if let Ok(records) = records_of::<Sqlite>(&rows, SUBJECT) {
        assert_eq!(records.len(), rows.len());
        assert!(records.iter().flatten().all(|record| record.subject.as_deref() == Some(SUBJECT)));
    }
    rows.first().is_some_and(|row| decode(row).is_ok())
}

fn decode(row: &SqliteRow) -> Result<Arc<Record>, Failure> {
    super::row::record::<Sqlite>(row)
}

/// Checks that a record says what its row contains, also after it was encoded again.
fn check_record(record: &Record, cells: &[Cell]) {
    let time = |at: Timestamp| Cell::Integer(i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
    let past = |cell: &Cell| match cell {
        Cell::Integer(millis) => Cell::Integer((*millis).max(0)),
        other => other.clone(),
    };
    let times = [record.last_seen(), record.created_at, record.authenticated_at];
    assert_eq!(times.map(time), [3, 4, 5].map(|at| past(&cells[at])));
    assert_eq!(time(record.deadlines.ends_at), past(&cells[7]));
    let numbers = [
        (record.kind.code().into(), 0),
        (record.version, 2),
        (record.deadlines.idle_secs.into(), 6),
    ];
    for (number, at) in numbers {
        assert_eq!(cells[at], Cell::Integer(i64::try_from(number).expect("a column")));
    }
    let bytes = [
        (&record.family.0[..], 8),
        (&record.current.0, 9),
        (record.principal(), 13),
        (record.id.as_bytes(), 15),
    ];
    for (bytes, at) in bytes {
        assert!(is_bytes(&cells[at], bytes));
    }
    assert!(cells[12] != Cell::Null || is_bytes(&cells[11], b""), "a grace is lost");
    match &record.subject {
        None => assert_eq!(cells[10], Cell::Null),
        Some(subject) => assert!(is_bytes(&cells[10], subject.as_bytes())),
    }

    let encoded = Encoded::new(record);
    let values = insert_values(record, &encoded).map(|value| match value {
        Value::Int(number) => number.map_or(Cell::Null, Cell::Integer),
        Value::Bytes(bytes) => bytes.map_or(Cell::Null, |bytes| Cell::Bytes(bytes.to_vec())),
    });
    let again = decode(&select(&values)).expect("a record that was encoded");
    assert_eq!(again.to_bytes(), record.to_bytes());
}

/// Checks that only a sign-in that has expired is taken for one, if the row begins with an id, its last use
/// and deadlines.
fn check_expiry(row: &SqliteRow, cells: &[Cell]) {
    let Ok((id, expired)) = expiry::<Sqlite>(row, NOW) else { return };
    assert!(is_bytes(&cells[0], id.as_bytes()));
    let [Cell::Integer(last_seen), Cell::Integer(idle_secs), Cell::Integer(ends_at)] = cells[1..4]
    else {
        panic!("{cells:?} has no deadlines");
    };
    let now = i128::from(NOW.as_millis());
    let is_idle =
        idle_secs > 0 && now - i128::from(last_seen.max(0)) >= i128::from(idle_secs) * 1000;
    assert_eq!(expired, is_idle || now >= i128::from(ends_at));
}

fn is_bytes(cell: &Cell, expected: &[u8]) -> bool {
    matches!(cell, Cell::Bytes(bytes) | Cell::Text(bytes) if bytes == expected)
}

/// Reads the rows of the input, up to the first value that is not complete.
fn rows(mut input: &[u8]) -> Vec<Vec<Cell>> {
    let mut rows = vec![Vec::new()];
    while let Some((kind, rest)) = input.split_first() {
        input = rest;
        if *kind == NEXT_ROW {
            rows.push(Vec::new());
            continue;
        }
        let Some(cell) = cell(*kind, &mut input) else { break };
        rows.last_mut().expect("the first row").push(cell);
    }
    rows.retain(|cells| (1..=MAX_COLUMNS).contains(&cells.len()));
    rows.truncate(MAX_ROWS);
    rows
}

fn cell(kind: u8, input: &mut &[u8]) -> Option<Cell> {
    let mut take = |length: usize| {
        let (bytes, rest) = input.split_at_checked(length)?;
        *input = rest;
        Some(bytes.to_vec())
    };
    match kind {
        NULL => Some(Cell::Null),
        INTEGER | REAL => {
            let bytes = take(8)?.try_into().expect("8 bytes");
            Some(match kind {
                INTEGER => Cell::Integer(i64::from_be_bytes(bytes)),
                _ => Cell::Real(f64::from_be_bytes(bytes)),
            })
        }
        BLOB | TEXT => {
            let length = take(1)?[0];
            let bytes = take(length.into())?;
            Some(if kind == BLOB { Cell::Bytes(bytes) } else { Cell::Text(bytes) })
        }
        _ => None,
    }
}

/// Returns the row with these values, as SQLite returns it.
fn select(cells: &[Cell]) -> SqliteRow {
    let values: Vec<_> = cells.iter().map(literal).collect();
    let query = format!("SELECT {}", values.join(", "));
    thread_local! {
        static DATABASE: RefCell<(Runtime, SqliteConnection)> = RefCell::new(open());
    }
    let rows = DATABASE.with_borrow_mut(|(runtime, connection)| {
        runtime.block_on(Sqlite::query(connection, &query))
    });
    rows.expect("an answer").pop().expect("a row")
}

fn open() -> (Runtime, SqliteConnection) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let options = SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
    let connection = runtime.block_on(options.connect()).expect("a database in memory");
    (runtime, connection)
}

fn literal(cell: &Cell) -> String {
    let blob = |bytes: &[u8]| -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{digits}'")
    };
    match cell {
        Cell::Integer(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Bytes(bytes) => blob(bytes),
        Cell::Text(bytes) => format!("CAST({} AS TEXT)", blob(bytes)),
        Cell::Real(number) if number.is_finite() => format!("{number:e}"),
        Cell::Real(_) | Cell::Null => "NULL".to_owned(),
    }
}
