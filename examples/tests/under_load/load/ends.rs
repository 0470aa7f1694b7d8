//! Who is signed in is served, and who logged out is not.

use std::time::Duration;

use super::history::{Answer, Call, Deed};
use super::judge::Violation;
use super::terms::Terms;
use crate::harness::By;

/// Looks at the calls of one sign-in.
pub(super) fn judge(calls: &[Call], terms: &Terms) -> Vec<Violation> {
    let asked = logouts(calls).map(|call| call.sent).min();
    let told = acknowledged(calls);
    let may_be_over = |call: &Call| asked.is_some_and(|asked| asked < call.answered);
    let is_over =
        |call: &Call| told.is_some_and(|told| told + call.deed.lease(terms.lease) < call.sent);
    let may_be_lost = calls.iter().any(|call| {
        let begins = matches!(call.deed, Deed::SignIn | Deed::Refresh);
        begins && call.answer.done() && call.overlaps(&terms.unconfirmed)
    });

    let wrong = calls.iter().filter(|call| matches!(call.answer, Answer::Wrong(_)));
    let late = calls.iter().filter(|call| is_over(call) && was_accepted(call));
    let refused =
        |call: &&Call| call.answer == Answer::Refused && !may_be_over(call) && !may_be_lost;
    let first_refused = calls.iter().filter(refused).min_by_key(|call| call.sent);
    let wrong = wrong.map(|call| Violation::WrongAnswer(*call));
    let late = late.map(|call| Violation::ServedAfterLogout(*call));
    let refused = first_refused.map(|call| Violation::RefusedWhileSignedIn(*call));
    wrong.chain(late).chain(refused).collect()
}

/// How long after the acknowledgement of a logout a request was sent that was still served.
pub(super) fn served_for(calls: &[Call]) -> Duration {
    let Some(told) = acknowledged(calls) else { return Duration::ZERO };
    let accepted = calls.iter().filter(|call| was_accepted(call));
    accepted.map(|call| call.sent.saturating_sub(told)).max().unwrap_or_default()
}

fn logouts(calls: &[Call]) -> impl Iterator<Item = &Call> {
    calls.iter().filter(|call| call.deed == Deed::Logout)
}

fn acknowledged(calls: &[Call]) -> Option<Duration> {
    logouts(calls).filter(|call| call.answer.done()).map(|call| call.answered).min()
}

