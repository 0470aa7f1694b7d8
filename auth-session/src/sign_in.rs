//! Starting and ending sign-ins, by a session.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, Backend, BoxFuture, Carrier, Ended, Identity, Misuse,
    Outcome, Principal, Reason, RefreshOptions, RequestCookie, Revoke, SignInId, SignInInfo,
    SignInOptions, SignIns, SignedIn, Timestamp, Tokens, Visit,
};
use auth_store::{Beside, Issued, Kind, NewSignIn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authenticator;
use crate::carrier::{self, BEARER_PREFIX};
use crate::config::{Bearer, Config};
use crate::session_auth::SessionAuth;

#[async_trait]
impl<C> SignIns<C> for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn issues(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Ambient || self.config.bearer == Bearer::On
    }

    async fn sign_in(
        &self,
        visit: Visit<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let kind = match options.via {
            Some(Carrier::Explicit) if self.config.bearer == Bearer::Off => {
                return Err(Misuse::NoCarrier.into());
            }
            Some(Carrier::Explicit) => Kind::Bearer,
            Some(Carrier::Ambient) | None => Kind::Cookie,
        };
        let config = &*self.config;
        if kind == Kind::Cookie || config.has_cookie(visit) {
            config.check_origin(visit)?;
        }
        let new = NewSignIn::of(kind, principal, options, visit.user_agent())?;
        let beside = config.cookie_beside(visit).await?.map_or(Beside::Nothing, Beside::Ends);
        let deliver = |issued: &Issued, ()| config.deliver(issued, visit);
        config.sign_ins.sign_in_and(visit.turn(), &new, beside, |_| Ok(()), deliver).await
    }

    /// A session has the scopes of its sign-in, so to ask for some of them is asking too much of it.
    async fn refresh(
        &self,
        visit: Visit<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let config = &*self.config;
        let presented = match options.token.as_deref() {
            Some(token) => carrier::by_header(config, token.as_bytes()),
            None => carrier::find_again(config, visit),
        };
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no session");
        let (kind, secret) = presented.ok_or_else(none)?;
        if kind == Kind::Cookie {
            config.check_origin(visit)?;
        }
        let secret = secret.map_err(|_| none())?;
        if options.scopes.is_some() {
            return Err(AuthError::new(
                AuthErrorKind::Scope,
                "a session's scopes are its sign-in's",
            ));
        }
        let issued = config.sign_ins.refresh(visit.turn(), &secret, kind, |_| Ok(())).await?;
        config.deliver(&issued, visit)
    }

    async fn superseded(&self, visit: Visit<'_>, old: Option<SignInId>) -> Result<(), AuthError> {
        let config = &*self.config;
        if let Some(old) = old.filter(|old| visit.turn().sign_in() != Some(*old)) {
            config.sign_ins.end(&old).await?;
        }
        if config.has_cookie(visit) && config.check_origin(visit).is_ok() {
            if let Some(sid) = config.cookie_beside(visit).await? {
                config.sign_ins.end(&sid).await?;
            }
            config.remove_cookie(visit);
        }
        Ok(())
    }

    fn keeps_visitors(&self) -> bool {
        true
    }

    fn may_sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        // A browser leaves the cookie out of another site's request: that looks like a visitor's.
        if self.config.has_cookie(visit) || visit.turn().carrier() != Some(Carrier::Explicit) {
            self.config.check_origin(visit)?;
        }
        Ok(())
    }

    async fn sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        self.may_sign_out(visit)?;
        let config = &*self.config;
        for sid in config.named(visit).await? {
            config.sign_ins.end(&sid).await?;
        }
        if config.has_cookie(visit) {
            config.remove_cookie(visit);
        }
        if let Some(value) = &config.clear_site_data {
            visit.turn().effects(|effects| effects.clear_site_data(value.clone()));
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
        _: Option<Backend>,
    ) -> BoxFuture<Ended> {
        self.config.sign_ins.ended(sign_in, authenticated_at)
    }

    fn confirm(&self, visit: Visit<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        match carrier::find_again(&self.config, visit) {
            Some((kind, Ok(secret))) => authenticator::ask_the_store(&self.config, secret, kind),
            Some((kind, Err(reason))) => authenticator::rejected(kind, reason).into(),
            None => authenticator::rejected(Kind::Cookie, Reason::Unknown).into(),
        }
    }

    fn session_host(&self, _: Option<Backend>) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.host)
    }
}

impl Config {
    fn check_origin(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        let checked = visit.check_origin(&self.cross_site);
        checked.map_err(|error| AuthError::new(AuthErrorKind::CrossSite, error))
    }

    fn has_cookie(&self, visit: Visit<'_>) -> bool {
        visit.cookie(self.cookie.name()) != RequestCookie::Absent
    }

    /// The sign-ins that the request can name: a sign-out that comes late counts.
    async fn named(&self, visit: Visit<'_>) -> Result<Vec<SignInId>, AuthError> {
        let header = visit.credentials("Bearer").and_then(|token| carrier::by_header(self, token));
        let cookie = carrier::by_cookie(visit.cookie(self.cookie.name()));
        let mut named = Vec::from_iter(visit.turn().sign_in());
        for (kind, secret) in header.into_iter().chain(cookie) {
            let Ok(secret) = secret else { continue };
            if !named.contains(&secret.sid()) {
                named.extend(self.sign_ins.named(&secret, kind).await?);
            }
        }
        Ok(named)
    }

    /// The living sign-in of a cookie that came beside the credential that decided.
    async fn cookie_beside(&self, visit: Visit<'_>) -> Result<Option<SignInId>, AuthError> {
        match carrier::by_cookie(visit.cookie(self.cookie.name())) {
            Some((kind, Ok(secret))) => self.sign_ins.beside(visit.turn(), &secret, kind).await,
            _ => Ok(None),
        }
    }

    fn remove_cookie(&self, visit: Visit<'_>) {
        let removal = self.cookie.removal();
        visit.turn().effects(|effects| effects.set_cookie(self.cookie.name(), removal));
    }

    /// Gives the secret to the client, by the carrier of its kind.
    fn deliver(&self, issued: &Issued, visit: Visit<'_>) -> Result<SignedIn, AuthError> {
        if issued.kind == Kind::Cookie {
            let mut set = Ok(());
            visit.turn().effects(|effects| set = self.set_cookie(issued, effects));
            return set.map(|()| SignedIn::by_cookie(issued.sid()));
        }
        if self.has_cookie(visit) {
            self.remove_cookie(visit); // what it carried has moved into the token
        }
        visit.turn().effects(auth_core::Effects::credential_in_body);
        let token = format!("{BEARER_PREFIX}{}", *issued.secret.to_text());
        Ok(SignedIn::by_tokens(issued.sid(), Tokens::bearer(token, self.remaining(issued))))
    }
}
