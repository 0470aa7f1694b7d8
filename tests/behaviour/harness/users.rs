//! The users of the application, which its check of a user looks at.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use auth_core::BoxError;
use auth_store::UserCheck;
use parking_lot::Mutex;

/// A table of users. One that is not in it is active and has no password.
#[derive(Default)]
pub(crate) struct Users {
    passwords: Mutex<HashMap<String, Option<String>>>,
    is_down: AtomicBool,
    checks: AtomicUsize,
}

impl Users {
    pub(crate) fn disable(&self, name: &str) {
        self.passwords.lock().insert(name.to_owned(), None);
    }

    pub(crate) fn set_password(&self, name: &str, password: &str) {
        self.passwords.lock().insert(name.to_owned(), Some(password.to_owned()));
    }

    /// Makes the table answer no check, or answer again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Returns the number of checks since the last call.
    pub(crate) fn take_checks(&self) -> usize {
        self.checks.swap(0, Ordering::SeqCst)
    }

    /// Returns the check of a user.
    pub(crate) fn check(
        self: &Arc<Self>,
    ) -> impl Fn(UserCheck) -> Ready<Result<bool, BoxError>> + Send + Sync + 'static + use<> {
        let users = Arc::clone(self);
        move |user| {
            users.checks.fetch_add(1, Ordering::SeqCst);
            if users.is_down.load(Ordering::SeqCst) {
                return ready(Err("the table of users does not answer".into()));
            }
            ready(Ok(match users.passwords.lock().get(&*user.subject) {
                None => true,
                Some(None) => false,
                Some(password) => password.as_deref() == user.auth_hash.as_deref(),
            }))
        }
    }
}
