//! What a verification comes to.

use crate::error::BoxError;
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::sign_in_id::SignInId;

/// What became of a credential that was there.
#[derive(Debug)]
pub enum Outcome<C> {
    /// It is good.
    Authenticated(Identity<C>),
    /// It names a known visitor whom nobody has signed in: a cart before login.
    Anonymous(SignInId),
    /// It is no good: expired, revoked, forged, malformed.
    Rejected(Rejection),
    /// Nobody can say: the store or the key source did not answer. The request gets 503.
    Unavailable(BoxError),
}
