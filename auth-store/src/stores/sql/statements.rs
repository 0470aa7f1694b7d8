//! The SQL that all databases share.
//!
//! [`Statements`] holds every statement on sign-ins; [`Writer`] writes them in the [`Syntax`] of one
//! database. Where a database can return a changed row in the same statement, it does. Where it can
//! announce changes, every statement that ends or changes a sign-in announces it itself.
//!
//! A statement on several rows locks them in the order of their ids, or skips the rows that another
//! operation has locked. So no two operations wait for each other.

use std::cell::Cell;

#[cfg(any(feature = "mysql", feature = "postgres"))]
use super::dialect::Value;

/// The number of ids in one statement.
pub(super) const BATCH: usize = 64;

/// The columns that [`record`](super::row::record) reads.
const RECORD_COLUMNS: &str = "kind, persistence, version, last_seen, created_at, authenticated_at, \
                      idle_secs, ends_at, family, verifier, subject, grace, details, principal, \
                      data, sid";

/// Whether a sign-in has expired at `$1`. The difference cannot overflow; the sum could.
const EXPIRED: &str = "(ends_at <= $1 OR (idle_secs > 0 AND last_seen <= $1 - idle_secs * 1000))";

/// The columns that [`expiry`](super::row::expiry) reads.
const EXPIRY_COLUMNS: &str = "sid, last_seen, idle_secs, ends_at";

/// The columns that [`counts`](super::row::counts) reads. The details of a custom kind begin with its name.
const COUNTED_COLUMNS: &str =
    "sid, last_seen, idle_secs, ends_at, kind, CASE WHEN kind = 4 THEN details END";

/// Selects the sign-ins of one subject. Two subjects can have the same key, so both columns are
/// compared.
const OF_SUBJECT: &str = "subject_key = $1 AND subject = $2";

const OLDEST_FIRST: &str = "ORDER BY created_at, sid";

/// The assignments of a new secret.
const SECRET: &str = "kind = $3, family = $4, verifier = $5, grace = $6";

/// The differences in syntax.
pub(super) struct Syntax {
    /// The function that returns the larger of two values.
    pub(super) greatest: &'static str,
    /// The clause that skips a row whose id exists. Without one, the database returns an error.
    pub(super) on_conflict: &'static str,
    /// Whether a statement that changes rows can return them.
    pub(super) returning: bool,
    /// Whether statements on several rows lock them one by one before they change them. This avoids
    /// deadlocks where the database detects them too late.
    pub(super) locks_rows: bool,
}

/// All statements on sign-ins.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) insert: Statement,
    pub(super) update: Statement,
    pub(super) rotate: Statement,
    pub(super) reauthenticate: Statement,
    pub(super) touch: Statement,
    pub(super) delete: Statement,
    pub(super) delete_if_version: Statement,
    pub(super) delete_if_idle: Statement,
    pub(super) delete_of_subject: Statement,
    pub(super) delete_anonymous: Statement,
    pub(super) list: Statement,
    pub(super) expiries: Statement,
    pub(super) revoke: Statement,
    pub(super) revoke_others: Statement,
    pub(super) revoke_subject: Statement,
    pub(super) update_subject: Statement,
    pub(super) swap_principal: Statement,
    pub(super) due: Statement,
    pub(super) delete_expired: Statement,
    pub(super) postpone: Statement,
    pub(super) count_anonymous: Statement,
    pub(super) oldest_anonymous: Statement,
}

