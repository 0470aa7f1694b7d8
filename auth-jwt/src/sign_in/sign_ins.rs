//! Starting and ending sign-ins, by tokens.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, BoxFuture, ConfigError, CookiePolicy, EndReason,
    Identity, Outcome, Principal, RefreshOptions, RefreshTokenDelivery, RejectionReason,
    RequestCookie, Revoke, SignInBackend, SignInContext, SignInId, SignInInfo, SignInOptions,
    SignedIn, Timestamp, Transport,
};
use auth_store::{IssuedSecret, NewSignIn, SecondarySignIn, SecretKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access;
use super::cookies::{is_explicit, refresh_secret};
use super::deliver::{Access, DeliveryPlan};
use super::desk::WithSignIn;
use super::standing;
use crate::authenticator::rejected;
use crate::jwt_auth::JwtAuth;
use crate::transport;

#[async_trait]
impl<C> SignInBackend<C> for JwtAuth<C, WithSignIn>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Explicit || self.base().cookie.is_some()
    }

    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let ways = self.ways(options)?;
        if ways.refresh == RefreshTokenDelivery::Cookie || self.has_cookie(context) {
            self.check_origin(context)?;
        }
        access::check(&principal.claims)?;
        let new = NewSignIn::of(SecretKind::Refresh, principal, options, context.user_agent())?;
        let sign_ins = &self.mode.desk.sign_ins;
        // Without a token that decided, the cookie's sign-in goes on: the access token has ended, or
        // the page was loaded anew.
        let beside = match (self.cookie_beside(context).await?, context.state().sign_in()) {
            (None, _) => SecondarySignIn::Nothing,
            (Some(sid), None) => SecondarySignIn::GoesOn(sid),
            (Some(sid), Some(_)) => SecondarySignIn::Ends(sid),
        };
        let prepare = |issued: &IssuedSecret| self.access(issued, None, ways);
        let deliver = |issued: &IssuedSecret, access: Access| {
            self.remove_cookies(context); // what they carried has ended, or moved
            self.deliver(issued, access, ways, context)
        };
        sign_ins.sign_in_with(context.state(), &new, beside, prepare, deliver).await
    }

    /// By the refresh token in the body, or else by the one in the cookie, also beside an access
    /// token: that one renews nothing. Each token comes by the way that it came before: a client without
    /// an access cookie asked for an access token to attach.
    async fn refresh(
        &self,
        context: SignInContext<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no refresh token");
        let (secret, ways) = match &options.token {
            Some(token) => (refresh_secret(token.as_bytes()), DeliveryPlan::IN_BODY),
            None => (self.refresh_cookie_secret(context), self.ways_by_cookie(context)),
        };
        let secret = secret.ok_or_else(none)?;
        let same = self.refresh_cookie_secret(context).is_some_and(|it| it.sid() == secret.sid());
        if ways.refresh == RefreshTokenDelivery::Cookie || same {
            self.check_origin(context)?;
        }
        let scopes = options.scopes.as_deref();
        let mut access = None;
        let prepare = |issued: &IssuedSecret| {
            check_scopes(issued, scopes)?;
            access = Some(self.access(issued, scopes, ways)?);
            Ok(())
        };
        let sign_ins = &self.mode.desk.sign_ins;
        let issued =
            sign_ins.refresh(context.state(), &secret, SecretKind::Refresh, prepare).await?;
        if ways.refresh == RefreshTokenDelivery::Body && same {
            self.remove_cookies(context);
        }
        self.deliver(&issued, access.ok_or_else(none)?, ways, context)
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        let sign_ins = &self.mode.desk.sign_ins;
        if let Some(old) = old.filter(|old| context.state().sign_in() != Some(*old)) {
            sign_ins.end(&old).await?;
        }
        if self.has_cookie(context) && self.check_origin(context).is_ok() {
            if let Some(sid) = self.cookie_beside(context).await? {
                sign_ins.end(&sid).await?;
            }
            self.remove_cookies(context);
        }
        Ok(())
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        // A browser leaves a strict cookie out of another site's request, which looks like nobody's.
        if self.has_cookie(context) || !is_explicit(context.state()) {
            self.check_origin(context)?;
        }
        Ok(())
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.check_sign_out(context)?;
        for sid in self.named(context).await? {
            self.mode.desk.sign_ins.end(&sid).await?;
        }
        self.remove_cookies(context);
        if let Some(value) = &self.mode.desk.clear_site_data {
            context.state().effects(|effects| effects.clear_site_data(value.clone()));
        }
        Ok(())
    }

    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        self.mode.desk.sign_ins.list(subject).await
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        self.mode.desk.sign_ins.revoke(subject, which).await
    }

    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
    ) -> BoxFuture<EndReason> {
        self.mode.desk.sign_ins.ended(sign_in, authenticated_at)
    }

    fn revalidate(&self, context: SignInContext<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        let now = self.base().clock.now();
        let verified = match transport::find_again(context, self.base().cookie.as_ref()) {
            Some((_, token)) => token.and_then(|token| self.config.verify(&token, now)),
            None => Err(RejectionReason::Unknown),
        };
        match verified {
            Ok(verified) => standing::ask_the_store(&self.mode, verified, now),
            Err(reason) => rejected(reason).into(),
        }
    }

    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.mode.host)
    }
}

impl<C> JwtAuth<C, WithSignIn> {
    /// By which ways tokens go that somebody asked for so.
    fn ways(&self, options: &SignInOptions) -> Result<DeliveryPlan, AuthError> {
        let by_cookie = self.base().cookie.is_some();
        let access = match options.transport {
            Some(transport) => transport,
            None if by_cookie => Transport::Ambient,
            None => Transport::Explicit,
        };
        let refresh = match (access, options.delivery) {
            (Transport::Ambient, None | Some(RefreshTokenDelivery::Cookie)) if by_cookie => {
                RefreshTokenDelivery::Cookie
            }
            // Scripts are not given what a cookie keeps from them.
            (Transport::Ambient, _) => return Err(ConfigError::UnsupportedTransport.into()),
            (Transport::Explicit, delivery) => delivery.unwrap_or(self.mode.desk.delivery),
        };
        Ok(DeliveryPlan { access, refresh })
    }

    /// By which ways tokens go to a client that sent the refresh token in its cookie. The access
    /// cookie stays as long as that one, so it is there if it is used.
    fn ways_by_cookie(&self, context: SignInContext<'_>) -> DeliveryPlan {
        let has = |cookie: &CookiePolicy| context.cookie(cookie.name()) != RequestCookie::Absent;
        let by_cookie = self.base().cookie.as_ref().is_some_and(has);
        let access = if by_cookie { Transport::Ambient } else { Transport::Explicit };
        DeliveryPlan { access, refresh: RefreshTokenDelivery::Cookie }
    }
}

/// Whether the sign-in has the scopes that a refresh asks for (RFC 6749 section 6).
fn check_scopes(issued: &IssuedSecret, asked: Option<&[Box<str>]>) -> Result<(), AuthError> {
    let own = issued.details.as_ref().map_or(&[][..], |details| &details.scopes);
    match asked.unwrap_or_default().iter().find(|scope| !own.contains(scope)) {
        Some(scope) => {
            let widened = format!("`{scope}` was not granted at sign-in");
            Err(AuthError::new(AuthErrorKind::InvalidScope, widened))
        }
        None => Ok(()),
    }
}
