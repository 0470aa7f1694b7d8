//! Who may do what, by the roles of now.

use std::time::Duration;

use super::history::{Answer, Call, Change, Deed, History};
use super::judge::Violation;

/// Everybody begins as a buyer.
pub(super) fn judge(history: &History, lease: Duration) -> Vec<Violation> {
    let stale = history.calls.iter().filter(|call| {
        let changes = history.changes.iter();
        let of_customer = changes.filter(|change| change.customer == call.sign_in.customer);
        !may_be(call, &of_customer.collect::<Vec<_>>(), call.deed.lease(lease))
    });
    stale.map(|call| Violation::StaleRoles(*call)).collect()
}

/// Whether there was a time at which the answer was right, at most a lease before it was asked for.
fn may_be(call: &Call, changes: &[&Change], lease: Duration) -> bool {
    let admin = match (call.deed, call.answer) {
        (_, Answer::Named { admin }) => admin,
        (Deed::Admin, Answer::Served) => true,
        (Deed::Admin, Answer::Forbidden) => false,
        _ => return true, // it says nothing about roles
    };
    let known = |change: &&&Change| change.done && change.answered + lease < call.sent;
    let settled = changes.iter().filter(known).max_by_key(|change| change.sent);
    let since = settled.map_or(Duration::ZERO, |change| change.sent);
    let base = settled.is_some_and(|change| change.admin);
    let possible =
        |change: &&&Change| change.sent < call.answered && (!change.done || change.sent > since);
    base == admin || changes.iter().filter(possible).any(|change| change.admin == admin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::made_up::{LEASE, call, ms};

    const ADMIN: Answer = Answer::Named { admin: true };
    const BUYER: Answer = Answer::Named { admin: false };

    fn change(admin: bool, sent: u64, answered: u64, done: bool) -> Change {
        Change { customer: 1, admin, sent: ms(sent), answered: ms(answered), done }
    }

    fn right(changes: &[Change], sent: u64, answer: Answer) -> bool {
        is_right(changes, call(Deed::Look, sent, sent + 1, answer))
    }

    fn is_right(changes: &[Change], call: Call) -> bool {
        let history = History { calls: vec![call], changes: changes.to_vec() };
        let found = judge(&history, LEASE);
        assert!(found.is_empty() || found == [Violation::StaleRoles(call)]);
        found.is_empty()
    }

    #[test]
    fn without_changes_a_buyer_is_no_admin() {
        assert!(right(&[], 5, BUYER));
        assert!(!right(&[], 5, ADMIN));
        for answer in [Answer::Refused, Answer::Unavailable] {
            assert!(right(&[], 5, answer));
        }
    }

    #[test]
    fn a_new_role_is_seen_after_the_lease_at_the_latest() {
        let changes = [change(true, 10, 20, true)];
        assert!(!right(&changes, 8, ADMIN), "nobody had asked for it");
        for sent in [10, 15, 20, 2020] {
            assert!(right(&changes, sent, ADMIN) && right(&changes, sent, BUYER));
        }
        assert!(right(&changes, 2021, ADMIN));
        assert!(!right(&changes, 2021, BUYER));
    }

    #[test]
    fn a_role_that_was_taken_away_is_gone_after_the_lease() {
        let changes = [change(true, 10, 20, true), change(false, 30, 40, true)];
        assert!(right(&changes, 2040, ADMIN));
        assert!(!right(&changes, 2041, ADMIN));
        assert!(right(&changes, 2041, BUYER));
    }

    #[test]
    fn a_change_that_nobody_confirmed_may_be_there_or_not() {
        let changes = [change(true, 10, 20, false)];
        assert!(right(&changes, 9000, ADMIN) && right(&changes, 9000, BUYER));
        assert!(!right(&changes, 8, ADMIN));
    }

    #[test]
    fn the_roles_of_others_do_not_matter() {
        let others = Change { customer: 2, ..change(true, 10, 20, true) };
        assert!(right(&[others], 5000, BUYER));
        assert!(!right(&[others], 5000, ADMIN));
    }

    #[test]
    fn a_route_that_asks_the_store_goes_by_the_roles_of_now() {
        let changes = [change(true, 10, 20, true)];
        let admin = |sent, answer| is_right(&changes, call(Deed::Admin, sent, sent + 1, answer));
        assert!(admin(20, Answer::Forbidden) && admin(20, Answer::Served));
        assert!(!admin(21, Answer::Forbidden));
        assert!(admin(21, Answer::Served));
        let cart = call(Deed::Cart, 9000, 9001, Answer::Holds(0));
        assert!(is_right(&changes, cart), "it says nothing about roles");
    }
}
