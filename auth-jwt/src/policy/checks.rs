//! What the application checks itself.

use std::fmt;
use std::sync::Arc;

use auth_core::{Claims, RejectionReason};

/// A check of the application's.
pub(super) type Check = Arc<dyn Fn(&Claims) -> Result<(), &'static str> + Send + Sync>;

/// The checks of a policy, and all that one token says: they run at each use of it, because their
/// answer may change.
pub(crate) struct Checks {
    checks: Arc<[Check]>,
    claims: Claims,
}

impl Checks {
    /// None if the application checks nothing.
    pub(super) fn of(checks: &Arc<[Check]>, json: &str) -> Result<Option<Self>, RejectionReason> {
        if checks.is_empty() {
            return Ok(None);
        }
        let claims = serde_json::from_str(json).map_err(|_| RejectionReason::Malformed)?;
        Ok(Some(Self { checks: Arc::clone(checks), claims }))
    }

    pub(crate) fn run(&self) -> Result<(), RejectionReason> {
        self.checks.iter().try_for_each(|check| check(&self.claims)).map_err(RejectionReason::Other)
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").field("count", &self.checks.len()).finish_non_exhaustive()
    }
}
