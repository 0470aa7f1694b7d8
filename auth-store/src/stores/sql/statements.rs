//! The statements.
//!
//! They are told once for all databases. Where a database can answer a changed row in the same
//! statement it does; where it can announce, every statement that ends or changes a sign-in does so
//! itself.
//!
//! Whatever takes several rows locks them by the order of their ids, or passes over those that
//! another step has locked: no two steps wait for each other.

use super::statement::Statement;
use super::wording::Syntax;

/// How many ids stand in one statement.
pub(super) const BATCH: usize = 64;

/// What [`row`](super::row) reads.
const RECORD: &str = "kind, persistence, version, last_seen, created_at, authenticated_at, \
                      idle_secs, ends_at, family, verifier, subject, grace, details, principal, \
                      data, sid";

/// Whether a sign-in has expired at `$1`. The difference cannot overflow; the sum could.
const OVER: &str = "(ends_at <= $1 OR (idle_secs > 0 AND last_seen <= $1 - idle_secs * 1000))";

/// What [`age`](super::row::age) reads.
const AGE: &str = "sid, last_seen, idle_secs, ends_at";

/// The sign-ins of one subject. Two subjects can have one key, so both columns are compared.
const OF_SUBJECT: &str = "subject_key = $1 AND subject = $2";

const OLDEST_FIRST: &str = "ORDER BY created_at, sid";

/// The assignments of a new secret.
const SECRET: &str = "kind = $3, family = $4, verifier = $5, grace = $6";

/// All statements about sign-ins.
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) insert: Statement,
    pub(super) update: Statement,
    pub(super) rotate: Statement,
    pub(super) renew: Statement,
    pub(super) touch: Statement,
    pub(super) delete: Statement,
    pub(super) delete_at_version: Statement,
    pub(super) delete_unused: Statement,
    pub(super) delete_many: Statement,
    pub(super) list: Statement,
    pub(super) ages: Statement,
    pub(super) revoke: Statement,
    pub(super) revoke_others: Statement,
    pub(super) revoke_all: Statement,
    pub(super) amend: Statement,
    pub(super) due: Statement,
    pub(super) collect: Statement,
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
            load: writer.select(RECORD, "sid = $1"),
            insert: writer.insert(),
            update: writer.change("data = $3", "sid = $1 AND version = $2"),
            rotate: writer.rotate(),
            renew: writer.renew(),
            touch: writer.statement(
                "UPDATE auth_sign_ins SET last_seen = $2 WHERE sid = $1 AND last_seen < $2",
            ),
            delete: writer.delete("sid = $1"),
            delete_at_version: writer.delete("sid = $1 AND version = $2"),
            delete_unused: writer.delete("sid = $1 AND last_seen <= $2"),
            delete_many: writer.delete_locked(&format!("sid IN ({})", places(1))),
            list: writer.select(RECORD, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            ages: writer.select(AGE, &format!("{OF_SUBJECT} {OLDEST_FIRST}")),
            revoke: writer.delete(&format!("{OF_SUBJECT} AND sid = $3")),
            revoke_others: writer.delete_locked(&format!("{OF_SUBJECT} AND sid <> $3")),
            revoke_all: writer.delete_locked(OF_SUBJECT),
            amend: writer.amend(),
            due: writer.select(AGE, "due_at <= $1 ORDER BY due_at LIMIT $2"),
            collect: writer.collect(),
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
    /// What a statement that ends sign-ins returns.
    returning_ended: String,
    /// What a statement that changes one sign-in returns.
    returning_changed: String,
}

impl<'a> Writer<'a> {
    fn new(syntax: &'a Syntax, notification: Option<&str>) -> Self {
        let returning_ended =
            notification.map_or_else(String::new, |expression| format!(" RETURNING {expression}"));
        let returning_changed = match (syntax.returning, notification) {
            (false, _) => String::new(),
            (true, None) => format!(" RETURNING {RECORD}"),
            (true, Some(expression)) => format!(" RETURNING {RECORD}, {expression}"),
        };
        Self { syntax, returning_ended, returning_changed }
    }

    fn statement(&self, text: &str) -> Statement {
        match self.syntax.numbered {
            true => Statement::numbered(text.to_owned()),
            false => Statement::in_turn(text),
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

    /// Changes one sign-in, and increments its version.
    fn change(&self, assignments: &str, condition: &str) -> Statement {
        let returning = &self.returning_changed;
        self.statement(&format!(
            "UPDATE auth_sign_ins SET {assignments}, version = version + 1 \
             WHERE {condition}{returning}"
        ))
    }

    /// Locks the rows by the order of their ids before the statement changes them.
    fn locked_in_order(&self, condition: &str) -> String {
        self.locked(condition, "ORDER BY sid FOR UPDATE")
    }

    /// Skips the rows that another step has locked.
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
        let unless_taken = self.syntax.unless_taken;
        self.statement(&format!(
            "INSERT INTO auth_sign_ins ({RECORD}, subject_key, due_at) VALUES ({}){unless_taken}",
            (1..=18).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
        ))
    }

    fn rotate(&self) -> Statement {
        self.change(
            &format!("{SECRET}, details = COALESCE(details, $7)"),
            "sid = $1 AND verifier = $2",
        )
    }

    fn renew(&self) -> Statement {
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

    fn amend(&self) -> Statement {
        let (rows, returning) = (self.locked_in_order(OF_SUBJECT), &self.returning_ended);
        self.statement(&format!(
            "UPDATE auth_sign_ins SET principal = $3, version = version + 1 WHERE {rows}{returning}"
        ))
    }

    fn collect(&self) -> Statement {
        let rows = self.locked_if_free(&format!("{OVER} AND sid IN ({})", places(2)));
        self.statement(&format!("DELETE FROM auth_sign_ins WHERE {rows}"))
    }

    fn postpone(&self) -> Statement {
        let rows = self.locked_if_free(&format!("NOT {OVER} AND sid IN ({})", places(2)));
        self.statement(&format!(
            "UPDATE auth_sign_ins SET due_at = CASE \
             WHEN idle_secs = 0 OR last_seen > ends_at - idle_secs * 1000 THEN ends_at \
             ELSE last_seen + idle_secs * 1000 END WHERE {rows}"
        ))
    }
}

/// So many places for ids, from this number.
fn places(first: usize) -> String {
    (first..first + BATCH).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