impl Statements {
    /// Writes the statements in this database's syntax. With `notification`, the statements that
    /// end or change sign-ins also return this expression, which announces each row.
    pub(super) fn new(syntax: &Syntax, notification: Option<&str>) -> Self {
        let writer = Writer::new(syntax, notification);
        Self {
            load: writer.select(RECORD_COLUMNS, "sid = $1"),
            insert: writer.insert(),
            update: writer.change("data = $3", "sid = $1 AND version = $2"),
            rotate: writer.rotate(),
            reauthenticate: writer.reauthenticate(),
            touch: writer.statement(
                "UPDATE auth_sign_ins SET last_seen = $2 WHERE sid = $1 AND last_seen < $2",
            ),
            delete: writer.delete("sid = $1"),
            delete_if_version: writer.delete("sid = $1 AND version = $2"),
            delete_if_idle: writer.delete("sid = $1 AND last_seen <= $2"),
            delete_of_subject: writer
                .delete_locked(&format!("{OF_SUBJECT} AND sid IN ({})", placeholders(3))),
            delete_anonymous: writer
                .delete_locked(&format!("subject_key IS NULL AND sid IN ({})", placeholders(1))),
            list: writer.select(RECORD_COLUMNS, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            expiries: writer.select(COUNTED_COLUMNS, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            revoke: writer.delete(&format!("{OF_SUBJECT} AND sid = $3")),
            revoke_others: writer.delete_locked(&format!("{OF_SUBJECT} AND sid <> $3")),
            revoke_subject: writer.delete_locked(OF_SUBJECT),
            update_subject: writer.update_subject(OF_SUBJECT),
            swap_principal: writer.update_subject(&format!("{OF_SUBJECT} AND principal = $4")),
            due: writer.select(EXPIRY_COLUMNS, "due_at <= $1 ORDER BY due_at LIMIT $2"),
            delete_expired: writer.delete_expired(),
            postpone: writer.postpone(),
            count_anonymous: writer.select("COUNT(*)", "subject_key IS NULL"),
            oldest_anonymous: writer
                .select("sid", "subject_key IS NULL ORDER BY created_at LIMIT $1"),
        }
    }
}

/// Writes statements in the syntax of one database.
struct Writer<'a> {
    syntax: &'a Syntax,
    /// The number of statements that were written.
    written: Cell<u32>,
    /// The `RETURNING` clause of a statement that ends sign-ins.
    returning_ended: String,
    /// The `RETURNING` clause of a statement that changes one sign-in.
    returning_changed: String,
    /// The number of columns that this clause returns.
    columns_changed: usize,
}

impl<'a> Writer<'a> {
    fn new(syntax: &'a Syntax, notification: Option<&str>) -> Self {
        let returning_ended =
            notification.map_or_else(String::new, |expression| format!(" RETURNING {expression}"));
        let changed = match (syntax.returning, notification) {
            (false, _) => None,
            (true, None) => Some(RECORD_COLUMNS.to_owned()),
            (true, Some(expression)) => Some(format!("{RECORD_COLUMNS}, {expression}")),
        };
        let columns_changed = match notification {
            Some(_) => count(RECORD_COLUMNS) + 1,
            None => count(RECORD_COLUMNS),
        };
        let returning_changed =
            changed.map_or_else(String::new, |columns| format!(" RETURNING {columns}"));
        let written = Cell::default();
        Self { syntax, written, returning_ended, returning_changed, columns_changed }
    }

    /// Writes a statement whose rows are not read.
    fn statement(&self, text: &str) -> Statement {
        self.returning(text.to_owned(), 0)
    }

    /// Writes a statement that returns rows with this many columns.
    fn returning(&self, text: String, columns: usize) -> Statement {
        let number = self.written.replace(self.written.get() + 1);
        Statement { text, number, columns }
    }

    fn select(&self, columns: &str, condition: &str) -> Statement {
        let text = format!("SELECT {columns} FROM auth_sign_ins WHERE {condition}");
        self.returning(text, count(columns))
    }

    fn delete(&self, condition: &str) -> Statement {
        let returning = &self.returning_ended;
        self.statement(&format!("DELETE FROM auth_sign_ins WHERE {condition}{returning}"))
    }

    fn delete_locked(&self, condition: &str) -> Statement {
        self.delete(&self.locked_in_order(condition))
    }

    /// Writes a statement that changes one sign-in and increments its version.
    fn change(&self, assignments: &str, condition: &str) -> Statement {
        let returning = &self.returning_changed;
        let text = format!(
            "UPDATE auth_sign_ins SET {assignments}, version = version + 1 \
             WHERE {condition}{returning}"
        );
        self.returning(text, self.columns_changed)
    }

    /// Returns a condition that locks the rows in the order of their ids.
    fn locked_in_order(&self, condition: &str) -> String {
        self.locked(condition, "ORDER BY sid FOR UPDATE")
    }

    /// Returns a condition that skips the rows that another operation has locked.
    fn locked_if_free(&self, condition: &str) -> String {
        self.locked(condition, "FOR UPDATE SKIP LOCKED")
    }

    fn locked(&self, condition: &str, clause: &str) -> String {
        match self.syntax.locks_rows {
            true => format!("sid IN (SELECT sid FROM auth_sign_ins WHERE {condition} {clause})"),
            false => condition.to_owned(),
        }
    }

    fn insert(&self) -> Statement {
        let on_conflict = self.syntax.on_conflict;
        self.statement(&format!(
            "INSERT INTO auth_sign_ins ({RECORD_COLUMNS}, subject_key, due_at) VALUES ({}){on_conflict}",
            (1..=18).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
        ))
    }

    fn rotate(&self) -> Statement {
        let greatest = self.syntax.greatest;
        self.change(
            &format!(
                "{SECRET}, details = COALESCE(details, $7), \
                 last_seen = {greatest}(last_seen, $8)"
            ),
            "sid = $1 AND verifier = $2",
        )
    }

