//! How tokens reach the client.

use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, CookiePolicy, Persistence, RefreshTokenDelivery, ResponseEffects,
    SignInContext, SignedIn, TokenResponse, Transport,
};
use auth_store::IssuedSecret;
use http::HeaderValue;
use serde::Serialize;

use super::access::AccessToken;
use super::cookies::REFRESH_PREFIX;
use super::desk::WithSignIn;
use crate::jws::MAX_BYTES;
use crate::jwt_auth::JwtAuth;

/// What a token says beside roles and claims, and its signature, in bytes: with a long issuer and
/// audience, acr, amr and scopes, and RSA with 4096 bits.
const BESIDE: usize = 1200;
/// What a browser keeps of a cookie, its name included.
const MOST_IN_COOKIE: usize = 4000;

/// By which ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeliveryPlan {
    /// The access token: in the body for the client to attach, or in a cookie.
    pub(super) access: Transport,
    /// The refresh token.
    pub(super) refresh: RefreshTokenDelivery,
}

impl DeliveryPlan {
    /// For clients that are no browsers.
    pub(super) const IN_BODY: Self =
        Self { access: Transport::Explicit, refresh: RefreshTokenDelivery::Body };
}

/// An access token that can go its way.
pub(super) struct Access {
    token: AccessToken,
    scopes: Box<[Box<str>]>,
    /// The cookie that carries it.
    cookie: Option<HeaderValue>,
}

impl<C> JwtAuth<C, WithSignIn> {
    /// Makes the access token of a sign-in. Without `scopes` it has those of the sign-in.
    pub(super) fn access(
        &self,
        issued: &IssuedSecret,
        scopes: Option<&[Box<str>]>,
        ways: DeliveryPlan,
    ) -> Result<Access, AuthError> {
        let own = issued.details.as_ref().map_or(&[][..], |details| &details.scopes);
        let scopes: Box<[_]> = scopes.unwrap_or(own).into();
        let now = self.base().clock.now();
        let token = self.mode.desk.access_token(self.own(), issued, &scopes, now)?;
        let cookie = match (ways.access, &self.base().cookie) {
            (Transport::Ambient, Some(cookie)) => {
                Some(header(cookie, &token.text, self.max_age(issued))?)
            }
            _ => None,
        };
        Ok(Access { token, scopes, cookie })
    }

    /// Whether a token has room for these claims, as far as can be known before its sign-in is.
    pub(super) fn check_room<T: Serialize>(
        &self,
        subject: &str,
        roles: &[Box<str>],
        claims: &T,
    ) -> Result<(), AuthError> {
        let encoded = auth_store::encode(roles, claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let bytes = (subject.len() + encoded.len() + BESIDE) * 4 / 3;
        let by_cookie = self.base().cookie.is_some();
        let most = if by_cookie { MOST_IN_COOKIE } else { MAX_BYTES };
        if bytes > most {
            return Err(AuthError::new(
                AuthErrorKind::TooLarge,
                "claims that no token has room for",
            ));
        }
        Ok(())
    }

    /// Queues the cookies, and returns what goes into the body.
    pub(super) fn deliver(
        &self,
        issued: &IssuedSecret,
        access: Access,
        ways: DeliveryPlan,
        context: SignInContext<'_>,
    ) -> Result<SignedIn, AuthError> {
        let refresh = format!("{REFRESH_PREFIX}{}", *issued.secret.to_text());
        let Access { token, scopes, cookie } = access;
        let mut tokens = TokenResponse::bearer(token.text, token.lasts);
        tokens.scope = (!scopes.is_empty()).then(|| scopes.join(" ").into());
        match ways.refresh {
            RefreshTokenDelivery::Cookie => {
                let policy = &self.mode.desk.refresh_cookie;
                queue(policy, header(policy, &refresh, self.max_age(issued))?, context);
            }
            RefreshTokenDelivery::Body => tokens.refresh_token = Some(refresh.into()),
        }
        if let (Some(policy), Some(cookie)) = (&self.base().cookie, cookie) {
            queue(policy, cookie, context);
            return Ok(SignedIn::by_cookie(issued.sid()));
        }
        context.state().effects(ResponseEffects::credential_in_body);
        Ok(SignedIn::by_tokens(issued.sid(), tokens))
    }

    /// For how long a browser keeps the cookies. The refresh token decides when the access token
    /// ends, so both stay as long.
    fn max_age(&self, issued: &IssuedSecret) -> Option<Duration> {
        match issued.persistence {
            Persistence::Session => None,
            Persistence::Persistent => Some(issued.limits.ends_at.since(self.base().clock.now())),
        }
    }
}

fn header(
    cookie: &CookiePolicy,
    value: &str,
    max_age: Option<Duration>,
) -> Result<HeaderValue, AuthError> {
    let header = cookie.set_cookie(value, max_age);
    header.map_err(|error| AuthError::new(AuthErrorKind::TooLarge, error))
}

fn queue(cookie: &CookiePolicy, value: HeaderValue, context: SignInContext<'_>) {
    context.state().effects(|effects| effects.set_cookie(cookie.name(), value));
}
