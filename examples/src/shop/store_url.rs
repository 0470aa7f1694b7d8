//! The URL of a store, which may hold a password.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Where sign-ins are kept, as the command line says it. `Debug` leaves everything out that may be
/// a password.
#[derive(Clone)]
pub struct StoreUrl(Box<str>);

impl StoreUrl {
    /// The URL, with the password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether other shops can have the same store.
    pub(super) fn is_shared(&self) -> bool {
        !self.0.starts_with("memory:")
    }
}

/// Any text is taken here. A parser that refuses has the refused text repeated on the screen.
impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(..)")
    }
}
