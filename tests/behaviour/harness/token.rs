//! A third-party token backend, written with the public API alone: a sign-in in the store, proved by
//! `Authorization: Bearer tok_...`. It stores no data of visitors.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{
    Attempt, AuthError, AuthErrorKind, AuthFuture, Authenticator, Challenge, ChallengeReason,
    Clock, Outcome, ReauthenticateOptions, RefreshOptions, Rejection, RejectionReason, RequestHead,
    ResponseEffects, SignInBackend, SignInContext, SignInId, SignInOptions, SignInResult, SignedIn,
    StoredSignIns, TokenResponse, Transport,
};
use auth_store::{
    IssuedSecret, NewSignIn, PresentedSecret, Secret, SecretKind, SessionBackend, SignInManager,
};
use http::{HeaderMap, HeaderValue};

use super::backend::Setup;
use crate::app::User;

const PREFIX: &str = "tok_";
const KIND: SecretKind = SecretKind::Bearer;

pub(crate) struct TokenAuth {
    manager: Arc<SignInManager>,
    session_backend: Arc<dyn SessionBackend>,
    clear_site_data: Option<HeaderValue>,
}

impl TokenAuth {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut manager = SignInManager::new(Arc::clone(&setup.store));
        manager.settings.clock = setup.clock.clone();
        manager.settings.lifetime = setup.lifetime;
        manager.settings.limit = setup.limit;
        manager.settings.limit_of.clone_from(&setup.limit_of);
        if let Some(events) = setup.events.clone() {
            manager.settings.on_event(move |event| events.lock().push(event));
        }
        if let Some(users) = &setup.users {
            manager.settings.check_user(users.check());
        }
        manager.settings.user_check_age = setup.user_check_age;
        let manager = Arc::new(manager);
        let session_backend = Arc::new(TokenSessions(Arc::clone(&manager)));
        Self { manager, session_backend, clear_site_data: setup.clear_site_data.clone() }
    }

    fn tokens(&self, issued: &IssuedSecret, context: SignInContext<'_>) -> SignedIn {
        context.state().effects(ResponseEffects::credential_in_body);
        let token = format!("{PREFIX}{}", *issued.secret.to_text());
        let left = issued.deadlines.ends_at.since(self.manager.settings.clock.now());
        SignedIn::by_tokens(issued.id(), TokenResponse::bearer(token, left))
    }
}

fn parse(token: &[u8]) -> Option<Result<Secret, RejectionReason>> {
    let text = token.strip_prefix(PREFIX.as_bytes())?;
    Some(Secret::parse(text).ok_or(RejectionReason::Malformed))
}

impl Authenticator for TokenAuth {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let secret = match parse(head.credentials("Bearer")?)? {
            Ok(secret) => secret,
            Err(reason) => return Some(Attempt::explicit(rejected(reason))),
        };
        let manager = Arc::clone(&self.manager);
        let credential = PresentedSecret::new(secret, KIND);
        Some(Attempt::explicit(AuthFuture::boxed(async move {
            manager.authenticate_in_store(&credential, manager.settings.clock.now()).await
        })))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        Challenge::bearer(Challenge::DEFAULT_REALM, reason).append_to(headers);
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<User>> {
        Some(self)
    }

    fn clock(&self) -> &Clock {
        &self.manager.settings.clock
    }
}

fn rejected(reason: RejectionReason) -> Outcome<User> {
    Outcome::Rejected(Rejection::new("bearer", reason))
}

#[async_trait]
impl SignInBackend<User> for TokenAuth {
    fn name(&self) -> &'static str {
        "token"
    }

    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Explicit
    }

    fn supports_pending(&self) -> bool {
        true
    }

    fn supports_acting(&self) -> bool {
        true
    }

    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        options: SignInOptions<User>,
    ) -> SignInResult {
        let new = NewSignIn::of(KIND, &options, None)?;
        let issued = self.manager.sign_in(context.state(), &new).await?;
        Ok(self.tokens(&issued, context))
    }

    async fn reauthenticate(
        &self,
        context: SignInContext<'_>,
        options: &ReauthenticateOptions,
    ) -> SignInResult {
        let deliver = |issued: &IssuedSecret, ()| Ok(self.tokens(issued, context));
        self.manager.reauthenticate_with(context.state(), options, |_| Ok(()), deliver).await
    }

    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        let presented =
            options.token.as_deref().map(str::as_bytes).or_else(|| context.credentials("Bearer"));
        let Some(Ok(secret)) = presented.and_then(parse) else {
            return Err(AuthError::new(AuthErrorKind::Unauthenticated, "there is no token"));
        };
        let kind = KIND;
        let secret = SignInManager::newest_secret(context.state(), secret, kind);
        let issued = self.manager.refresh(context, &secret, kind, |_| Ok(())).await?;
        Ok(self.tokens(&issued, context))
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        match old.filter(|old| context.state().sign_in() != Some(*old)) {
            Some(old) => self.manager.end(&old).await,
            None => Ok(()),
        }
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        if let Some(id) = context.state().sign_in() {
            self.manager.end(&id).await?;
        }
        if let Some(value) = &self.clear_site_data {
            context.state().effects(|effects| effects.clear_site_data(value.clone()));
        }
        Ok(())
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        &*self.manager
    }

    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.session_backend)
    }
}

struct TokenSessions(Arc<SignInManager>);

impl SessionBackend for TokenSessions {
    fn sign_ins(&self) -> &SignInManager {
        &self.0
    }
}
