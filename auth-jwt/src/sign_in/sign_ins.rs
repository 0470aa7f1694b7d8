//! Starting and ending sign-ins, by tokens.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, Backend, Carrier, Delivery, Misuse, Principal, RefreshOptions,
    Revoke, SignInId, SignInInfo, SignInOptions, SignIns, SignedIn, Visit,
};
use auth_store::{Issued, Kind, NewSignIn, Proof, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access;
use super::cookies::{is_explicit, refresh_secret};
use super::deliver::Ways;
use super::desk::SignsIn;
use crate::jwt_auth::JwtAuth;

#[async_trait]
impl<C> SignIns<C> for JwtAuth<C, SignsIn>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn issues(&self, carrier: Carrier) -> bool {
        carrier == Carrier::Explicit || self.base().cookie.is_some()
    }

    async fn sign_in(
        &self,
        visit: Visit<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let ways = self.ways(options)?;
        if ways.refresh == Delivery::Cookie
            || ways.access == Carrier::Ambient
            || self.has_cookie(visit)
        {
            self.check_origin(visit)?;
        }
        access::check(&principal.claims)?;
        let new = NewSignIn::of(Kind::Refresh, principal, options, visit.user_agent())?;
        let sign_ins = &self.mode.desk.sign_ins;
        let mut beside = self.cookie_beside(visit).await?;
        if visit.turn().sign_in().is_none()
            && let Some(sid) = beside.take()
        {
            visit.turn().acts_for(sid); // its access token has ended, or the page was loaded anew
        }
        let deliver = |issued: &Issued| self.deliver(issued, None, ways, visit);
        sign_ins.sign_in_and(visit.turn(), &new, beside, deliver).await
    }

    /// By the refresh token in the body, or else by the one in the cookie, also beside an access
    /// token: that one renews nothing.
    async fn refresh(
        &self,
        visit: Visit<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no refresh token");
        let (secret, refresh) = match &options.token {
            Some(token) => (refresh_secret(token.as_bytes()), Delivery::Body),
            None => (self.refresh_cookie_secret(visit), Delivery::Cookie),
        };
        let secret = secret.ok_or_else(none)?;
        let access =
            if self.has_access_cookie(visit) { Carrier::Ambient } else { Carrier::Explicit };
        let ways = Ways { access, refresh };
        if refresh == Delivery::Cookie || self.has_cookie(visit) {
            self.check_origin(visit)?;
        }
        let scopes = options.scopes.as_deref();
        if let Some(scopes) = scopes {
            self.check_scopes(&secret, scopes).await?;
        }
        let issued = self.mode.desk.sign_ins.refresh(visit.turn(), &secret, Kind::Refresh).await?;
        self.deliver(&issued, scopes, ways, visit)
    }

    async fn superseded(&self, visit: Visit<'_>, old: Option<SignInId>) -> Result<(), AuthError> {
        let sign_ins = &self.mode.desk.sign_ins;
        if let Some(old) = old.filter(|old| visit.turn().sign_in() != Some(*old)) {
            sign_ins.end(&old).await?;
        }
        if self.has_cookie(visit) && self.check_origin(visit).is_ok() {
            if let Some(sid) = self.cookie_beside(visit).await? {
                sign_ins.end(&sid).await?;
            }
            self.remove_cookies(visit);
        }
        Ok(())
    }

    async fn sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        // A browser leaves a strict cookie out of another site's request, which looks like nobody's.
        if self.has_cookie(visit) || !is_explicit(visit.turn()) {
            self.check_origin(visit)?;
        }
        for sid in self.named(visit).await? {
            self.mode.desk.sign_ins.end(&sid).await?;
        }
        self.remove_cookies(visit);
        if let Some(value) = &self.mode.desk.clear_site_data {
            visit.turn().effects(|effects| effects.clear_site_data(value.clone()));
        }
        Ok(())
    }

    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        self.mode.desk.sign_ins.list(subject).await
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        self.mode.desk.sign_ins.revoke(subject, which).await
    }

    fn session_host(&self, _: Option<Backend>) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.mode.host)
    }
}

impl<C> JwtAuth<C, SignsIn> {
    /// By which ways tokens go that somebody asked for so.
    fn ways(&self, options: &SignInOptions) -> Result<Ways, AuthError> {
        let by_cookie = self.base().cookie.is_some();
        let access = match options.via {
            Some(Carrier::Ambient) if !by_cookie => return Err(Misuse::NoCarrier.into()),
            Some(carrier) => carrier,
            None if by_cookie => Carrier::Ambient,
            None => Carrier::Explicit,
        };
        let refresh = options.delivery.unwrap_or(match access {
            Carrier::Ambient => Delivery::Cookie,
            Carrier::Explicit => self.mode.desk.delivery,
        });
        Ok(Ways { access, refresh })
    }

    /// Whether the sign-in has the scopes that a refresh asks for (RFC 6749 section 6). This comes
    /// before the refresh token is used up.
    async fn check_scopes(&self, secret: &Secret, scopes: &[Box<str>]) -> Result<(), AuthError> {
        let record = self.mode.desk.sign_ins.store().load(&secret.sid()).await?;
        let now = self.base().clock.now();
        let proved = record.filter(|record| {
            matches!(record.judge(secret, Kind::Refresh, now), Proof::Current | Proof::Rotated(_))
        });
        let Some(record) = proved else { return Ok(()) }; // refused by the refresh itself
        let own = record.details.as_ref().map_or(&[][..], |details| &details.scopes);
        match scopes.iter().find(|scope| !own.contains(scope)) {
            Some(scope) => {
                let widened = format!("`{scope}` was not granted at sign-in");
                Err(AuthError::new(AuthErrorKind::Scope, widened))
            }
            None => Ok(()),
        }
    }
}
