//! Starting, refreshing and ending sessions.
//!
//! What a request may do to stored sign-ins is decided by `SignInRequest` and `SignInManager` in
//! `auth-store`; this module chooses the kind of secret and delivers it.

use std::any::Any;
use std::error::Error;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, ConfigError, Identity, Outcome, ReauthenticateOptions,
    RefreshOptions, RejectionReason, ResponseEffects, SignInBackend, SignInContext, SignInId,
    SignInOptions, SignInResult, SignedIn, StoredSignIns, TokenResponse, Transport,
};
use auth_store::{IssuedSecret, NewSignIn, RefreshError, SecondarySignIn, SecretKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::session_auth::{self, BEARER_PREFIX, Bearer, Config, SessionAuth};

#[async_trait]
impl<C> SignInBackend<C> for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        SecretKind::Cookie.scheme()
    }

    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Ambient || self.config.bearer == Bearer::On
    }

    fn supports_pending(&self) -> bool {
        true
    }

    fn supports_acting(&self) -> bool {
        true
    }

    async fn sign_in(&self, context: SignInContext<'_>, options: SignInOptions<C>) -> SignInResult {
        let kind = match options.transport {
            Some(Transport::Explicit) if self.config.bearer == Bearer::Off => {
                return Err(ConfigError::UnsupportedTransport.into());
            }
            Some(Transport::Explicit) => SecretKind::Bearer,
            Some(Transport::Ambient) | None => SecretKind::Cookie,
        };
        let (config, request) = (&*self.config, self.config.request(context));
        if kind == SecretKind::Cookie {
            request.check_cookie_delivery()?;
        } else if request.has_cookie() {
            request.check_origin()?;
        }
        let new = NewSignIn::of(kind, &options, context.user_agent())?;
        let secondary = match request.secondary_sign_in().await? {
            Some(id) => SecondarySignIn::Replace(id),
            None => SecondarySignIn::None,
        };
        let deliver = |issued: &IssuedSecret, ()| {
            let signed_in = config.deliver(issued, context)?;
            Ok(signed_in.identity(issued.identity(options.principal, kind.scheme())))
        };
        config.sign_ins.sign_in_with(context.state(), &new, secondary, |_| Ok(()), deliver).await
    }

    async fn reauthenticate(
        &self,
        context: SignInContext<'_>,
        options: &ReauthenticateOptions,
    ) -> SignInResult {
        let (config, request) = (&*self.config, self.config.request(context));
        if context.state().transport() == Some(Transport::Ambient) {
            request.check_cookie_delivery()?;
        }
        let deliver = |issued: &IssuedSecret, ()| {
            let signed_in = config.deliver(issued, context)?;
            Ok(issued.identify::<C>(signed_in, issued.kind.scheme()))
        };
        config.sign_ins.reauthenticate_with(context.state(), options, |_| Ok(()), deliver).await
    }

    /// Replaces the secret of a session. Its scopes are those of its sign-in, so a request for some
    /// of them is refused.
    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        let config = &*self.config;
        let found = match options.token.as_deref() {
            Some(token) => config.in_header(token.as_bytes()),
            None => config.find_again(context),
        };
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no session");
        let (kind, secret) = found.ok_or_else(none)?;
        if kind == SecretKind::Cookie {
            config.request(context).check_cookie_delivery()?;
        }
        let secret = secret.map_err(|_| none())?;
        if options.scopes.is_some() {
            return Err(AuthError::new(
                AuthErrorKind::InvalidScope,
                "the scopes of a session are those of its sign-in",
            ));
        }
        let is_other = context.state().sign_in() != Some(secret.id());
        let issued = match config.sign_ins.refresh(context, &secret, kind, |_| Ok(())).await {
            Ok(issued) => issued,
            // Another request has refreshed this cookie a moment ago, and the browser has the result.
            Err(error) if kind == SecretKind::Cookie && !is_other && is_rotated(&error) => {
                return Ok(SignedIn::by_cookie(secret.id()));
            }
            Err(error) => return Err(error),
        };
        let refreshed = config.deliver(&issued, context)?;
        Ok(if is_other { issued.identify::<C>(refreshed, kind.scheme()) } else { refreshed })
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        self.config.request(context).on_superseded(old).await
    }

    fn supports_anonymous(&self) -> bool {
        true
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.config.request(context).check_sign_out()
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let request = self.config.request(context);
        request.check_sign_out()?;
        let header = match context.credentials("Bearer").and_then(|it| self.config.in_header(it)) {
            Some((kind, Ok(secret))) => Some((kind, secret)),
            _ => None,
        };
        request.sign_out(&request.named_sign_ins(header).await?).await
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        &self.config.sign_ins
    }

    fn revalidate(&self, context: SignInContext<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        match self.config.find_again(context) {
            Some((kind, Ok(secret))) => self.config.sign_ins.revalidate(secret, kind),
            Some((kind, Err(reason))) => session_auth::rejected(kind, reason).into(),
            None => session_auth::rejected(SecretKind::Cookie, RejectionReason::Unknown).into(),
        }
    }

    /// Sets a cookie again, because the browser would delete it before the sign-in ends: browsers keep no
    /// cookie for more than 400 days.
    async fn renew(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let config = &*self.config;
        if let Some((SecretKind::Cookie, Ok(secret))) = config.find_again(context)
            && let Some(issued) =
                config.sign_ins.reissue(context.state(), secret, SecretKind::Cookie).await?
        {
            config.deliver(&issued, context).map(drop)?;
        }
        Ok(())
    }

    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.session_backend)
    }
}

/// Returns whether a refresh was refused because the secret was refreshed a moment ago.
fn is_rotated(error: &AuthError) -> bool {
    let refused = error.source().and_then(|source| source.downcast_ref::<RefreshError>());
    refused.is_some_and(|refused| refused.reason == RejectionReason::Rotated)
}

impl Config {
    /// Gives the secret to the client, by the transport of its kind.
    fn deliver(
        &self,
        issued: &IssuedSecret,
        context: SignInContext<'_>,
    ) -> Result<SignedIn, AuthError> {
        if issued.kind.completed() == SecretKind::Cookie {
            let mut set = Ok(());
            context.state().effects(|effects| set = self.set_cookie(issued, effects));
            context.remove_other_scopes(&self.cookie);
            return set.map(|()| SignedIn::by_cookie(issued.id()));
        }
        self.request(context).remove_cookies(); // the token replaces what they carried
        context.state().effects(ResponseEffects::credential_in_body);
        let token = format!("{BEARER_PREFIX}{}", *issued.secret.to_text());
        let tokens = TokenResponse::bearer(token, issued.remaining(self.now()));
        Ok(SignedIn::by_tokens(issued.id(), tokens))
    }
}
