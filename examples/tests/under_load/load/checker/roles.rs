//! Responses are decided by the current roles, or by roles that were current `max_staleness` ago.

use std::time::Duration;

use super::super::history::{Action, Call, Change, History, Outcome};
use super::check::Violation;

/// Checks all calls. Every customer starts as a buyer.
pub(super) fn check(history: &History, max_staleness: Duration) -> Vec<Violation> {
    let stale = history.calls.iter().filter(|call| {
        let changes = history.changes.iter();
        let of_customer = changes.filter(|change| change.customer == call.sign_in.customer);
        !is_possible(
            call,
            &of_customer.collect::<Vec<_>>(),
            call.action.max_staleness(max_staleness),
        )
    });
    stale.map(|call| Violation::StaleRoles(*call)).collect()
}

/// Returns whether the outcome was right at some time since `max_staleness` before the call was sent.
fn is_possible(call: &Call, changes: &[&Change], max_staleness: Duration) -> bool {
    let admin = match (call.action, call.outcome) {
        (_, Outcome::Identified { admin }) => admin,
        (Action::Admin, Outcome::Served) => true,
        (Action::Admin, Outcome::Forbidden) => false,
        _ => return true, // does not depend on roles
    };
    let is_settled = |change: &&&Change| {
        change.acknowledged && change.time.answered + max_staleness < call.time.sent
    };
    let settled = changes.iter().filter(is_settled).max_by_key(|change| change.time.sent);
    let since = settled.map_or(Duration::ZERO, |change| change.time.sent);
    let base = settled.is_some_and(|change| change.admin);
    let may_apply = |change: &&&Change| {
        change.time.sent < call.time.answered && (!change.acknowledged || change.time.sent > since)
    };
    base == admin || changes.iter().filter(may_apply).any(|change| change.admin == admin)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{MAX_STALENESS, call, span};
    use super::*;

    const ADMIN: Outcome = Outcome::Identified { admin: true };
    const BUYER: Outcome = Outcome::Identified { admin: false };

    fn change(admin: bool, sent: u64, answered: u64, acknowledged: bool) -> Change {
        Change { customer: 1, admin, time: span(sent, answered), acknowledged }
    }

    fn right(changes: &[Change], sent: u64, outcome: Outcome) -> bool {
        is_right(changes, call(Action::Me, sent, sent + 1, outcome))
    }

    fn is_right(changes: &[Change], call: Call) -> bool {
        let history = History { calls: vec![call], changes: changes.to_vec() };
        let violations = check(&history, MAX_STALENESS);
        assert!(violations.is_empty() || violations == [Violation::StaleRoles(call)]);
        violations.is_empty()
    }

    #[test]
    fn without_changes_a_customer_is_a_buyer() {
        assert!(right(&[], 5, BUYER));
        assert!(!right(&[], 5, ADMIN));
        for outcome in [Outcome::Refused, Outcome::Unavailable] {
            assert!(right(&[], 5, outcome));
        }
    }

    #[test]
    fn a_new_role_must_apply_after_the_maximum_staleness() {
        let changes = [change(true, 10, 20, true)];
        assert!(!right(&changes, 8, ADMIN), "not yet requested");
        for sent in [10, 15, 20, 2020] {
            assert!(right(&changes, sent, ADMIN) && right(&changes, sent, BUYER));
        }
        assert!(right(&changes, 2021, ADMIN));
        assert!(!right(&changes, 2021, BUYER));
    }

    #[test]
    fn a_revoked_role_must_not_apply_after_the_maximum_staleness() {
        let changes = [change(true, 10, 20, true), change(false, 30, 40, true)];
        assert!(right(&changes, 2040, ADMIN));
        assert!(!right(&changes, 2041, ADMIN));
        assert!(right(&changes, 2041, BUYER));
    }

    #[test]
    fn an_unacknowledged_change_may_apply_or_not() {
        let changes = [change(true, 10, 20, false)];
        assert!(right(&changes, 9000, ADMIN) && right(&changes, 9000, BUYER));
        assert!(!right(&changes, 8, ADMIN));
    }

    #[test]
    fn the_roles_of_other_customers_do_not_apply() {
        let others = Change { customer: 2, ..change(true, 10, 20, true) };
        assert!(right(&[others], 5000, BUYER));
        assert!(!right(&[others], 5000, ADMIN));
    }

    #[test]
    fn a_revalidated_route_uses_the_current_roles() {
        let changes = [change(true, 10, 20, true)];
        let admin =
            |sent, outcome| is_right(&changes, call(Action::Admin, sent, sent + 1, outcome));
        assert!(admin(20, Outcome::Forbidden) && admin(20, Outcome::Served));
        assert!(!admin(21, Outcome::Forbidden));
        assert!(admin(21, Outcome::Served));
        let cart = call(Action::ReadCart, 9000, 9001, Outcome::Cart(0));
        assert!(is_right(&changes, cart), "does not depend on roles");
    }
}
