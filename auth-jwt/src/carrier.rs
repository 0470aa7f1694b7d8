//! Finding a token in a request.

use auth_core::{Carrier, CookiePolicy, Head, Reason, RequestCookie};

use crate::jws::Compact;

/// A token that was found: how it came, and its parts if it has the form of one.
pub(crate) type Presented<'a> = (Carrier, Result<Compact<'a>, Reason>);

/// The token of a request. An `Authorization` header decides if there is one, whoever knows its
/// scheme: then the cookie does not count, and is not looked at.
pub(crate) fn find<'a>(head: &Head<'a>, cookie: Option<&CookiePolicy>) -> Option<Presented<'a>> {
    if head.has_authorization() {
        let token = head.credentials("Bearer").and_then(Compact::find)?;
        return Some((Carrier::Explicit, token));
    }
    let token = match head.cookie(cookie?.name()) {
        RequestCookie::Absent => return None,
        RequestCookie::One(token) => Compact::split(token),
        RequestCookie::Many => Err(Reason::Duplicate),
    };
    Some((Carrier::Ambient, token))
}
