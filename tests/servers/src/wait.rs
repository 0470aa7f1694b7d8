//! Waits for a condition that another process brings about.
//!
//! A test asks again after short pauses, and fails after 30 seconds.

use std::thread;
use std::time::Duration;

use auth_core::Clock;

const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Calls a closure until it returns a value, and returns it.
///
/// # Panics
///
/// Panics if there is none after 30 seconds.
pub fn until<T>(event: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let start = clock.now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock.now().since(start) < DEADLINE, "waited {DEADLINE:?} until {event}");
        thread::sleep(PAUSE);
    }
}
