//! Waits for events that each check would delay.

use std::thread;
use std::time::Duration;

use auth_servers::until;

/// The first pause between two checks.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `check` until it returns a value, with a pause that doubles each time. This is for events that
/// each check delays, such as the end of an idle sign-in.
///
/// # Panics
///
/// Panics if there is no value after 30 seconds.
pub(crate) fn until_with_backoff<T>(event: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let mut pause = PAUSE;
    until(event, || {
        let value = check();
        if value.is_none() {
            thread::sleep(pause);
            pause *= 2;
        }
        value
    })
}
