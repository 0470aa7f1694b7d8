//! The figures of a load, as a row of the table in `docs/faults.md`.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::checker::{Violation, served_for};
use super::history::{Action, Call, History, Outcome};

/// What the clients of one load have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Requests that were served, including 403 for customers who are not admins.
    served: usize,
    /// 401.
    refused: usize,
    /// 503.
    pub(crate) unavailable: usize,
    /// The longest time in which no read was served.
    no_read: Duration,
    /// The longest time in which no addition, sign-in, refresh or logout was served.
    no_write: Duration,
    /// The slowest response of any kind.
    pub(crate) slowest: Duration,
    /// The longest time from the response to a logout to a request that was still served.
    pub(crate) served_after_logout: Duration,
    /// Acknowledged additions that were lost.
    lost_additions: u32,
    /// Acknowledged sign-ins that were lost.
    lost_sign_ins: usize,
    /// From the end of the fault to the last 503.
    pub(crate) recovered: Duration,
}

impl Figures {
    /// Checks that requests were served. On a busy machine, a few commands may time out without a fault.
    ///
    /// # Panics
    ///
    /// Panics if more than one in a thousand was answered with 503.
    pub(crate) fn assert_available(&self) {
        assert!(self.unavailable * 1000 <= self.served, "{self:?}");
    }

    /// Computes the figures of a history. `losses` are the violations that the fault explains, and `closed`
    /// is when the customers left.
    pub(super) fn of(
        history: &History,
        losses: &[Violation],
        fault: &Range<Duration>,
        closed: Duration,
    ) -> Self {
        let (calls, time) = (&history.calls, fault.start..closed);
        let count = |outcome: fn(&Call) -> bool| calls.iter().filter(|call| outcome(call)).count();
        let sign_ins = history.of_sign_ins();
        let reads =
            |call: &Call| matches!(call.action, Action::Me | Action::Admin | Action::ReadCart);
        let last = calls.iter().filter(|call| call.outcome == Outcome::Unavailable);
        let last = last.map(|call| call.time.answered).max().unwrap_or_default();
        let lost = losses.iter().map(|violation| match violation {
            Violation::LostAdditions(_, count) => *count,
            _ => 0,
        });
        let sign_in_lost =
            |violation: &&Violation| matches!(violation, Violation::RefusedWhileSignedIn(_));
        Self {
            served: count(Call::was_for_user),
            refused: count(|call| call.outcome == Outcome::Refused),
            unavailable: count(|call| call.outcome == Outcome::Unavailable),
            no_read: longest_gap(calls, &time, reads),
            no_write: longest_gap(calls, &time, |call| !reads(call)),
            served_after_logout: sign_ins
                .values()
                .map(|calls| served_for(calls))
                .max()
                .unwrap_or_default(),
            slowest: calls
                .iter()
                .map(|call| call.time.answered - call.time.sent)
                .max()
                .unwrap_or_default(),
            lost_additions: lost.sum(),
            lost_sign_ins: losses.iter().filter(sign_in_lost).count(),
            recovered: last.saturating_sub(fault.end),
        }
    }
}

/// Returns the longest time between two served calls of a kind.
fn longest_gap(calls: &[Call], time: &Range<Duration>, kind: impl Fn(&Call) -> bool) -> Duration {
    let served = calls.iter().filter(|call| call.was_for_user() && kind(call));
    let mut times: Vec<_> = served.map(|call| call.time.answered).collect();
    times.sort_unstable();
    let gaps =
        times.windows(2).filter(|pair| time.contains(&pair[1])).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_default()
}

/// Formats as `served | 401 | 503 | no read for | no write for | slowest response | served after logout for |
/// lost | recovered after`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let lost = match (self.lost_additions, self.lost_sign_ins) {
            (0, 0) => "nothing".to_owned(),
            (additions, sign_ins) => format!("{additions} additions, {sign_ins} sign-ins"),
        };
        let (served, refused, unavailable) = (self.served, self.refused, self.unavailable);
        let (no_read, no_write) = (secs(self.no_read), secs(self.no_write));
        let (slowest, late) = (secs(self.slowest), secs(self.served_after_logout));
        let recovered = secs(self.recovered);
        write!(
            f,
            "{served} | {refused} | {unavailable} | {no_read} | {no_write} | {slowest} | {late} | {lost} | {recovered}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::checker::samples::{call, ms};

    #[test]
    fn calls_are_counted_and_gaps_measured() {
        let calls = vec![
            call(Action::Me, 0, 10, Outcome::Served),
            call(Action::Me, 20, 5_000, Outcome::Served), // before the fault
            call(Action::AddToCart, 5_000, 6_000, Outcome::Cart(1)),
            call(Action::AddToCart, 6_000, 6_500, Outcome::Unavailable),
            call(Action::Me, 6_000, 7_000, Outcome::Unavailable),
            call(Action::Admin, 6_000, 7_500, Outcome::Forbidden),
            call(Action::Logout, 8_000, 9_000, Outcome::Served),
            call(Action::Me, 9_000, 9_100, Outcome::Refused),
            call(Action::Me, 19_000, 19_100, Outcome::Served), // after the customers have left
        ];
        let lost =
            [Violation::LostAdditions(calls[2], 3), Violation::RefusedWhileSignedIn(calls[0])];
        let history = History { calls, changes: Vec::new() };
        let figures = Figures::of(&history, &lost, &(ms(5_500)..ms(6_900)), ms(9_500));
        let expected = Figures {
            served: 6,
            refused: 1,
            unavailable: 2,
            no_read: ms(2_500),
            no_write: ms(3_000),
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
