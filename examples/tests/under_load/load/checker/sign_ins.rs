//! Signed-in users are served, and users who have logged out are not.

use std::time::Duration;

use super::super::history::{Action, Call, Outcome};
use super::check::Guarantees;
use super::check::Violation;
use crate::harness::Kind;

/// Checks the calls of one sign-in.
pub(super) fn check(calls: &[Call], guarantees: &Guarantees) -> Vec<Violation> {
    let logout_sent = logouts(calls).map(|call| call.time.sent).min();
    let logged_out = acknowledged(calls);
    let may_have_ended = |call: &Call| logout_sent.is_some_and(|sent| sent < call.time.answered);
    let has_ended = |call: &Call| {
        let staleness = call.action.max_staleness(guarantees.max_staleness);
        logged_out.is_some_and(|logged_out| logged_out + staleness < call.time.sent)
    };
    let may_be_lost = calls.iter().any(|call| {
        let issues = matches!(call.action, Action::SignIn | Action::Refresh);
        issues && call.outcome.succeeded() && call.time.overlaps(&guarantees.unconfirmed)
    });

    let wrong = calls.iter().filter(|call| matches!(call.outcome, Outcome::Wrong(_)));
    let late = calls.iter().filter(|call| has_ended(call) && was_accepted(call));
    let refused =
        |call: &&Call| call.outcome == Outcome::Refused && !may_have_ended(call) && !may_be_lost;
    let first_refused = calls.iter().filter(refused).min_by_key(|call| call.time.sent);
    let wrong = wrong.map(|call| Violation::WrongResponse(*call));
    let late = late.map(|call| Violation::ServedAfterLogout(*call));
    let refused = first_refused.map(|call| Violation::RefusedWhileSignedIn(*call));
    wrong.chain(late).chain(refused).collect()
}

/// Returns the longest time from the response to the logout to a request that was still served.
pub(in super::super) fn served_for(calls: &[Call]) -> Duration {
    let Some(logged_out) = acknowledged(calls) else { return Duration::ZERO };
    let accepted = calls.iter().filter(|call| was_accepted(call));
    accepted.map(|call| call.time.sent.saturating_sub(logged_out)).max().unwrap_or_default()
}

fn logouts(calls: &[Call]) -> impl Iterator<Item = &Call> {
    calls.iter().filter(|call| call.action == Action::Logout)
}

fn acknowledged(calls: &[Call]) -> Option<Duration> {
    logouts(calls).filter(|call| call.outcome.succeeded()).map(|call| call.time.answered).min()
}

/// Returns whether the call was served for the user. A logout succeeds without a sign-in, and an empty
/// cart may be a new visitor's, because an invalid cookie is not refused.
fn was_accepted(call: &Call) -> bool {
    let of_visitor = call.sign_in.kind == Kind::Cookie && call.outcome == Outcome::Cart(0);
    call.was_for_user() && !of_visitor && call.action != Action::Logout
}

#[cfg(test)]
mod tests {
    use super::super::samples::{MAX_STALENESS, call, strictly, unconfirmed};
    use super::*;

    fn checked(calls: &[Call]) -> Vec<Violation> {
        strictly(check, calls)
    }

    #[test]
    fn a_logout_may_take_effect_after_the_maximum_staleness() {
        let calls = [
            call(Action::SignIn, 0, 1, Outcome::Served),
            call(Action::Me, 5, 6, Outcome::Served),
            call(Action::Logout, 10, 12, Outcome::Served),
            call(Action::Me, 2012, 2500, Outcome::Served),
            call(Action::Me, 2013, 2014, Outcome::Refused),
            call(Action::Admin, 2013, 2014, Outcome::Unavailable),
        ];
        assert_eq!(checked(&calls), []);
        assert_eq!(served_for(&calls), MAX_STALENESS);
        assert_eq!(served_for(&calls[..2]), Duration::ZERO);
    }

