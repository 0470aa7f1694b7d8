//! What clients saw, in figures.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::ends;
use super::history::{Answer, Call, Deed, History};
use super::judge::Violation;

/// A line of the table of faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Answered as asked; 403 for who is no admin, too.
    pub(crate) served: usize,
    /// 401.
    pub(crate) refused: usize,
    /// 503.
    pub(crate) unavailable: usize,
    /// The longest time without an answer to anybody who only looked.
    pub(crate) no_look: Duration,
    /// The longest time in which nothing was added, and nobody came in or out.
    pub(crate) no_change: Duration,
    /// The longest time that an answer took, of whatever kind.
    pub(crate) slowest: Duration,
    /// The longest time after the acknowledgement of a logout at which a request was sent that was
    /// still served.
    pub(crate) served_after_logout: Duration,
    /// Acknowledged additions that are gone.
    pub(crate) lost_additions: u32,
    /// Acknowledged sign-ins that are gone.
    pub(crate) lost_sign_ins: usize,
    /// From the end of the fault to the last 503.
    pub(crate) recovered: Duration,
}

impl Figures {
    /// Nothing is wrong with the store. A machine without time may still take longer for a command
    /// than shops wait.
    ///
    /// # Panics
    /// If more than one in a thousand is told to come again.
    pub(crate) fn are_served(&self) {
        assert!(self.unavailable * 1000 <= self.served, "{self:?}");
    }

    /// Of a history with a fault, and what the fault explains. Customers went when it was closed.
    pub(super) fn of(
        history: &History,
        explained: &[Violation],
        fault: &Range<Duration>,
        closed: Duration,
    ) -> Self {
        let (calls, time) = (&history.calls, fault.start..closed);
        let count = |fits: fn(Answer) -> bool| calls.iter().filter(|one| fits(one.answer)).count();
        let sign_ins = history.of_sign_ins();
        let looks = |call: &Call| matches!(call.deed, Deed::Look | Deed::Admin | Deed::Cart);
        let last = calls.iter().filter(|call| call.answer == Answer::Unavailable);
        let last = last.map(|call| call.answered).max().unwrap_or_default();
        let lost = explained.iter().map(|violation| match violation {
            Violation::LostAdditions(_, count) => *count,
            _ => 0,
        });
        let gone = |violation: &&Violation| matches!(violation, Violation::RefusedWhileSignedIn(_));
        Self {
            served: count(|answer| answer.done() || answer == Answer::Forbidden),
            refused: count(|answer| answer == Answer::Refused),
            unavailable: count(|answer| answer == Answer::Unavailable),
            no_look: longest_gap(calls, &time, looks),
            no_change: longest_gap(calls, &time, |call| !looks(call)),
            served_after_logout: sign_ins
                .values()
                .map(|calls| ends::served_for(calls))
                .max()
                .unwrap_or_default(),
            slowest: calls.iter().map(|call| call.answered - call.sent).max().unwrap_or_default(),
            lost_additions: lost.sum(),
            lost_sign_ins: explained.iter().filter(gone).count(),
            recovered: last.saturating_sub(fault.end),
        }
    }
}

/// The longest time between two answers that are neither refusals nor 503.
fn longest_gap(calls: &[Call], time: &Range<Duration>, fits: impl Fn(&Call) -> bool) -> Duration {
    let served = |call: &&Call| call.answer.done() || call.answer == Answer::Forbidden;
    let fitting = calls.iter().filter(served).filter(|call| fits(call));
    let mut times: Vec<_> = fitting.map(|call| call.answered).collect();
    times.sort_unstable();
    let gaps =
        times.windows(2).filter(|pair| time.contains(&pair[1])).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_default()
}

/// `served | 401 | 503 | no look for | no change for | slowest answer | served after logout for | lost | recovered after`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let lost = match (self.lost_additions, self.lost_sign_ins) {
            (0, 0) => "nothing".to_owned(),
            (additions, sign_ins) => format!("{additions} additions, {sign_ins} sign-ins"),
        };
        let (served, refused, unavailable) = (self.served, self.refused, self.unavailable);
        let (no_look, no_change) = (secs(self.no_look), secs(self.no_change));
        let (slowest, late) = (secs(self.slowest), secs(self.served_after_logout));
        let recovered = secs(self.recovered);
        write!(
            f,
            "{served} | {refused} | {unavailable} | {no_look} | {no_change} | {slowest} | {late} | {lost} | {recovered}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::made_up::{call, ms};

    #[test]
    fn answers_are_counted_and_times_without_any_measured() {
        let calls = vec![
            call(Deed::Look, 0, 10, Answer::Served),
            call(Deed::Look, 20, 5_000, Answer::Served), // before the fault
            call(Deed::Add, 5_000, 6_000, Answer::Holds(1)),
            call(Deed::Add, 6_000, 6_500, Answer::Unavailable),
            call(Deed::Look, 6_000, 7_000, Answer::Unavailable),
            call(Deed::Admin, 6_000, 7_500, Answer::Forbidden),
            call(Deed::Logout, 8_000, 9_000, Answer::Served),
            call(Deed::Look, 9_000, 9_100, Answer::Refused),
            call(Deed::Look, 19_000, 19_100, Answer::Served), // everybody had gone
        ];
        let lost =
            [Violation::LostAdditions(calls[2], 3), Violation::RefusedWhileSignedIn(calls[0])];
        let history = History { calls, changes: Vec::new() };
        let figures = Figures::of(&history, &lost, &(ms(5_500)..ms(6_900)), ms(9_500));
        let expected = Figures {
            served: 6,
            refused: 1,
            unavailable: 2,
            no_look: ms(2_500),
            no_change: ms(3_000),
            slowest: ms(4_980),
            served_after_logout: ms(10_000),
            lost_additions: 3,
            lost_sign_ins: 1,
            recovered: ms(100),
        };
        assert_eq!(figures, expected);
        let row = "6 | 1 | 2 | 2.5 s | 3.0 s | 5.0 s | 10.0 s | 3 additions, 1 sign-ins | 0.1 s";
        assert_eq!(figures.to_string(), row);
    }
}
