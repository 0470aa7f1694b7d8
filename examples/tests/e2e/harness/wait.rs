//! Waiting for an event: the one place that sleeps.

use std::thread;
use std::time::Duration;

use auth_core::Clock;

/// After how long there must be an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// The first pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
///
/// # Panics
/// If there is none after ten seconds.
pub(crate) fn until<T>(event: &str, ask: impl FnMut() -> Option<T>) -> T {
    poll(event, |pause| pause, ask)
}

/// Asks until there is an answer, and waits twice as long each time: for what every question puts
/// off, such as the end of a sign-in by disuse.
///
/// # Panics
/// If there is none after ten seconds.
pub(crate) fn until_rarely<T>(event: &str, ask: impl FnMut() -> Option<T>) -> T {
    poll(event, |pause| pause * 2, ask)
}

fn poll<T>(
    event: &str,
    next: impl Fn(Duration) -> Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> T {
    let clock = Clock::system();
    let (start, mut pause) = (clock.now(), PAUSE);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock.now().since(start) < DEADLINE, "waited {DEADLINE:?} until {event}");
        thread::sleep(pause);
        pause = next(pause);
    }
}
