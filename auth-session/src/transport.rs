//! Finding a session's secret in a request.

use auth_core::{RejectionReason, RequestCookie, RequestHead, SignInContext};
use auth_store::{Secret, SecretKind};

use crate::config::{Bearer, Config};

/// What tells our secrets from other bearer tokens. A JWT begins with `ey`.
pub(crate) const BEARER_PREFIX: &str = "ses_";

/// A credential that was found: what it is used as, and the secret if it is one.
pub(crate) type Presented = (SecretKind, Result<Secret, RejectionReason>);

/// The credential of a request. An `Authorization` header decides if there is one, whoever knows
/// its scheme: then the cookie does not count, and is not looked at.
pub(crate) fn find(config: &Config, head: &RequestHead<'_>) -> Option<Presented> {
    if head.has_authorization() {
        return by_header(config, head.credentials("Bearer")?);
    }
    by_cookie(head.cookie(config.cookie.name()))
}

/// The credential that a request wants to renew, by the same rule.
pub(crate) fn find_again(config: &Config, context: SignInContext<'_>) -> Option<Presented> {
    if context.has_authorization() {
        return by_header(config, context.credentials("Bearer")?);
    }
    by_cookie(context.cookie(config.cookie.name()))
}

pub(crate) fn by_header(config: &Config, token: &[u8]) -> Option<Presented> {
    let text = token.strip_prefix(BEARER_PREFIX.as_bytes())?;
    let secret = Secret::parse(text).ok_or(RejectionReason::Malformed);
    (config.bearer == Bearer::On).then_some((SecretKind::Bearer, secret))
}

pub(crate) fn by_cookie(cookie: RequestCookie<'_>) -> Option<Presented> {
    let secret = match cookie {
        RequestCookie::Absent => return None,
        RequestCookie::One(text) => Secret::parse(text).ok_or(RejectionReason::Malformed),
        RequestCookie::Many => Err(RejectionReason::Duplicate),
    };
    Some((SecretKind::Cookie, secret))
}
