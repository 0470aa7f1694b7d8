//! What was put into a cart is in it.

use std::time::Duration;

use super::history::{Answer, Call, Deed};
use super::judge::Violation;
use super::terms::Terms;

/// Looks at the calls of one sign-in, until somebody asks for its end. Of several losses the
/// greatest is told.
pub(super) fn judge(calls: &[Call], terms: &Terms) -> Vec<Violation> {
    let logouts = calls.iter().filter(|call| call.deed == Deed::Logout);
    let asked = logouts.map(|call| call.sent).min().unwrap_or(Duration::MAX);
    let adds: Vec<_> = calls.iter().filter(|call| call.deed == Deed::Add).collect();
    let (mut lost, mut invented) = (None, None);
    for call in calls.iter().filter(|call| call.answered < asked) {
        let Answer::Holds(count) = call.answer else { continue };
        let missing = at_least(call, &adds, terms).saturating_sub(count);
        let more = count.saturating_sub(at_most(call, &adds));
        lost = lost.max((missing > 0).then_some((missing, call.sent)));
        invented = invented.max((more > 0).then_some((more, call.sent)));
    }
    let find = |sent| *calls.iter().find(|call| call.sent == sent).expect("it is one of them");
    let lost = lost.map(|(missing, sent)| Violation::LostAdditions(find(sent), missing));
    let invented = invented.map(|(more, sent)| Violation::InventedAdditions(find(sent), more));
    lost.into_iter().chain(invented).collect()
}

/// A cart that is read may be as old as the lease. One that was added to is the newest. What may be
/// lost need not be there.
fn at_least(call: &Call, adds: &[&Call], terms: &Terms) -> u32 {
    let (age, own) = if call.deed == Deed::Add { (Duration::ZERO, 1) } else { (terms.lease, 0) };
    let kept = |add: &Call| add.answer.done() && !add.overlaps(&terms.unconfirmed);
    let before = |add: &&&Call| kept(add) && add.answered + age < call.sent;
    count(adds.iter().filter(before)) + own
}

/// What was sent before the answer may be in it, whether it was acknowledged or not.
fn at_most(call: &Call, adds: &[&Call]) -> u32 {
    count(adds.iter().filter(|add| add.sent < call.answered))
}

fn count(calls: impl Iterator) -> u32 {
    u32::try_from(calls.count()).expect("not so many")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::made_up::{LEASE, call, ms};

    fn judged(calls: &[Call]) -> Vec<Violation> {
        judge(calls, &Terms::strict(LEASE))
    }

    fn add(sent: u64, answered: u64, answer: Answer) -> Call {
        call(Deed::Add, sent, answered, answer)
    }

    fn cart(sent: u64, holds: u32) -> Call {
        call(Deed::Cart, sent, sent + 1, Answer::Holds(holds))
    }

    #[test]
    fn additions_at_once_and_unknown_ones_may_be_in_it_or_not() {
        let first = add(0, 10, Answer::Holds(1));
        let beside = add(5, 8, Answer::Holds(2));
        let unknown = add(20, 30, Answer::Unavailable);
        for holds in [2, 3] {
            assert_eq!(judged(&[first, beside, unknown, cart(5000, holds)]), []);
        }
    }

    #[test]
    fn an_acknowledged_addition_that_is_missing_is_found() {
        let adds = [add(0, 1, Answer::Holds(1)), add(2, 3, Answer::Holds(2))];
        let read = |cart| judged(&[adds[0], adds[1], cart]);
        assert_eq!(read(cart(2003, 1)), [], "the copy may be as old as the lease");
        assert_eq!(read(cart(2004, 1)), [Violation::LostAdditions(cart(2004, 1), 1)]);
        assert_eq!(read(cart(2004, 0)), [Violation::LostAdditions(cart(2004, 0), 2)]);
    }

    #[test]
    fn only_additions_of_shortly_before_the_fault_may_be_lost() {
        let terms = Terms { unconfirmed: ms(100)..ms(200), ..Terms::strict(LEASE) };
        let (old, last) = (add(90, 95, Answer::Holds(1)), add(150, 160, Answer::Holds(2)));
        let later = add(250, 260, Answer::Holds(2));
        let read = |holds| judge(&[old, last, later, cart(5000, holds)], &terms);
        assert_eq!((read(2), read(3)), (vec![], vec![]));
        assert_eq!(read(1), [Violation::LostAdditions(cart(5000, 1), 1)]);
    }

    #[test]
    fn an_addition_is_made_to_the_newest_cart() {
        let first = add(0, 1, Answer::Holds(1));
        let stale = add(2, 3, Answer::Holds(1));
        assert_eq!(judged(&[first, stale]), [Violation::LostAdditions(stale, 1)]);
    }

    #[test]
    fn an_addition_that_was_made_twice_is_found() {
        let twice = add(0, 1, Answer::Holds(2));
        assert_eq!(judged(&[twice]), [Violation::InventedAdditions(twice, 1)]);
        let unknown = add(0, 1, Answer::Unavailable);
        let found = [Violation::InventedAdditions(cart(3000, 2), 1)];
        assert_eq!(judged(&[unknown, cart(3000, 2)]), found);
    }

    #[test]
    fn the_greatest_loss_is_told_and_what_follows_a_logout_is_not_looked_at() {
        let first = add(0, 1, Answer::Holds(1));
        let adds = [first, add(2, 3, Answer::Holds(2)), cart(4000, 1), cart(4002, 0)];
        assert_eq!(judged(&adds), [Violation::LostAdditions(cart(4002, 0), 2)]);
        let logout = call(Deed::Logout, 3000, 3001, Answer::Unavailable);
        assert_eq!(judged(&[first, logout, cart(4000, 0)]), []);
    }
}
