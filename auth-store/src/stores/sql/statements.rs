//! The SQL that all databases share.
//!
//! [`Statements`] holds every statement on sign-ins; [`Writer`] writes them in the [`Syntax`] of one
//! database. Where a database can return a changed row in the same statement, it does. Where it can
//! announce changes, every statement that ends or changes a sign-in announces it itself.
//!
//! A statement on several rows locks them in the order of their ids, or skips the rows that another
//! operation has locked. So no two operations wait for each other.

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
    /// Whether placeholders are numbered.
    pub(super) numbered: bool,
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
    pub(super) delete_many: Statement,
    pub(super) list: Statement,
    pub(super) expiries: Statement,
    pub(super) revoke: Statement,
    pub(super) revoke_others: Statement,
    pub(super) revoke_subject: Statement,
    pub(super) update_subject: Statement,
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
            delete_many: writer.delete_locked(&format!("sid IN ({})", placeholders(1))),
            list: writer.select(RECORD_COLUMNS, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            expiries: writer.select(EXPIRY_COLUMNS, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            revoke: writer.delete(&format!("{OF_SUBJECT} AND sid = $3")),
            revoke_others: writer.delete_locked(&format!("{OF_SUBJECT} AND sid <> $3")),
            revoke_subject: writer.delete_locked(OF_SUBJECT),
            update_subject: writer.update_subject(),
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
    /// The `RETURNING` clause of a statement that ends sign-ins.
    returning_ended: String,
    /// The `RETURNING` clause of a statement that changes one sign-in.
    returning_changed: String,
}

impl<'a> Writer<'a> {
    fn new(syntax: &'a Syntax, notification: Option<&str>) -> Self {
        let returning_ended =
            notification.map_or_else(String::new, |expression| format!(" RETURNING {expression}"));
        let returning_changed = match (syntax.returning, notification) {
            (false, _) => String::new(),
            (true, None) => format!(" RETURNING {RECORD_COLUMNS}"),
            (true, Some(expression)) => format!(" RETURNING {RECORD_COLUMNS}, {expression}"),
        };
        Self { syntax, returning_ended, returning_changed }
    }

    fn statement(&self, text: &str) -> Statement {
        match self.syntax.numbered {
            true => Statement::numbered(text.to_owned()),
            false => Statement::positional(text),
        }
    }

    fn select(&self, columns: &str, condition: &str) -> Statement {
        self.statement(&format!("SELECT {columns} FROM auth_sign_ins WHERE {condition}"))
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
        self.statement(&format!(
            "UPDATE auth_sign_ins SET {assignments}, version = version + 1 \
             WHERE {condition}{returning}"
        ))
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
        self.change(
            &format!("{SECRET}, details = COALESCE(details, $7)"),
            "sid = $1 AND verifier = $2",
        )
    }

    fn reauthenticate(&self) -> Statement {
        let greatest = self.syntax.greatest;
        self.change(
            &format!(
                "{SECRET}, details = $7, principal = $8, persistence = $9, \
                 last_seen = {greatest}(last_seen, $10), authenticated_at = $10, \
                 idle_secs = $11, ends_at = $12, due_at = $13"
            ),
            "sid = $1 AND verifier = $2",
        )
    }

    fn update_subject(&self) -> Statement {
        let (rows, returning) = (self.locked_in_order(OF_SUBJECT), &self.returning_ended);
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

/// A statement whose placeholders refer to numbered parameters: `$1` is the first.
pub(super) struct Statement {
    pub(super) text: String,
    /// The parameter of each placeholder, where placeholders have no numbers.
    order: Option<Vec<usize>>,
}

impl Statement {
    /// Creates a statement for a database with numbered placeholders.
    pub(super) fn numbered(text: String) -> Self {
        Self { text, order: None }
    }

    /// Creates a statement for a database whose placeholders are all `?`.
    pub(super) fn positional(text: &str) -> Self {
        let mut parts = text.split('$');
        let mut positional = parts.next().unwrap_or_default().to_owned();
        let mut order = Vec::new();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = part[..digits].parse().expect("a number follows every $");
            order.push(number - 1);
            positional.push('?');
            positional.push_str(&part[digits..]);
        }
        Self { text: positional, order: Some(order) }
    }

    /// Returns the values in the order of the placeholders.
    pub(super) fn values<'a>(&self, values: &[Value<'a>]) -> Vec<Value<'a>> {
        match &self.order {
            None => values.to_vec(),
            Some(order) => order.iter().map(|number| values[*number]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positional_statements_reorder_their_values() {
        let statement = Statement::positional("a = $2 AND b = $1 OR c = $2 + 1 AND d = $11");
        assert_eq!(statement.text, "a = ? AND b = ? OR c = ? + 1 AND d = ?");
        let values: Vec<_> = (1..=11).map(Value::int).collect();
        let numbers: Vec<_> = statement
            .values(&values)
            .into_iter()
            .map(|value| match value {
                Value::Int(number) => number,
                Value::Bytes(_) => None,
            })
            .collect();
        assert_eq!(numbers, [Some(2), Some(1), Some(2), Some(11)]);
    }
}
