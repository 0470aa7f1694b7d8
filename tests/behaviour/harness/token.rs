//! A token backend as somebody else would write it, with nothing but the public API: a sign-in in
//! the store, proved by `Authorization: Bearer tok_...`. It keeps nothing for visitors.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{
    Attempt, AuthError, AuthErrorKind, AuthFuture, Authenticator, Backend, BoxFuture, Carrier,
    Challenge, Clock, CrossSite, Demand, Effects, Ended, Head, Misuse, Outcome, Principal, Reason,
    RefreshOptions, Rejection, Revoke, SignInId, SignInInfo, SignInOptions, SignIns, SignedIn,
    Timestamp, Tokens, Visit,
};
use auth_store::{
    Details, Device, Issued, Kind, NewSignIn, Proof, Record, Secret, SessionHost, SignInManager,
};
use http::{HeaderMap, HeaderValue};

use super::backend::Setup;
use crate::app::User;

const PREFIX: &str = "tok_";

pub(crate) struct TokenAuth {
    manager: Arc<SignInManager>,
    host: Arc<dyn SessionHost>,
    clear_site_data: Option<HeaderValue>,
}

impl TokenAuth {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut manager = SignInManager::new(Arc::clone(&setup.store));
        manager.settings.clock = setup.clock.clone();
        manager.settings.lifetime = setup.lifetime;
        manager.settings.limit = setup.limit;
        let manager = Arc::new(manager);
        let host = Arc::new(Host(Arc::clone(&manager)));
        Self { manager, host, clear_site_data: setup.clear_site_data.clone() }
    }

    fn tokens(&self, issued: &Issued, visit: Visit<'_>) -> SignedIn {
        visit.turn().effects(Effects::credential_in_body);
        let token = format!("{PREFIX}{}", *issued.secret.to_text());
        let left = issued.limits.ends_at.since(self.manager.settings.clock.now());
        SignedIn::by_tokens(issued.sid(), Tokens::bearer(token, left))
    }
}

fn parse(token: &[u8]) -> Option<Result<Secret, Reason>> {
    let text = token.strip_prefix(PREFIX.as_bytes())?;
    Some(Secret::parse(text).ok_or(Reason::Malformed))
}

impl Authenticator for TokenAuth {
    type Claims = User;

    fn authenticate(&self, head: &Head<'_>) -> Option<Attempt<User>> {
        let secret = match parse(head.credentials("Bearer")?)? {
            Ok(secret) => secret,
            Err(reason) => return Some(Attempt::explicit(rejected(reason))),
        };
        let manager = Arc::clone(&self.manager);
        Some(Attempt::explicit(AuthFuture::from_async(async move {
            match manager.store().load(&secret.sid()).await {
                Ok(record) => judge(&manager, record.as_ref(), &secret),
                Err(error) => Outcome::Unavailable(error.into()),
            }
        })))
    }

    fn challenge(&self, demand: &Demand<'_>, headers: &mut HeaderMap) {
        Challenge::bearer(demand).append_to(headers);
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }

    fn sign_ins(&self) -> Option<&dyn SignIns<User>> {
        Some(self)
    }

    fn clock(&self, _: Backend) -> &Clock {
        &self.manager.settings.clock
    }
}

fn rejected(reason: Reason) -> Outcome<User> {
    Outcome::Rejected(Rejection::new("bearer", reason))
}

fn judge(manager: &SignInManager, record: Option<&Arc<Record>>, secret: &Secret) -> Outcome<User> {
    let now = manager.settings.clock.now();
    let Some(record) = record else { return rejected(Reason::Unknown) };
    match record.judge(secret, Kind::Bearer, now) {
        Proof::Current => {}
        Proof::Rotated(_) | Proof::Reused => return rejected(Reason::Reused),
        Proof::Foreign => return rejected(Reason::Unknown),
    }
    if let Some(expiry) = record.expiry(now) {
        manager.bury(record, expiry);
        return rejected(Reason::Expired);
    }
    if manager.touch_is_due(record, now) {
        manager.touch(record.sid, now);
    }
    match Record::identity(record) {
        Ok(Some(identity)) => Outcome::Authenticated(identity),
        Ok(None) => Outcome::Anonymous(record.sid),
        Err(_) => rejected(Reason::Other("claims")),
    }
}

#[async_trait]
impl SignIns<User> for TokenAuth {
    fn issues(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Explicit
    }

    async fn sign_in(
        &self,
        visit: Visit<'_>,
        principal: Principal<User>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let roles: Vec<_> = (&principal.roles).into();
        let new = NewSignIn {
            kind: Kind::Bearer,
            principal: auth_store::encode(&roles, &principal.claims)
                .map_err(|error| AuthError::new(AuthErrorKind::Data, error))?,
            subject: principal.subject,
            details: Some(Box::new(Details {
                scopes: (&principal.scopes).into(),
                acr: principal.acr,
                amr: (&principal.amr).into(),
                device: Device { label: options.label.clone(), ..Device::default() },
                ..Details::default()
            })),
            persistence: options.persistence,
        };
        let issued = self.manager.sign_in(visit.turn(), &new).await?;
        Ok(self.tokens(&issued, visit))
    }

    async fn refresh(
        &self,
        visit: Visit<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let presented =
            options.token.as_deref().map(str::as_bytes).or_else(|| visit.credentials("Bearer"));
        let Some(Ok(secret)) = presented.and_then(parse) else {
            return Err(AuthError::new(AuthErrorKind::Unauthenticated, "there is no token"));
        };
        let issued = self.manager.refresh(visit.turn(), &secret, Kind::Bearer, |_| Ok(())).await?;
        Ok(self.tokens(&issued, visit))
    }

    async fn superseded(&self, visit: Visit<'_>, old: Option<SignInId>) -> Result<(), AuthError> {
        match old.filter(|old| visit.turn().sign_in() != Some(*old)) {
            Some(old) => self.manager.end(&old).await,
            None => Ok(()),
        }
    }

    async fn sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        if let Some(sid) = visit.turn().sign_in() {
            self.manager.end(&sid).await?;
        }
        if let Some(value) = &self.clear_site_data {
            visit.turn().effects(|effects| effects.clear_site_data(value.clone()));
        }
        Ok(())
    }

    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        self.manager.list(subject).await
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        self.manager.revoke(subject, which).await
    }

    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
        _: Option<Backend>,
    ) -> BoxFuture<Ended> {
        self.manager.ended(sign_in, authenticated_at)
    }

    fn session_host(&self, _: Option<Backend>) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.host)
    }
}

struct Host(Arc<SignInManager>);

impl SessionHost for Host {
    fn sign_ins(&self) -> &SignInManager {
        &self.0
    }

    fn anonymous(&self) -> Option<Kind> {
        None
    }

    fn cross_site(&self) -> &CrossSite {
        &CrossSite::STRICT
    }

    fn carry(&self, _: &Issued, _: &mut Effects) -> Result<(), AuthError> {
        Err(Misuse::NoSession.into())
    }
}
