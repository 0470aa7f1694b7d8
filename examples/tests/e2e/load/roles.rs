//! Who may do what, by the roles of now.

use std::time::Duration;

use super::history::{Answer, Call, Change, Deed, History};
use super::judge::Violation;

/// Everybody begins as a buyer.
pub(super) fn judge(history: &History, lease: Duration) -> Vec<Violation> {
    let asked = history.calls.iter().filter(|call| call.deed == Deed::Admin);
    let stale = asked.filter(|call| {
        let changes = history.changes.iter();
        let of_customer = changes.filter(|change| change.customer == call.sign_in.customer);
        !may_be(call, &of_customer.collect::<Vec<_>>(), lease)
    });
    stale.map(|call| Violation::StaleRoles(*call)).collect()
}

/// Whether there was a time at which the answer was right, at most a lease before it was asked for.
fn may_be(call: &Call, changes: &[&Change], lease: Duration) -> bool {
    let admin = match call.answer {
        Answer::Served => true,
        Answer::Forbidden => false,
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

    fn change(admin: bool, sent: u64, answered: u64, done: bool) -> Change {
        Change { customer: 1, admin, sent: ms(sent), answered: ms(answered), done }
    }

    fn right(changes: &[Change], sent: u64, answer: Answer) -> bool {
        let call = call(Deed::Admin, sent, sent + 1, answer);
        let history = History { calls: vec![call], changes: changes.to_vec() };
        let found = judge(&history, LEASE);
        assert!(found.is_empty() || found == [Violation::StaleRoles(call)]);
        found.is_empty()
    }

    #[test]
    fn without_changes_a_buyer_is_no_admin() {
        assert!(right(&[], 5, Answer::Forbidden));
        assert!(!right(&[], 5, Answer::Served));
        for answer in [Answer::Refused, Answer::Unavailable] {
            assert!(right(&[], 5, answer));
        }
    }

    #[test]
    fn a_new_role_is_seen_after_the_lease_at_the_latest() {
        let changes = [change(true, 10, 20, true)];
        assert!(!right(&changes, 8, Answer::Served), "nobody had asked for it");
        for sent in [10, 15, 20, 2020] {
            assert!(
                right(&changes, sent, Answer::Served) && right(&changes, sent, Answer::Forbidden)
            );
        }
        assert!(right(&changes, 2021, Answer::Served));
        assert!(!right(&changes, 2021, Answer::Forbidden));
    }

    #[test]
    fn a_role_that_was_taken_away_is_gone_after_the_lease() {
        let changes = [change(true, 10, 20, true), change(false, 30, 40, true)];
        assert!(right(&changes, 2040, Answer::Served));
        assert!(!right(&changes, 2041, Answer::Served));
        assert!(right(&changes, 2041, Answer::Forbidden));
    }

    #[test]
    fn a_change_that_nobody_confirmed_may_be_there_or_not() {
        let changes = [change(true, 10, 20, false)];
        assert!(right(&changes, 9000, Answer::Served) && right(&changes, 9000, Answer::Forbidden));
        assert!(!right(&changes, 8, Answer::Served));
    }

    #[test]
    fn the_roles_of_others_do_not_matter() {
        let others = Change { customer: 2, ..change(true, 10, 20, true) };
        assert!(right(&[others], 5000, Answer::Forbidden));
        assert!(!right(&[others], 5000, Answer::Served));
    }
}
