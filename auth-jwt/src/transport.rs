//! Finding a token in a request.

#[cfg(feature = "sign-in")]
use auth_core::SignInContext;
use auth_core::{CookiePolicy, RejectionReason, RequestCookie, RequestHead, Transport};

use crate::jws::Compact;

/// A token that was found: how it came, and its parts if it has the form of one.
pub(crate) type Presented<'a> = (Transport, Result<Compact<'a>, RejectionReason>);

/// The token of a request. An `Authorization` header decides if there is one, whoever knows its
/// scheme: then the cookie does not count, and is not looked at.
pub(crate) fn find<'a>(
    head: &RequestHead<'a>,
    cookie: Option<&CookiePolicy>,
) -> Option<Presented<'a>> {
    if head.has_authorization() {
        return by_header(head.credentials("Bearer")?);
    }
    by_cookie(head.cookie(cookie?.name()))
}

/// The token of a request that goes on, by the same rule.
#[cfg(feature = "sign-in")]
pub(crate) fn find_again<'a>(
    context: SignInContext<'a>,
    cookie: Option<&CookiePolicy>,
) -> Option<Presented<'a>> {
    if context.has_authorization() {
        return by_header(context.credentials("Bearer")?);
    }
    by_cookie(context.cookie(cookie?.name()))
}

fn by_header(token: &[u8]) -> Option<Presented<'_>> {
    Some((Transport::Explicit, Compact::find(token)?))
}

fn by_cookie(cookie: RequestCookie<'_>) -> Option<Presented<'_>> {
    let token = match cookie {
        RequestCookie::Absent => return None,
        RequestCookie::One(token) => Compact::split(token),
        RequestCookie::Many => Err(RejectionReason::Duplicate),
    };
    Some((Transport::Ambient, token))
}