/// Whether it was served for the user. A logout is acknowledged whoever asks, and an empty cart may
/// be anybody's: without a user, a cookie is no reason to refuse.
fn was_accepted(call: &Call) -> bool {
    let nobodys = call.sign_in.by == By::Cookie && call.answer == Answer::Holds(0);
    let accepted = call.answer.done() || call.answer == Answer::Forbidden;
    accepted && !nobodys && call.deed != Deed::Logout
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::made_up::{LEASE, call, ms};

    fn judged(calls: &[Call]) -> Vec<Violation> {
        judge(calls, &Terms::strict(LEASE))
    }

    #[test]
    fn what_is_served_until_the_lease_is_over_is_no_violation() {
        let calls = [
            call(Deed::SignIn, 0, 1, Answer::Served),
            call(Deed::Look, 5, 6, Answer::Served),
            call(Deed::Logout, 10, 12, Answer::Served),
            call(Deed::Look, 2012, 2500, Answer::Served),
            call(Deed::Look, 2013, 2014, Answer::Refused),
            call(Deed::Admin, 2013, 2014, Answer::Unavailable),
        ];
        assert_eq!(judged(&calls), []);
        assert_eq!(served_for(&calls), LEASE);
        assert_eq!(served_for(&calls[..2]), Duration::ZERO);
    }

    #[test]
    fn what_is_accepted_after_the_lease_is_found() {
        let logout = call(Deed::Logout, 10, 12, Answer::Served);
        for (deed, answer) in [
            (Deed::Look, Answer::Served),
            (Deed::Look, Answer::Named { admin: false }),
            (Deed::Admin, Answer::Forbidden),
            (Deed::Add, Answer::Holds(1)),
            (Deed::Refresh, Answer::Served),
        ] {
            let late = call(deed, 2013, 2014, answer);
            assert_eq!(judged(&[late, logout]), [Violation::ServedAfterLogout(late)]);
        }
        let nobodys = call(Deed::Cart, 2013, 2014, Answer::Holds(0));
        assert_eq!(judged(&[nobodys, logout]), []);
        let mut of_token = [nobodys, logout];
        of_token.iter_mut().for_each(|call| call.sign_in.by = By::Token);
        assert_eq!(judged(&of_token), [Violation::ServedAfterLogout(of_token[0])]);
    }

    #[test]
    fn a_route_that_asks_the_store_knows_at_once() {
        let logout = call(Deed::Logout, 10, 12, Answer::Served);
        let admin = |sent| call(Deed::Admin, sent, sent + 1, Answer::Forbidden);
        assert_eq!(judged(&[logout, admin(12)]), []);
        let late = Violation::ServedAfterLogout(admin(13));
        assert_eq!(judged(&[logout, admin(12), admin(13)]), [late]);
    }

    #[test]
    fn only_a_sign_in_of_shortly_before_the_fault_may_be_lost() {
        let terms = Terms { unconfirmed: ms(100)..ms(200), ..Terms::strict(LEASE) };
        let refused = call(Deed::Look, 300, 301, Answer::Refused);
        let found = [Violation::RefusedWhileSignedIn(refused)];
        let sign_in = |sent, answer| call(Deed::SignIn, sent, sent + 5, answer);
        assert_eq!(judge(&[sign_in(96, Answer::Served), refused], &terms), []);
        assert_eq!(judge(&[sign_in(199, Answer::Served), refused], &terms), []);
        for sent in [95, 200] {
            assert_eq!(judge(&[sign_in(sent, Answer::Served), refused], &terms), found);
        }
        let looked = call(Deed::Look, 150, 160, Answer::Served);
        assert_eq!(judge(&[looked, refused], &terms), found);
    }

    #[test]
    fn the_first_acknowledgement_counts_and_one_that_never_came_does_not() {
        let unknown = call(Deed::Logout, 10, 12, Answer::Unavailable);
        let later = call(Deed::Logout, 900, 1000, Answer::Served);
        let last = call(Deed::Logout, 5000, 5001, Answer::Served);
        let look = |sent| call(Deed::Look, sent, sent + 1, Answer::Served);
        assert_eq!(judged(&[unknown, look(4000)]), []);
        let late = Violation::ServedAfterLogout(look(3001));
        assert_eq!(judged(&[unknown, later, last, look(3000), look(3001)]), [late]);
    }

    #[test]
    fn who_is_refused_before_any_logout_was_sent_is_found_once() {
        let refused = |sent| call(Deed::Look, sent, sent + 5, Answer::Refused);
        let logout = call(Deed::Logout, 100, 110, Answer::Unavailable);
        assert_eq!(judged(&[refused(96), refused(120), logout]), [], "it may have ended");
        let found = [Violation::RefusedWhileSignedIn(refused(20))];
        assert_eq!(judged(&[refused(95), refused(20), logout]), found);
        assert_eq!(judged(&[refused(20)]), found);
        let cart = call(Deed::Add, 1, 2, Answer::Refused);
        assert_eq!(judged(&[cart]), [Violation::RefusedWhileSignedIn(cart)]);
    }

    #[test]
    fn a_wrong_answer_is_found_at_any_time() {
        let logout = call(Deed::Logout, 10, 12, Answer::Served);
        for status in [Some(500), Some(503), Some(403), None] {
            let wrong = call(Deed::Look, 3000, 3001, Answer::Wrong(status));
            assert_eq!(judged(&[logout, wrong]), [Violation::WrongAnswer(wrong)]);
        }
    }
}
