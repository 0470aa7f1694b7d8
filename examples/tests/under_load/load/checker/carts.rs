//! Carts contain all acknowledged additions, and no others.

use std::time::Duration;

use super::super::history::{Action, Call, Outcome};
use super::check::Guarantees;
use super::check::Violation;

/// Checks the calls of one sign-in until its first logout is sent. Reports only the greatest loss and the
/// greatest surplus.
pub(super) fn check(calls: &[Call], guarantees: &Guarantees) -> Vec<Violation> {
    let logouts = calls.iter().filter(|call| call.action == Action::Logout);
    let logout = logouts.map(|call| call.time.sent).min().unwrap_or(Duration::MAX);
    let adds: Vec<_> = calls.iter().filter(|call| call.action == Action::AddToCart).collect();
    let (mut lost, mut invented) = (None, None);
    for call in calls.iter().filter(|call| call.time.answered < logout) {
        let Outcome::Cart(quantity) = call.outcome else { continue };
        let missing = at_least(call, &adds, guarantees).saturating_sub(quantity);
        let surplus = quantity.saturating_sub(at_most(call, &adds));
        lost = lost.max((missing > 0).then_some((missing, call.time.sent)));
        invented = invented.max((surplus > 0).then_some((surplus, call.time.sent)));
    }
    let find = |sent| *calls.iter().find(|call| call.time.sent == sent).expect("it is one of them");
    let lost = lost.map(|(missing, sent)| Violation::LostAdditions(find(sent), missing));
    let invented =
        invented.map(|(surplus, sent)| Violation::InventedAdditions(find(sent), surplus));
    lost.into_iter().chain(invented).collect()
}

/// Returns the least quantity that the response may contain. A cart that is read may come from a cached
/// sign-in; an addition is made to the newest cart. Additions that a fault may lose do not count.
fn at_least(call: &Call, adds: &[&Call], guarantees: &Guarantees) -> u32 {
    let (age, own) = if call.action == Action::AddToCart {
        (Duration::ZERO, 1)
    } else {
        (guarantees.max_staleness, 0)
    };
    let counts =
        |add: &Call| add.outcome.succeeded() && !add.time.overlaps(&guarantees.unconfirmed);
    let before = |add: &&&Call| counts(add) && add.time.answered + age < call.time.sent;
    count(adds.iter().filter(before)) + own
}

/// Returns the greatest quantity that the response may contain: all additions sent before the response,
/// whether or not they were acknowledged.
fn at_most(call: &Call, adds: &[&Call]) -> u32 {
    count(adds.iter().filter(|add| add.time.sent < call.time.answered))
}

fn count(calls: impl Iterator) -> u32 {
    u32::try_from(calls.count()).expect("fewer calls")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{call, strictly, unconfirmed};
    use super::*;

    fn checked(calls: &[Call]) -> Vec<Violation> {
        strictly(check, calls)
    }

    fn add(sent: u64, answered: u64, outcome: Outcome) -> Call {
        call(Action::AddToCart, sent, answered, outcome)
    }

    fn cart(sent: u64, quantity: u32) -> Call {
        call(Action::ReadCart, sent, sent + 1, Outcome::Cart(quantity))
    }

    #[test]
    fn concurrent_and_unacknowledged_additions_are_optional() {
        let first = add(0, 10, Outcome::Cart(1));
        let concurrent = add(5, 8, Outcome::Cart(2));
        let unknown = add(20, 30, Outcome::Unavailable);
        for quantity in [2, 3] {
            assert_eq!(checked(&[first, concurrent, unknown, cart(5000, quantity)]), []);
        }
    }

    #[test]
    fn a_missing_acknowledged_addition_is_found() {
        let adds = [add(0, 1, Outcome::Cart(1)), add(2, 3, Outcome::Cart(2))];
        let read = |cart| checked(&[adds[0], adds[1], cart]);
        assert_eq!(read(cart(2003, 1)), [], "the sign-in may be cached");
        assert_eq!(read(cart(2004, 1)), [Violation::LostAdditions(cart(2004, 1), 1)]);
        assert_eq!(read(cart(2004, 0)), [Violation::LostAdditions(cart(2004, 0), 2)]);
    }

    #[test]
    fn only_unconfirmed_additions_may_be_lost() {
        let guarantees = unconfirmed();
        let (old, last) = (add(90, 95, Outcome::Cart(1)), add(150, 160, Outcome::Cart(2)));
        let later = add(250, 260, Outcome::Cart(2));
        let read = |quantity| check(&[old, last, later, cart(5000, quantity)], &guarantees);
        assert_eq!((read(2), read(3)), (vec![], vec![]));
        assert_eq!(read(1), [Violation::LostAdditions(cart(5000, 1), 1)]);
    }

    #[test]
    fn an_addition_to_an_old_cart_is_found() {
        let first = add(0, 1, Outcome::Cart(1));
        let stale = add(2, 3, Outcome::Cart(1));
        assert_eq!(checked(&[first, stale]), [Violation::LostAdditions(stale, 1)]);
    }

    #[test]
    fn a_duplicate_addition_is_found() {
        let twice = add(0, 1, Outcome::Cart(2));
        assert_eq!(checked(&[twice]), [Violation::InventedAdditions(twice, 1)]);
        let unknown = add(0, 1, Outcome::Unavailable);
        let found = [Violation::InventedAdditions(cart(3000, 2), 1)];
        assert_eq!(checked(&[unknown, cart(3000, 2)]), found);
    }

    #[test]
    fn only_the_greatest_loss_before_a_logout_is_reported() {
        let first = add(0, 1, Outcome::Cart(1));
        let adds = [first, add(2, 3, Outcome::Cart(2)), cart(4000, 1), cart(4002, 0)];
        assert_eq!(checked(&adds), [Violation::LostAdditions(cart(4002, 0), 2)]);
        let logout = call(Action::Logout, 3000, 3001, Outcome::Unavailable);
        assert_eq!(checked(&[first, logout, cart(4000, 0)]), []);
    }
}
