//! Starting and ending sign-ins, by tokens.

use std::any::Any;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, Backend, BoxFuture, Carrier, CookiePolicy, Delivery,
    Ended, Identity, Misuse, Outcome, Principal, Reason, RefreshOptions, RequestCookie, Revoke,
    SignInId, SignInInfo, SignInOptions, SignIns, SignedIn, Timestamp, Visit,
};
use auth_store::{Beside, Issued, Kind, NewSignIn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access;
use super::cookies::{is_explicit, refresh_secret};
use super::deliver::{Access, Ways};
use super::desk::SignsIn;
use super::standing;
use crate::authenticator::rejected;
use crate::carrier;
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
        if ways.refresh == Delivery::Cookie || self.has_cookie(visit) {
            self.check_origin(visit)?;
        }
        access::check(&principal.claims)?;
        let new = NewSignIn::of(Kind::Refresh, principal, options, visit.user_agent())?;
        let sign_ins = &self.mode.desk.sign_ins;
        // Without a token that decided, the cookie's sign-in goes on: the access token has ended, or
        // the page was loaded anew.
        let beside = match (self.cookie_beside(visit).await?, visit.turn().sign_in()) {
            (None, _) => Beside::Nothing,
            (Some(sid), None) => Beside::GoesOn(sid),
            (Some(sid), Some(_)) => Beside::Ends(sid),
        };
        let prepare = |issued: &Issued| self.access(issued, None, ways);
        let deliver = |issued: &Issued, access: Access| {
            self.remove_cookies(visit); // what they carried has ended, or moved
            self.deliver(issued, access, ways, visit)
        };
        sign_ins.sign_in_and(visit.turn(), &new, beside, prepare, deliver).await
    }

    /// By the refresh token in the body, or else by the one in the cookie, also beside an access
    /// token: that one renews nothing. Each token comes by the way that it came before: a client without
    /// an access cookie asked for an access token to attach.
    async fn refresh(
        &self,
        visit: Visit<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let none = || AuthError::new(AuthErrorKind::Unauthenticated, "there is no refresh token");
        let (secret, ways) = match &options.token {
            Some(token) => (refresh_secret(token.as_bytes()), Ways::IN_BODY),
            None => (self.refresh_cookie_secret(visit), self.ways_by_cookie(visit)),
        };
        let secret = secret.ok_or_else(none)?;
        let same = self.refresh_cookie_secret(visit).is_some_and(|it| it.sid() == secret.sid());
        if ways.refresh == Delivery::Cookie || same {
            self.check_origin(visit)?;
        }
        let scopes = options.scopes.as_deref();
        let mut access = None;
        let prepare = |issued: &Issued| {
            check_scopes(issued, scopes)?;
            access = Some(self.access(issued, scopes, ways)?);
            Ok(())
        };
        let sign_ins = &self.mode.desk.sign_ins;
        let issued = sign_ins.refresh(visit.turn(), &secret, Kind::Refresh, prepare).await?;
        if ways.refresh == Delivery::Body && same {
            self.remove_cookies(visit);
        }
        self.deliver(&issued, access.ok_or_else(none)?, ways, visit)
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

    fn may_sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        // A browser leaves a strict cookie out of another site's request, which looks like nobody's.
        if self.has_cookie(visit) || !is_explicit(visit.turn()) {
            self.check_origin(visit)?;
        }
        Ok(())
    }

    async fn sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        self.may_sign_out(visit)?;
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

    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
        _: Option<Backend>,
    ) -> BoxFuture<Ended> {
        self.mode.desk.sign_ins.ended(sign_in, authenticated_at)
    }

    fn confirm(&self, visit: Visit<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        let now = self.base().clock.now();
        let verified = match carrier::find_again(visit, self.base().cookie.as_ref()) {
            Some((_, token)) => token.and_then(|token| self.config.verify(&token, now)),
            None => Err(Reason::Unknown),
        };
        match verified {
            Ok(verified) => standing::ask_the_store(&self.mode, verified, now),
            Err(reason) => rejected(reason).into(),
        }
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
            Some(carrier) => carrier,
            None if by_cookie => Carrier::Ambient,
            None => Carrier::Explicit,
        };
        let refresh = match (access, options.delivery) {
            (Carrier::Ambient, None | Some(Delivery::Cookie)) if by_cookie => Delivery::Cookie,
            // Scripts are not given what a cookie keeps from them.
            (Carrier::Ambient, _) => return Err(Misuse::NoCarrier.into()),
            (Carrier::Explicit, delivery) => delivery.unwrap_or(self.mode.desk.delivery),
        };
        Ok(Ways { access, refresh })
    }

    /// By which ways tokens go to a client that sent the refresh token in its cookie. The access
    /// cookie stays as long as that one, so it is there if it is used.
    fn ways_by_cookie(&self, visit: Visit<'_>) -> Ways {
        let has = |cookie: &CookiePolicy| visit.cookie(cookie.name()) != RequestCookie::Absent;
        let by_cookie = self.base().cookie.as_ref().is_some_and(has);
        let access = if by_cookie { Carrier::Ambient } else { Carrier::Explicit };
        Ways { access, refresh: Delivery::Cookie }
    }
}

/// Whether the sign-in has the scopes that a refresh asks for (RFC 6749 section 6).
fn check_scopes(issued: &Issued, asked: Option<&[Box<str>]>) -> Result<(), AuthError> {
    let own = issued.details.as_ref().map_or(&[][..], |details| &details.scopes);
    match asked.unwrap_or_default().iter().find(|scope| !own.contains(scope)) {
        Some(scope) => {
            let widened = format!("`{scope}` was not granted at sign-in");
            Err(AuthError::new(AuthErrorKind::Scope, widened))
        }
        None => Ok(()),
    }
}
