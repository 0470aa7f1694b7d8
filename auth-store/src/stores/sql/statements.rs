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
    /// With `told`, the statements that end or change sign-ins answer this as well: it announces
    /// the row at hand.
    pub(super) fn new(wording: &Syntax, told: Option<&str>) -> Self {
        let statement = |text: String| match wording.numbered {
            true => Statement::numbered(text),
            false => Statement::in_turn(&text),
        };
        let ended = told.map_or_else(String::new, |told| format!(" RETURNING {told}"));
        let changed = match (wording.returning, told) {
            (false, _) => String::new(),
            (true, None) => format!(" RETURNING {RECORD}"),
            (true, Some(told)) => format!(" RETURNING {RECORD}, {told}"),
        };
        let delete =
            |which: &str| statement(format!("DELETE FROM auth_sign_ins WHERE {which}{ended}"));
        let change = |what: &str, which: &str| {
            let text = format!(
                "UPDATE auth_sign_ins SET {what}, version = version + 1 WHERE {which}{changed}"
            );
            statement(text)
        };
        let select = |what: &str, which: &str| {
            statement(format!("SELECT {what} FROM auth_sign_ins WHERE {which}"))
        };
        let locked = |which: &str, how: &str| match wording.locks_rows {
            true => format!("sid IN (SELECT sid FROM auth_sign_ins WHERE {which} {how})"),
            false => which.to_owned(),
        };
        let in_order = |which: &str| locked(which, "ORDER BY sid FOR UPDATE");
        let if_free = |which: &str| locked(which, "FOR UPDATE SKIP LOCKED");
        let Syntax { greatest, unless_taken, .. } = wording;
        let (subject, many) = ("subject_key = $1 AND subject = $2", places(2));
        let secret = "kind = $3, family = $4, verifier = $5, grace = $6";
        Self {
            load: select(RECORD, "sid = $1"),
            insert: statement(format!(
                "INSERT INTO auth_sign_ins ({RECORD}, subject_key, due_at) VALUES ({}){unless_taken}",
                (1..=18).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
            )),
            update: change("data = $3", "sid = $1 AND version = $2"),
            rotate: change(
                &format!("{secret}, details = COALESCE(details, $7)"),
                "sid = $1 AND verifier = $2",
            ),
            renew: change(
                &format!(
                    "{secret}, details = $7, principal = $8, persistence = $9, \
                     last_seen = {greatest}(last_seen, $10), authenticated_at = $10, \
                     idle_secs = $11, ends_at = $12, due_at = $13"
                ),
                "sid = $1 AND verifier = $2",
            ),
            touch: statement(
                "UPDATE auth_sign_ins SET last_seen = $2 WHERE sid = $1 AND last_seen < $2".into(),
            ),
            delete: delete("sid = $1"),
            delete_at_version: delete("sid = $1 AND version = $2"),
            delete_unused: delete("sid = $1 AND last_seen <= $2"),
            delete_many: delete(&in_order(&format!("sid IN ({})", places(1)))),
            list: select(RECORD, &format!("{subject} ORDER BY created_at, sid")),
            ages: select(
                "sid, last_seen, idle_secs, ends_at",
                &format!("{subject} ORDER BY created_at, sid"),
            ),
            revoke: delete(&format!("{subject} AND sid = $3")),
            revoke_others: delete(&in_order(&format!("{subject} AND sid <> $3"))),
            revoke_all: delete(&in_order(subject)),
            amend: statement(format!(
                "UPDATE auth_sign_ins SET principal = $3, version = version + 1 \
                 WHERE {}{ended}",
                in_order(subject)
            )),
            due: select(
                "sid, last_seen, idle_secs, ends_at",
                "due_at <= $1 ORDER BY due_at LIMIT $2",
            ),
            collect: statement(format!(
                "DELETE FROM auth_sign_ins WHERE {}",
                if_free(&format!("{OVER} AND sid IN ({many})"))
            )),
            postpone: statement(format!(
                "UPDATE auth_sign_ins SET due_at = CASE \
                 WHEN idle_secs = 0 OR last_seen > ends_at - idle_secs * 1000 THEN ends_at \
                 ELSE last_seen + idle_secs * 1000 END WHERE {}",
                if_free(&format!("NOT {OVER} AND sid IN ({many})"))
            )),
            count_anonymous: select("COUNT(*)", "subject_key IS NULL"),
            oldest_anonymous: select("sid", "subject_key IS NULL ORDER BY created_at LIMIT $1"),
        }
    }
}

/// So many places for ids, from this number.
fn places(first: usize) -> String {
    (first..first + BATCH).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
