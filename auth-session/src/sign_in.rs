//! Starting and ending sign-ins, by a session.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, BoxFuture, ConfigError, EndReason, Identity, Outcome,
    Principal, RefreshOptions, RejectionReason, RequestCookie, Revoke, SignInBackend,
    SignInContext, SignInId, SignInInfo, SignInOptions, SignedIn, Timestamp, TokenResponse,
    Transport,
};
use auth_store::{IssuedSecret, NewSignIn, SecondarySignIn, SecretKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authenticator;
use crate::config::{Bearer, Config};
use crate::session_auth::SessionAuth;
use crate::transport::{self, BEARER_PREFIX};

#[async_trait]
impl<C> SignInBackend<C> for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Ambient || self.config.bearer == Bearer::On
    }

    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let kind = match options.transport {
            Some(Transport::Explicit) if self.config.bearer == Bearer::Off => {
                return Err(ConfigError::UnsupportedTransport.into());
            }
            Some(Transport::Explicit) => SecretKind::Bearer,
            Some(Transport::Ambient) | None => SecretKind::Cookie,
        };
        let config = &*self.config;
        if kind == SecretKind::Cookie || config.has_cookie(context) {
            config.check_origin(context)?;
        }
        let new = NewSignIn::of(kind, principal, options, context.user_agent())?;
        let beside = config
            .cookie_beside(context)
            .await?
            .map_or(SecondarySignIn::Nothing, SecondarySignIn::Ends);
        let deliver = |issued: &IssuedSecret, ()| config.deliver(issued, context);
        config.sign_ins.sign_in_with(context.state(), &new, beside, |_| Ok(()), deliver).await
    }

    /// A session has the scopes of its sign-in, so to ask for some of them is asking too much of it.
    async fn refresh(
        &self,
        context: SignInContext<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let config = &*self.config;
        let presented = match options.token.as_deref() {
            Some(token) => transport::by_header(config, token.as_bytes()),
            None => transport::find_again(config, context),
        };
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no session");
        let (kind, secret) = presented.ok_or_else(none)?;
        if kind == SecretKind::Cookie {
            config.check_origin(context)?;
        }
        let secret = secret.map_err(|_| none())?;
        if options.scopes.is_some() {
            return Err(AuthError::new(
                AuthErrorKind::InvalidScope,
                "a session's scopes are its sign-in's",
            ));
        }
        let issued = config.sign_ins.refresh(context.state(), &secret, kind, |_| Ok(())).await?;
        config.deliver(&issued, context)
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        let config = &*self.config;
        if let Some(old) = old.filter(|old| context.state().sign_in() != Some(*old)) {
            config.sign_ins.end(&old).await?;
        }
        if config.has_cookie(context) && config.check_origin(context).is_ok() {
            if let Some(sid) = config.cookie_beside(context).await? {
                config.sign_ins.end(&sid).await?;
            }
            config.remove_cookie(context);
        }
        Ok(())
    }

    fn supports_anonymous(&self) -> bool {
        true
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        // A browser leaves the cookie out of another site's request: that looks like a visitor's.
        if self.config.has_cookie(context)
            || context.state().transport() != Some(Transport::Explicit)
        {
            self.config.check_origin(context)?;
        }
        Ok(())
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.check_sign_out(context)?;
        let config = &*self.config;
        for sid in config.named(context).await? {
            config.sign_ins.end(&sid).await?;
        }
        if config.has_cookie(context) {
            config.remove_cookie(context);
        }
        if let Some(value) = &config.clear_site_data {
            context.state().effects(|effects| effects.clear_site_data(value.clone()));
        }
        Ok(())
    }

    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        self.config.sign_ins.list(subject).await
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        self.config.sign_ins.revoke(subject, which).await
    }

    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
    ) -> BoxFuture<EndReason> {
        self.config.sign_ins.ended(sign_in, authenticated_at)
    }

    fn revalidate(&self, context: SignInContext<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        match transport::find_again(&self.config, context) {
            Some((kind, Ok(secret))) => authenticator::ask_the_store(&self.config, secret, kind),
            Some((kind, Err(reason))) => authenticator::rejected(kind, reason).into(),
            None => authenticator::rejected(SecretKind::Cookie, RejectionReason::Unknown).into(),
        }
    }

    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.host)
    }
}

impl Config {
    fn check_origin(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let checked = context.check_origin(&self.cross_site);
        checked.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))
    }

    fn has_cookie(&self, context: SignInContext<'_>) -> bool {
        context.cookie(self.cookie.name()) != RequestCookie::Absent
    }

    /// The sign-ins that the request can name: a sign-out that comes late counts.
    async fn named(&self, context: SignInContext<'_>) -> Result<Vec<SignInId>, AuthError> {
        let header =
            context.credentials("Bearer").and_then(|token| transport::by_header(self, token));
        let cookie = transport::by_cookie(context.cookie(self.cookie.name()));
        let mut named = Vec::from_iter(context.state().sign_in());
        for (kind, secret) in header.into_iter().chain(cookie) {
            let Ok(secret) = secret else { continue };
            if !named.contains(&secret.sid()) {
                named.extend(self.sign_ins.resolve(&secret, kind).await?);
            }
        }
        Ok(named)
    }

    /// The living sign-in of a cookie that came beside the credential that decided.
    async fn cookie_beside(
        &self,
        context: SignInContext<'_>,
    ) -> Result<Option<SignInId>, AuthError> {
        match transport::by_cookie(context.cookie(self.cookie.name())) {
            Some((kind, Ok(secret))) => self.sign_ins.beside(context.state(), &secret, kind).await,
            _ => Ok(None),
        }
    }

    fn remove_cookie(&self, context: SignInContext<'_>) {
        let removal = self.cookie.removal_cookie();
        context.state().effects(|effects| effects.set_cookie(self.cookie.name(), removal));
    }

    /// Gives the secret to the client, by the carrier of its kind.
    fn deliver(
        &self,
        issued: &IssuedSecret,
        context: SignInContext<'_>,
    ) -> Result<SignedIn, AuthError> {
        if issued.kind == SecretKind::Cookie {
            let mut set = Ok(());
            context.state().effects(|effects| set = self.set_cookie(issued, effects));
            return set.map(|()| SignedIn::by_cookie(issued.sid()));
        }
        if self.has_cookie(context) {
            self.remove_cookie(context); // what it carried has moved into the token
        }
        context.state().effects(auth_core::ResponseEffects::credential_in_body);
        let token = format!("{BEARER_PREFIX}{}", *issued.secret.to_text());
        Ok(SignedIn::by_tokens(issued.sid(), TokenResponse::bearer(token, self.remaining(issued))))
    }
}