    fn reauthenticate(&self) -> Statement {
        let greatest = self.syntax.greatest;
        self.change(
            &format!(
                "{SECRET}, details = $7, principal = COALESCE($8, principal), persistence = $9, \
                 last_seen = {greatest}(last_seen, $14), authenticated_at = $10, \
                 idle_secs = $11, ends_at = $12, due_at = $13"
            ),
            "sid = $1 AND verifier = $2",
        )
    }

    fn update_subject(&self, condition: &str) -> Statement {
        let (rows, returning) = (self.locked_in_order(condition), &self.returning_ended);
        self.statement(&format!(
            "UPDATE auth_sign_ins SET principal = $3, version = version + 1 WHERE {rows}{returning}"
        ))
    }

    fn delete_expired(&self) -> Statement {
        let rows = self.locked_if_free(&format!("{EXPIRED} AND sid IN ({})", placeholders(2)));
        self.statement(&format!("DELETE FROM auth_sign_ins WHERE {rows}"))
    }

    fn postpone(&self) -> Statement {
        let rows = self.locked_if_free(&format!("NOT {EXPIRED} AND sid IN ({})", placeholders(2)));
        self.statement(&format!(
            "UPDATE auth_sign_ins SET due_at = CASE \
             WHEN idle_secs = 0 OR last_seen > ends_at - idle_secs * 1000 THEN ends_at \
             ELSE last_seen + idle_secs * 1000 END WHERE {rows}"
        ))
    }
}

/// Returns placeholders for a batch of ids, beginning with this number.
fn placeholders(first: usize) -> String {
    (first..first + BATCH).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

/// Returns the number of columns in a list.
fn count(columns: &str) -> usize {
    columns.split(", ").count()
}

/// A statement whose placeholders refer to numbered parameters: `$1` is the first.
pub(super) struct Statement {
    pub(super) text: String,
    /// The number of this statement among all statements of the store. PostgreSQL names it by that.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) number: u32,
    /// The number of columns of the rows that are read.
    pub(super) columns: usize,
}

impl Statement {
    /// Returns the text with these values as literals. Bytes are written as hexadecimal digits between
    /// `quotes`. So no value can be mistaken for a part of the statement.
    #[cfg(feature = "mysql")]
    pub(super) fn with_literals(&self, values: &[Value<'_>], quotes: [&str; 2]) -> String {
        let mut parts = self.text.split('$');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = part[..digits].parse().expect("a number follows every $");
            write_literal(&mut text, values[number - 1], quotes);
            text.push_str(&part[digits..]);
        }
        text
    }
}

/// Writes a value as a literal. Bytes are written as hexadecimal digits between `quotes`.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(super) fn write_literal(text: &mut String, value: Value<'_>, [open, close]: [&str; 2]) {
    use std::fmt::Write as _;

    match value {
        Value::Int(None) | Value::Bytes(None) => text.push_str("NULL"),
        Value::Int(Some(number)) => {
            let _ = write!(text, "{number}"); // writing to a string succeeds
        }
        Value::Bytes(Some(bytes)) => {
            text.reserve(open.len() + 2 * bytes.len() + close.len());
            text.push_str(open);
            for byte in bytes {
                for digit in [byte >> 4, byte & 15] {
                    text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                }
            }
            text.push_str(close);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax =
        Syntax { greatest: "MAX", on_conflict: "", returning: true, locks_rows: true };

    #[cfg(feature = "mysql")]
    #[test]
    fn values_are_written_as_literals() {
        let writer = Writer::new(&SYNTAX, None);
        let statement = writer.statement("a = $2 AND b = $1 OR c = $2 + 1 AND d = $11");
        let mut values: Vec<_> = (1..=9).map(Value::int).collect();
        values[0] = Value::bytes(b"' OR $2\\");
        values[1] = Value::Int(Some(i64::MIN));
        values.extend([Value::Int(None), Value::Bytes(None)]);
        assert_eq!(
            statement.with_literals(&values, ["x'", "'"]),
            "a = -9223372036854775808 AND b = x'27204f522024325c' \
             OR c = -9223372036854775808 + 1 AND d = NULL"
        );
    }

    #[test]
    fn statements_know_their_numbers_and_columns() {
        let statements = Statements::new(&SYNTAX, Some("pg_notify(a, b)"));
        assert_eq!((statements.load.number, statements.load.columns), (0, 16));
        assert_eq!((statements.insert.number, statements.insert.columns), (1, 0));
        assert_eq!((statements.update.columns, statements.expiries.columns), (17, 6));
        let without = Statements::new(&SYNTAX, None);
        assert_eq!((without.update.columns, without.count_anonymous.columns), (16, 1));
    }
}
