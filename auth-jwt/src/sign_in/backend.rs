//! Starting, refreshing and ending sign-ins by tokens.
//!
//! What a request may do to stored sign-ins is decided by `SignInRequest` and `SignInManager` in
//! `auth-store`; this module decides which tokens are issued, and how they are delivered.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    Attempt, AuthError, AuthErrorKind, AuthFuture, Authenticator, ConfigError, Identity, Outcome,
    ReauthenticateOptions, RefreshOptions, RefreshTokenDelivery, RequestHead, SignInBackend,
    SignInContext, SignInId, SignInOptions, SignInResult, StoredSignIns, Transport,
};
use auth_store::{
    IssuedSecret, NewSignIn, SecondarySignIn, Secret, SecretKind, SignInCookies, SignInRequest,
    StoredCredential,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access_token::{self, Roles};
use super::issuer::WithSignIn;
use super::pending;
use super::token_response::{Access, DeliveryPlan, REFRESH_PREFIX};
use crate::authenticator::ModeFor;
use crate::jws::Compact;
use crate::jwt_auth::JwtAuth;
use crate::own_token::OwnToken;
use crate::verifier::TokenSubject;

impl<C> ModeFor<C> for WithSignIn
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn sign_in_backend(auth: &JwtAuth<C, Self>) -> Option<&dyn SignInBackend<C>> {
        Some(auth)
    }

    fn pending(auth: &JwtAuth<C, Self>, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        pending::find(auth, head)
    }
}

#[async_trait]
impl<C> SignInBackend<C> for JwtAuth<C, WithSignIn>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Explicit || self.base().cookie.is_some()
    }

    fn supports_pending(&self) -> bool {
        true
    }

    fn supports_acting(&self) -> bool {
        true
    }

    async fn sign_in(&self, context: SignInContext<'_>, options: SignInOptions<C>) -> SignInResult {
        let request = self.request(context);
        let plan = match options.acting {
            true => self.plan_as_before(context, options.delivery),
            false => self.plan(&options)?,
        };
        if plan.refresh == RefreshTokenDelivery::Cookie {
            request.check_cookie_delivery()?;
        } else if request.has_cookie() {
            request.check_origin()?;
        }
        access_token::check_claims(&options.principal.claims)?;
        let new = NewSignIn::of(SecretKind::Refresh, &options, context.user_agent())?;
        // If no token decided, the access token has expired or the page was reloaded: the sign-in of
        // the refresh cookie continues.
        let secondary = match (request.secondary_sign_in().await?, context.state().sign_in()) {
            (None, _) => SecondarySignIn::None,
            (Some(id), None) => SecondarySignIn::Continue(id),
            (Some(id), Some(_)) => SecondarySignIn::Replace(id),
        };
        let prepare = |issued: &IssuedSecret| match options.pending {
            true => Ok(None),
            false => self.access(Roles::Included, issued, None, plan).map(Some),
        };
        let deliver = |issued: &IssuedSecret, access: Option<Access>| {
            request.remove_cookies(); // the sign-ins that they carried have ended or moved
            let signed_in = match access {
                Some(access) => self.deliver(issued, access, plan, context)?,
                None => self.deliver_pending(issued, plan, context)?,
            };
            Ok(signed_in.identity(issued.identity(options.principal, SCHEME)))
        };
        let sign_ins = &self.mode.sign_ins;
        sign_ins.sign_in_with(context.state(), &new, secondary, prepare, deliver).await
    }

    async fn reauthenticate(
        &self,
        context: SignInContext<'_>,
        options: &ReauthenticateOptions,
    ) -> SignInResult {
        let (state, request) = (context.state(), self.request(context));
        let default = options.finishes.then_some(self.mode.issuer.delivery);
        let plan = self.plan_as_before(context, options.delivery.or(default));
        if plan.refresh == RefreshTokenDelivery::Cookie {
            request.check_cookie_delivery()?;
        }
        let prepare = |issued: &IssuedSecret| self.renewed_access(issued, None, plan);
        let deliver = |issued: &IssuedSecret, access: Access| {
            let signed_in = self.deliver(issued, access, plan, context)?;
            Ok(issued.identify::<C>(signed_in, SCHEME))
        };
        self.mode.sign_ins.reauthenticate_with(state, options, prepare, deliver).await
    }

    /// Refreshes by the refresh token in the body, or else by the one in the cookie, even if the
    /// request has an access token: that one renews nothing.
    ///
    /// Each new token is delivered like the one before. If access tokens are in a cookie, a refresh by
    /// cookie delivers the new one in the body only to a client that attaches the old one: a script that
    /// could only delete the access cookie gets no token.
    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no refresh token");
        let request = self.request(context);
        let in_cookie = request.cookie_secret();
        let (secret, plan) = match &options.token {
            Some(token) => (refresh_secret(token.as_bytes()), DeliveryPlan::IN_BODY),
            None => (in_cookie.clone(), self.plan_by_cookies(context, in_cookie.as_ref())),
        };
        let secret = secret.ok_or_else(none)?;
        let same = in_cookie.is_some_and(|it| it.id() == secret.id());
        if plan.refresh == RefreshTokenDelivery::Cookie {
            request.check_cookie_delivery()?;
        } else if same {
            request.check_origin()?;
        }
        let is_other = context.state().sign_in() != Some(secret.id());
        let scopes = options.scopes.as_deref();
        let mut access = None;
        let prepare = |issued: &IssuedSecret| {
            check_scopes(issued, scopes)?;
            access = Some(self.renewed_access(issued, scopes, plan)?);
            Ok(())
        };
        let sign_ins = &self.mode.sign_ins;
        let issued = sign_ins.refresh(context, &secret, SecretKind::Refresh, prepare).await?;
        if plan.refresh == RefreshTokenDelivery::Body && same {
            request.remove_cookies();
        }
        let refreshed = self.deliver(&issued, access.ok_or_else(none)?, plan, context)?;
        Ok(if is_other { issued.identify::<C>(refreshed, SCHEME) } else { refreshed })
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        self.request(context).on_superseded(old).await
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.request(context).check_sign_out()
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let request = self.request(context);
        request.check_sign_out()?;
        let mut named = request.named_sign_ins(None).await?;
        // If an access token decided, its sign-in is already in the list. Expired ones are added here, and
        // different ones in cookies of one name.
        let decided = request.is_explicit() && context.state().sign_in().is_some();
        for token in self.own_tokens(context).into_iter().filter(|_| !decided) {
            request.add_sign_in(&mut named, &token).await?;
        }
        request.sign_out(&named).await
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        &*self.mode.sign_ins
    }

    fn revalidate(&self, context: SignInContext<'_>, user: &Identity<C>) -> AuthFuture<Outcome<C>> {
        Authenticator::revalidate(self, context, user)
    }

    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.mode.session_backend)
    }
}