    #[test]
    fn a_call_served_after_the_maximum_staleness_is_found() {
        let logout = call(Action::Logout, 10, 12, Outcome::Served);
        for (action, outcome) in [
            (Action::Me, Outcome::Served),
            (Action::Me, Outcome::Identified { admin: false }),
            (Action::Admin, Outcome::Forbidden),
            (Action::AddToCart, Outcome::Cart(1)),
            (Action::Refresh, Outcome::Served),
        ] {
            let late = call(action, 2013, 2014, outcome);
            assert_eq!(checked(&[late, logout]), [Violation::ServedAfterLogout(late)]);
        }
        let of_visitor = call(Action::ReadCart, 2013, 2014, Outcome::Cart(0));
        assert_eq!(checked(&[of_visitor, logout]), []);
        let mut of_token = [of_visitor, logout];
        of_token.iter_mut().for_each(|call| call.sign_in.kind = Kind::Token);
        assert_eq!(checked(&of_token), [Violation::ServedAfterLogout(of_token[0])]);
    }

    #[test]
    fn a_revalidated_route_must_refuse_at_once() {
        let logout = call(Action::Logout, 10, 12, Outcome::Served);
        let admin = |sent| call(Action::Admin, sent, sent + 1, Outcome::Forbidden);
        assert_eq!(checked(&[logout, admin(12)]), []);
        let late = Violation::ServedAfterLogout(admin(13));
        assert_eq!(checked(&[logout, admin(12), admin(13)]), [late]);
    }

    #[test]
    fn only_an_unconfirmed_sign_in_may_be_lost() {
        let guarantees = unconfirmed();
        let refused = call(Action::Me, 300, 301, Outcome::Refused);
        let found = [Violation::RefusedWhileSignedIn(refused)];
        let sign_in = |sent, outcome| call(Action::SignIn, sent, sent + 5, outcome);
        assert_eq!(check(&[sign_in(96, Outcome::Served), refused], &guarantees), []);
        assert_eq!(check(&[sign_in(199, Outcome::Served), refused], &guarantees), []);
        for sent in [95, 200] {
            assert_eq!(check(&[sign_in(sent, Outcome::Served), refused], &guarantees), found);
        }
        let read = call(Action::Me, 150, 160, Outcome::Served);
        assert_eq!(check(&[read, refused], &guarantees), found);
    }

    #[test]
    fn the_first_acknowledged_logout_counts() {
        let unknown = call(Action::Logout, 10, 12, Outcome::Unavailable);
        let later = call(Action::Logout, 900, 1000, Outcome::Served);
        let last = call(Action::Logout, 5000, 5001, Outcome::Served);
        let read = |sent| call(Action::Me, sent, sent + 1, Outcome::Served);
        assert_eq!(checked(&[unknown, read(4000)]), []);
        let late = Violation::ServedAfterLogout(read(3001));
        assert_eq!(checked(&[unknown, later, last, read(3000), read(3001)]), [late]);
    }

    #[test]
    fn a_refusal_before_any_logout_is_found_once() {
        let refused = |sent| call(Action::Me, sent, sent + 5, Outcome::Refused);
        let logout = call(Action::Logout, 100, 110, Outcome::Unavailable);
        assert_eq!(checked(&[refused(96), refused(120), logout]), [], "it may have ended");
        let found = [Violation::RefusedWhileSignedIn(refused(20))];
        assert_eq!(checked(&[refused(95), refused(20), logout]), found);
        assert_eq!(checked(&[refused(20)]), found);
        let cart = call(Action::AddToCart, 1, 2, Outcome::Refused);
        assert_eq!(checked(&[cart]), [Violation::RefusedWhileSignedIn(cart)]);
    }

    #[test]
    fn a_wrong_response_is_always_found() {
        let logout = call(Action::Logout, 10, 12, Outcome::Served);
        for status in [Some(500), Some(503), Some(403), None] {
            let wrong = call(Action::Me, 3000, 3001, Outcome::Wrong(status));
            assert_eq!(checked(&[logout, wrong]), [Violation::WrongResponse(wrong)]);
        }
    }
}
