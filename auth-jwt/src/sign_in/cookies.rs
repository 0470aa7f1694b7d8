//! The cookies of a visit, and the sign-ins that they name.

use auth_core::{
    AuthError, AuthErrorKind, RequestCookie, RequestState, SignInContext, SignInId, Timestamp,
};
use auth_store::{Secret, SecretKind};
use serde::de::DeserializeOwned;

use super::desk::WithSignIn;
use crate::jws::Compact;
use crate::jwt_auth::JwtAuth;
use crate::proven::{OwnToken, TokenSubject};

/// What tells refresh tokens from other secrets.
pub(super) const REFRESH_PREFIX: &str = "ref_";

/// The secret in a refresh token.
pub(super) fn refresh_secret(token: &[u8]) -> Option<Secret> {
    Secret::parse(token.strip_prefix(REFRESH_PREFIX.as_bytes())?)
}

impl<C> JwtAuth<C, WithSignIn> {
    pub(super) fn check_origin(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let checked = context.check_origin(&self.base().cross_site);
        checked.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))
    }

    /// Whether the request came with a cookie of ours.
    pub(super) fn has_cookie(&self, context: SignInContext<'_>) -> bool {
        let has = |name: &str| context.cookie(name) != RequestCookie::Absent;
        let access = self.base().cookie.as_ref();
        has(self.mode.desk.refresh_cookie.name()) || access.is_some_and(|it| has(it.name()))
    }

    /// The secret in the refresh cookie.
    pub(super) fn refresh_cookie_secret(&self, context: SignInContext<'_>) -> Option<Secret> {
        match context.cookie(self.mode.desk.refresh_cookie.name()) {
            RequestCookie::One(token) => refresh_secret(token),
            RequestCookie::Absent | RequestCookie::Many => None,
        }
    }

    /// The living sign-in of a refresh cookie that came beside the token that decided.
    pub(super) async fn cookie_beside(
        &self,
        context: SignInContext<'_>,
    ) -> Result<Option<SignInId>, AuthError> {
        match self.refresh_cookie_secret(context) {
            Some(secret) => {
                self.mode.desk.sign_ins.beside(context.state(), &secret, SecretKind::Refresh).await
            }
            None => Ok(None),
        }
    }

    /// Takes away what the request has of our cookies.
    pub(super) fn remove_cookies(&self, context: SignInContext<'_>) {
        let access = self.base().cookie.as_ref();
        for cookie in access.into_iter().chain([&self.mode.desk.refresh_cookie]) {
            if context.cookie(cookie.name()) != RequestCookie::Absent {
                context
                    .state()
                    .effects(|effects| effects.set_cookie(cookie.name(), cookie.removal_cookie()));
            }
        }
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> JwtAuth<C, WithSignIn> {
    /// The sign-ins that the request can name: by its credential, by the refresh cookie, also an old
    /// one, and by an access token that has ended meanwhile.
    pub(super) async fn named(
        &self,
        context: SignInContext<'_>,
    ) -> Result<Vec<SignInId>, AuthError> {
        let sign_ins = &self.mode.desk.sign_ins;
        let mut named = Vec::from_iter(context.state().sign_in());
        if let Some(secret) = self.refresh_cookie_secret(context)
            && !named.contains(&secret.sid())
        {
            named.extend(sign_ins.resolve(&secret, SecretKind::Refresh).await?);
        }
        let now = self.base().clock.now();
        let decided = is_explicit(context.state()) && context.state().sign_in().is_some();
        if !decided
            && let Some(token) = self.ended_token(context, now)
            && !named.contains(&token.sid)
            && let Some(record) = sign_ins.store().load(&token.sid).await?
            && token.is_of(&record)
        {
            named.push(token.sid);
        }
        Ok(named)
    }

    /// The request's access token, whether or not its time is over.
    fn ended_token(&self, context: SignInContext<'_>, now: Timestamp) -> Option<OwnToken<C>> {
        let header = context.credentials("Bearer").and_then(Compact::find);
        let token =
            header.or_else(|| match context.cookie(self.base().cookie.as_ref()?.name()) {
                RequestCookie::One(token) if !context.has_authorization() => {
                    Some(Compact::split(token))
                }
                _ => None,
            })?;
        let token = token.ok()?;
        let signed = self.base().verifier.check_signature(&token, now).ok()?;
        match signed.check::<C>(&token).ok()?.proven {
            TokenSubject::SignIn(token) => Some(token),
            TokenSubject::Somebody(_) => None,
        }
    }
}

/// Whether the request came by a credential that no other site's page can attach.
pub(super) fn is_explicit(state: &RequestState) -> bool {
    state.transport() == Some(auth_core::Transport::Explicit)
}