impl<C> JwtAuth<C, WithSignIn> {
    /// Returns the sign-ins that a request can name, and this backend's cookies in it.
    fn request<'a>(&'a self, context: SignInContext<'a>) -> SignInRequest<'a> {
        let cookies = SignInCookies {
            secret: &self.mode.issuer.refresh_cookie,
            kind: SecretKind::Refresh,
            prefix: REFRESH_PREFIX,
            access: self.base().cookie.as_ref(),
        };
        SignInRequest::new(context, &self.mode.sign_ins, cookies, &self.base().protection)
    }

    /// Plans to deliver tokens as the request carried those of its sign-in. A refresh token that was not in the
    /// request's cookie is delivered in the body, unless `delivery` states another way.
    fn plan_as_before(
        &self,
        context: SignInContext<'_>,
        delivery: Option<RefreshTokenDelivery>,
    ) -> DeliveryPlan {
        let state = context.state();
        let access = state.transport().unwrap_or(Transport::Explicit);
        let secret = self.request(context).cookie_secret();
        let in_cookie = secret.map(|secret| secret.id()) == state.sign_in();
        let refresh = match (access, delivery) {
            (Transport::Ambient, _) => RefreshTokenDelivery::Cookie,
            (Transport::Explicit, Some(delivery)) => delivery,
            (Transport::Explicit, None) if in_cookie => RefreshTokenDelivery::Cookie,
            (Transport::Explicit, None) => RefreshTokenDelivery::Body,
        };
        DeliveryPlan { access, refresh }
    }

    /// Plans how tokens are delivered after a sign-in with these options.
    fn plan(&self, options: &SignInOptions<C>) -> Result<DeliveryPlan, AuthError> {
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
            // With the access token in a cookie that scripts cannot read, a refresh token in the
            // body would give them more than the cookie keeps from them.
            (Transport::Ambient, _) => return Err(ConfigError::UnsupportedTransport.into()),
            (Transport::Explicit, delivery) => delivery.unwrap_or(self.mode.issuer.delivery),
        };
        Ok(DeliveryPlan { access, refresh })
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> JwtAuth<C, WithSignIn> {
    /// Plans how tokens are delivered to a client that sent this refresh token in its cookie.
    fn plan_by_cookies(
        &self,
        context: SignInContext<'_>,
        refresh: Option<&Secret>,
    ) -> DeliveryPlan {
        let attached = || {
            let token = self.token_in_header(context).and_then(|token| self.own_token(&token));
            Some(token?.id() == refresh?.id())
        };
        let in_body = self.base().cookie.is_none() || attached() == Some(true);
        let access = if in_body { Transport::Explicit } else { Transport::Ambient };
        DeliveryPlan { access, refresh: RefreshTokenDelivery::Cookie }
    }

    /// Returns the request's access tokens that we issued, whether or not they have expired.
    fn own_tokens(&self, context: SignInContext<'_>) -> Vec<OwnToken<C>> {
        let cookies = match &self.base().cookie {
            Some(cookie) if !context.has_authorization() => context.cookie_values(cookie.name()),
            _ => Vec::new(),
        };
        let max_bytes = self.base().max_token_bytes();
        let cookies = cookies.into_iter().filter_map(|token| Compact::split(token, max_bytes).ok());
        let tokens = self.token_in_header(context).into_iter().chain(cookies);
        tokens.filter_map(|token| self.own_token(&token)).collect()
    }

    fn token_in_header<'a>(&self, context: SignInContext<'a>) -> Option<Compact<'a>> {
        Compact::find(context.credentials("Bearer")?, self.base().max_token_bytes())?.ok()
    }

    /// Returns an access token that we issued, whether or not it has expired.
    pub(super) fn own_token(&self, token: &Compact<'_>) -> Option<OwnToken<C>> {
        let now = self.base().clock.now();
        let signed = self.base().verifier.check_signature(token, now).ok()?;
        match signed.validate::<C>(token, now).ok()?.subject {
            TokenSubject::SignIn(token) => Some(token),
            TokenSubject::Foreign(_) => None,
        }
    }
}

/// The scheme of the identities that access tokens prove.
const SCHEME: &str = "jwt";

/// Reads the secret in a refresh token.
pub(super) fn refresh_secret(token: &[u8]) -> Option<Secret> {
    Secret::parse(token.strip_prefix(REFRESH_PREFIX.as_bytes())?)
}

/// Checks that the sign-in has the scopes that a refresh requests (RFC 6749 section 6).
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
