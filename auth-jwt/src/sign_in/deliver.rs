//! How tokens reach the client.

use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, Carrier, CookiePolicy, Delivery, Effects, Persistence, RequestCookie,
    SignedIn, Tokens, Visit,
};
use auth_store::Issued;
use http::HeaderValue;

use super::cookies::REFRESH_PREFIX;
use super::desk::SignsIn;
use crate::jwt_auth::JwtAuth;

/// By which ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// The access token: in the body for the client to attach, or in a cookie.
    pub(super) access: Carrier,
    /// The refresh token.
    pub(super) refresh: Delivery,
}

impl<C> JwtAuth<C, SignsIn> {
    /// Makes the access token of a sign-in and queues cookies, or returns what goes into the body.
    /// Without `scopes` it has those of the sign-in.
    pub(super) fn deliver(
        &self,
        issued: &Issued,
        scopes: Option<&[Box<str>]>,
        ways: Ways,
        visit: Visit<'_>,
    ) -> Result<SignedIn, AuthError> {
        let desk = &*self.mode.desk;
        let now = self.base().clock.now();
        let own = issued.details.as_ref().map_or(&[][..], |details| &details.scopes);
        let scopes = scopes.unwrap_or(own);
        let access = desk.access_token(self.own(), issued, scopes, now)?;
        let refresh = format!("{REFRESH_PREFIX}{}", *issued.secret.to_text());

        // The refresh token decides when the access token ends, so both cookies stay as long.
        let max_age = match issued.persistence {
            Persistence::Browser => None,
            Persistence::Device => Some(issued.limits.ends_at.since(now)),
        };
        let mut tokens = Tokens::bearer(access.text.as_str(), access.lasts);
        tokens.scope = (!scopes.is_empty()).then(|| scopes.join(" ").into());
        let cookie = self.base().cookie.as_ref();
        // Both are written before one is queued: a token too long for a cookie changes nothing.
        let access_cookie = match (ways.access, cookie) {
            (Carrier::Ambient, Some(cookie)) => Some(header(cookie, &access.text, max_age)?),
            _ => None,
        };
        match ways.refresh {
            Delivery::Cookie => {
                let value = header(&desk.refresh_cookie, &refresh, max_age)?;
                queue(&desk.refresh_cookie, value, visit);
            }
            Delivery::Body => {
                tokens.refresh_token = Some(refresh.into());
                remove(&desk.refresh_cookie, visit);
            }
        }
        match (cookie, access_cookie) {
            (Some(cookie), Some(value)) => {
                queue(cookie, value, visit);
                if tokens.refresh_token.is_none() {
                    return Ok(SignedIn::by_cookie(issued.sid()));
                }
            }
            (Some(cookie), None) => remove(cookie, visit),
            (None, _) => {}
        }
        visit.turn().effects(Effects::credential_in_body);
        Ok(SignedIn::by_tokens(issued.sid(), tokens))
    }
}

fn header(
    cookie: &CookiePolicy,
    value: &str,
    max_age: Option<Duration>,
) -> Result<HeaderValue, AuthError> {
    let header = cookie.set(value, max_age);
    header.map_err(|error| AuthError::new(AuthErrorKind::TooLarge, error))
}

fn queue(cookie: &CookiePolicy, value: HeaderValue, visit: Visit<'_>) {
    visit.turn().effects(|effects| effects.set_cookie(cookie.name(), value));
}

/// What a cookie carried is replaced by what is in the body.
fn remove(cookie: &CookiePolicy, visit: Visit<'_>) {
    if visit.cookie(cookie.name()) != RequestCookie::Absent {
        queue(cookie, cookie.removal(), visit);
    }
}
