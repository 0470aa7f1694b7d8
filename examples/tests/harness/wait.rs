//! Waiting for what every question puts off.

use std::thread;
use std::time::Duration;

use auth_servers::until;

/// The first pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer, and waits twice as long each time: for what every question puts
/// off, such as the end of a sign-in by disuse.
///
/// # Panics
/// If there is none after 30 seconds.
pub(crate) fn until_rarely<T>(event: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let mut pause = PAUSE;
    until(event, || {
        let answer = ask();
        if answer.is_none() {
            thread::sleep(pause);
            pause *= 2;
        }
        answer
    })
}
