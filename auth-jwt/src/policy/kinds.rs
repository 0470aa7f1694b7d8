//! Kinds of token are exclusive (RFC 8725 section 3.11).

use auth_core::RejectionReason;

use super::build::{Marks, Profile, Validation};
use crate::claims::{MarkClaim, TokenClaims};
use crate::jws::Header;

/// The claim of logout tokens and security events (OpenID Connect Back-Channel Logout 2.4, RFC 8417).
const EVENTS: MarkClaim = MarkClaim::Events;
/// The claims of ID tokens that access tokens have no use for (OpenID Connect Core 2, 3.1.3.6,
/// 3.3.2.11).
const ID_TOKEN: [MarkClaim; 3] =
    [MarkClaim::Nonce, MarkClaim::AccessTokenHash, MarkClaim::CodeHash];

impl Validation {
    /// Whether the header's `typ` fits. A token without one is of no kind in particular.
    pub(crate) fn judge_type(&self, header: &Header<'_>) -> Result<(), RejectionReason> {
        let fits = match &self.profile {
            Profile::Typed(typ) => header.is_one_of(&[typ]),
            Profile::AccessToken | Profile::Own => header.is_one_of(&["at+jwt"]),
            Profile::Plain => header.typ.is_none() || header.is_one_of(&["JWT", "at+jwt"]),
        };
        if fits { Ok(()) } else { Err(RejectionReason::WrongKind) }
    }

    /// Whether the claims are those of another kind. An access token by RFC 9068 says what it is.
    pub(super) fn judge_marks(&self, claims: &TokenClaims<'_>) -> Result<(), RejectionReason> {
        let plain = self.profile == Profile::Plain && self.marks == Marks::Heeded;
        let marked = plain && ID_TOKEN.iter().any(|mark| claims.is_marked(*mark));
        if marked || claims.is_marked(EVENTS) { Err(RejectionReason::WrongKind) } else { Ok(()) }
    }
}
