//! Delivering tokens to the client: in cookies, or in the response's body.
//!
//! A [`DeliveryPlan`] chooses between the two for the access token and for the refresh token.

use auth_core::{
    AuthError, AuthErrorKind, CookiePolicy, RefreshTokenDelivery, ResponseEffects, SignInContext,
    SignedIn, TokenResponse, Transport,
};
use auth_store::IssuedSecret;
use http::HeaderValue;
use serde::Serialize;

use super::access_token::{AccessToken, Roles};
use super::issuer::WithSignIn;
use super::pending::PENDING_PREFIX;
use crate::jwt_auth::JwtAuth;

/// The prefix that distinguishes refresh tokens from other secrets.
pub(super) const REFRESH_PREFIX: &str = "ref_";
/// The size of a token without roles and claims, in bytes: a long issuer and audience, acr, amr and
/// scopes, and a signature by RSA with 4096 bits.
const OVERHEAD: usize = 1200;
/// The largest cookie that browsers store, including its name.
const MAX_COOKIE_BYTES: usize = 4000;

/// How the tokens of a sign-in are delivered.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeliveryPlan {
    /// How the access token is delivered: in the body for the client to attach, or in a cookie.
    pub(super) access: Transport,
    /// How the refresh token is delivered.
    pub(super) refresh: RefreshTokenDelivery,
}

impl DeliveryPlan {
    /// For clients other than browsers.
    pub(super) const IN_BODY: Self =
        Self { access: Transport::Explicit, refresh: RefreshTokenDelivery::Body };
}

/// An access token that is ready to be delivered.
pub(super) struct Access {
    token: AccessToken,
    scopes: Box<[Box<str>]>,
    /// The cookie that carries it, if one does.
    cookie: Option<HeaderValue>,
}

impl<C> JwtAuth<C, WithSignIn> {
    /// Issues an access token of a sign-in that continues. The user may have got so many roles meanwhile that a token
    /// has no room for them. It then has none, so that the user stays signed in: this backend reads them from the
    /// store, and services without the store refuse what needs them. Claims are never left out, because one of them may
    /// restrict the user.
    pub(super) fn renewed_access(
        &self,
        issued: &IssuedSecret,
        scopes: Option<&[Box<str>]>,
        plan: DeliveryPlan,
    ) -> Result<Access, AuthError> {
        match self.access(Roles::Included, issued, scopes, plan) {
            Err(error) if error.kind() == AuthErrorKind::TooLarge => {
                let (sign_in, subject) = (issued.id(), issued.subject.as_deref());
                let error = &error as &dyn std::error::Error;
                tracing::warn!(subject, %sign_in, error, "roles left out of a token");
                self.access(Roles::LeftOut, issued, scopes, plan)
            }
            access => access,
        }
    }

    /// Issues an access token. Without `scopes` it has those of the sign-in.
    pub(super) fn access(
        &self,
        roles: Roles,
        issued: &IssuedSecret,
        scopes: Option<&[Box<str>]>,
        plan: DeliveryPlan,
    ) -> Result<Access, AuthError> {
        let own = issued.details.as_ref().map_or(&[][..], |details| &details.scopes);
        let scopes: Box<[_]> = scopes.unwrap_or(own).into();
        let now = self.base().clock.now();
        let max_bytes = self.base().max_issued_bytes();
        let token =
            self.mode.issuer.access_token(self.own(), (issued, roles), &scopes, max_bytes, now)?;
        let cookie = match (plan.access, &self.base().cookie) {
            (Transport::Ambient, Some(cookie)) => {
                Some(self.set_cookie(cookie, &token.text, issued)?)
            }
            _ => None,
        };
        Ok(Access { token, scopes, cookie })
    }

    /// Checks that a token has room for these claims, as far as can be known before the sign-in
    /// exists.
    pub(super) fn check_size<T: Serialize>(
        &self,
        subject: &str,
        roles: &[&str],
        claims: &T,
    ) -> Result<(), AuthError> {
        let roles: Vec<Box<str>> = roles.iter().map(|role| (*role).into()).collect();
        let encoded = auth_store::encode(&roles, claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let bytes = (subject.len() + encoded.len() + OVERHEAD) * 4 / 3;
        let by_cookie = self.base().cookie.is_some();
        let max = if by_cookie { MAX_COOKIE_BYTES } else { self.base().max_issued_bytes() };
        if bytes > max {
            return Err(AuthError::new(
                AuthErrorKind::TooLarge,
                "the claims are too large for a token",
            ));
        }
        Ok(())
    }

    /// Adds the cookies to the response, and returns what goes into the body.
    pub(super) fn deliver(
        &self,
        issued: &IssuedSecret,
        access: Access,
        plan: DeliveryPlan,
        context: SignInContext<'_>,
    ) -> Result<SignedIn, AuthError> {
        let refresh = format!("{REFRESH_PREFIX}{}", *issued.secret.to_text());
        let Access { token, scopes, cookie } = access;
        let mut tokens = TokenResponse::bearer(token.text, token.lifetime);
        tokens.scope = (!scopes.is_empty()).then(|| scopes.join(" ").into());
        match plan.refresh {
            RefreshTokenDelivery::Cookie => {
                let policy = &self.mode.issuer.refresh_cookie;
                queue(policy, self.set_cookie(policy, &refresh, issued)?, context);
            }
            RefreshTokenDelivery::Body => tokens.refresh_token = Some(refresh.into()),
        }
        if let (Some(policy), Some(cookie)) = (&self.base().cookie, cookie) {
            queue(policy, cookie, context);
            return Ok(SignedIn::by_cookie(issued.id()));
        }
        context.state().effects(ResponseEffects::credential_in_body);
        Ok(SignedIn::by_tokens(issued.id(), tokens))
    }

    /// Delivers the credential of a pending sign-in where the access token would be. There is no refresh token.
    pub(super) fn deliver_pending(
        &self,
        issued: &IssuedSecret,
        plan: DeliveryPlan,
        context: SignInContext<'_>,
    ) -> Result<SignedIn, AuthError> {
        let token = format!("{PENDING_PREFIX}{}", *issued.secret.to_text());
        if let (Transport::Ambient, Some(policy)) = (plan.access, &self.base().cookie) {
            queue(policy, self.set_cookie(policy, &token, issued)?, context);
            return Ok(SignedIn::by_cookie(issued.id()));
        }
        context.state().effects(ResponseEffects::credential_in_body);
        let remaining = issued.remaining(self.base().clock.now());
        Ok(SignedIn::by_tokens(issued.id(), TokenResponse::bearer(token, remaining)))
    }

    /// Returns the `Set-Cookie` header of one of the two cookies. The refresh token decides when the access
    /// token can be replaced, so the browser keeps both equally long.
    fn set_cookie(
        &self,
        policy: &CookiePolicy,
        value: &str,
        issued: &IssuedSecret,
    ) -> Result<HeaderValue, AuthError> {
        let now = self.base().clock.now();
        let header = policy.set_cookie(value, issued.cookie_max_age(now), now);
        header.map_err(|error| AuthError::new(AuthErrorKind::TooLarge, error))
    }
}

fn queue(policy: &CookiePolicy, value: HeaderValue, context: SignInContext<'_>) {
    context.state().effects(|effects| effects.set_cookie(policy, value));
    context.remove_other_scopes(policy);
}
