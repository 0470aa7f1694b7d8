//! The options of a `JwtAuth` that issues tokens for stored sign-ins.
//!
//! [`JwtAuth::sign_in`] turns a backend that signs tokens into such a [`JwtSignIn`].

use std::time::Duration;

use auth_core::{AuthError, Claims, CookieBuilder, CookiePolicy, RefreshTokenDelivery};
use auth_store::{IntoStore, SignInManager, SignInSettings};
use serde::Serialize;

use super::access_token;
use super::issuer::{TokenIssuer, WithSignIn, strict};
use crate::jwt_auth::JwtAuth;
use crate::mode::{Signs, sealed::Sealed};

/// A [`JwtAuth`] that issues tokens for stored sign-ins: what [`JwtAuth::sign_in`] returns. Use it to
/// name the type of a field or a parameter.
pub type JwtSignIn<C = Claims> = JwtAuth<C, WithSignIn>;

impl<C> JwtAuth<C, Signs> {
    /// Issues tokens for sign-ins in this store, and checks each of these tokens against its sign-in:
    /// after the sign-in has ended, the token is rejected, and roles and claims are those in the store. A change
    /// takes effect at once, or on a node with a near cache after its `max_staleness` at the latest.
    ///
    /// The client gets an access token for five minutes, which it sends as `Authorization: Bearer`,
    /// and a refresh token, in a `__Host-` cookie with `SameSite=Strict` or in the response's body.
    ///
    /// ```
    /// use auth_jwt::{JwtAuth, Key};
    /// use auth_store::MemoryStore;
    ///
    /// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
    /// # Ok::<(), auth_jwt::InvalidKey>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if no audience was set, because a token without one would be valid everywhere,
    /// or if the cookie of access tokens is named `__Host-refresh`.
    pub fn sign_in(self, store: impl IntoStore) -> JwtAuth<C, WithSignIn> {
        let clock = self.base().clock.clone();
        self.with_mode(|mode| WithSignIn::new(mode.0, store.into_store(), clock))
            .change(|base| base.verifier.issuers[0].becomes_ours())
            .with_two_cookies()
    }
}

impl<C> JwtAuth<C, WithSignIn> {
    auth_store::sign_in_options!(Refresh);

    fn change_settings(self, change: impl FnOnce(&mut SignInSettings)) -> Self {
        Self { mode: self.mode.change_settings(change), config: self.config }
    }

    pub(super) fn change_issuer(self, change: impl FnOnce(&mut TokenIssuer)) -> Self {
        Self { mode: self.mode.change_issuer(change), config: self.config }
    }

    /// Checks the names of the cookies.
    ///
    /// # Panics
    ///
    /// Panics if both cookies have the same name.
    fn with_two_cookies(self) -> Self {
        if let Some(access) = &self.base().cookie {
            self.mode.check_cookie(access);
        }
        self
    }

    /// Sets how long an access token lasts, in whole seconds. Defaults to five minutes, or to
    /// [`SigningKeys::max_token_lifetime`](crate::SigningKeys::max_token_lifetime) if that is shorter.
    ///
    /// This backend checks tokens against their sign-ins, so the lifetime only bounds how long services
    /// without the store accept a token whose sign-in has ended.
    ///
    /// # Panics
    ///
    /// Panics if it is shorter than one second, or longer than
    /// [`SigningKeys::max_token_lifetime`](crate::SigningKeys::max_token_lifetime).
    pub fn access_lifetime(self, lifetime: Duration) -> Self {
        let longest = self.mode.issuer.signer.longest();
        assert!(lifetime.as_secs() > 0, "`access_lifetime` must be at least 1 second");
        assert!(
            lifetime <= longest,
            "`access_lifetime` must be at most the keys' `max_token_lifetime`, {longest:?}"
        );
        self.change_issuer(|issuer| issuer.access_lifetime = lifetime)
    }

    /// Sets the cookie of the refresh token. Defaults to `__Host-refresh` with `SameSite=Strict`.
    ///
    /// # Panics
    ///
    /// Panics if the [cookie](Self::cookie) of access tokens has the same name.
    pub fn refresh_cookie(self, cookie: CookiePolicy) -> Self {
        self.change_issuer(|issuer| issuer.refresh_cookie = cookie).with_two_cookies()
    }

    /// Delivers refresh tokens in the response's body, unless a sign-in chooses otherwise: for clients
    /// other than browsers. Defaults to the cookie.
    pub fn refresh_in_body(self) -> Self {
        self.change_issuer(|issuer| issuer.delivery = RefreshTokenDelivery::Body)
    }

    /// Uses a cookie `refresh` without `Secure`, for development at `http://localhost`: browsers and
    /// `curl` send it over plain HTTP. Do not use this on a public host, because anyone who can read
    /// the network can take the cookie.
    ///
    /// # Panics
    ///
    /// Panics if the [cookie](Self::cookie) of access tokens has the same name.
    pub fn insecure_http(self) -> Self {
        self.refresh_cookie(strict(CookieBuilder::new("refresh").insecure_http()))
    }

    /// Sets the `client_id` of the tokens (RFC 9068 section 2.2). Defaults to the first audience: the
    /// service is its own client.
    pub fn client_id(self, client: impl Into<Box<str>>) -> Self {
        self.change_issuer(|issuer| issuer.client = Some(client.into()))
    }

    /// Returns the manager of the sign-ins, for administration: to revoke other users' sign-ins, or to
    /// change roles.
    #[must_use]
    pub fn sign_in_manager(&self) -> &SignInManager {
        &self.mode.sign_ins
    }
}

impl<C: Serialize + Sync> JwtAuth<C, WithSignIn> {
    /// Replaces a user's roles and claims in all of their sign-ins, from the next request on, whatever
    /// its access token contains. Returns the number of sign-ins.
    /// [`SignInManager::update_claims`](auth_store::SignInManager::update_claims) states what changes in those of
    /// other kinds, such as API keys.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some sign-ins may not have
    /// changed; [`Serialization`](auth_core::AuthErrorKind::Serialization) or
    /// [`TooLarge`](auth_core::AuthErrorKind::TooLarge) if a token cannot carry the claims.
    pub async fn update_claims(
        &self,
        subject: &str,
        roles: &[&str],
        claims: &C,
    ) -> Result<usize, AuthError> {
        access_token::check_claims(claims)?;
        self.check_size(subject, roles, claims)?;
        self.mode.sign_ins.update_claims(subject, roles, claims).await
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{Claims, CookiePolicy};
    use auth_store::MemoryStore;

    use super::{JwtAuth, Signs};
    use crate::key::Key;

    fn auth() -> JwtAuth<Claims, Signs> {
        JwtAuth::new(Key::hs256([7; 32]).unwrap()).audience("shop")
    }

    fn cookie(name: &str) -> CookiePolicy {
        CookiePolicy::host(name).unwrap()
    }

    #[test]
    #[should_panic(expected = "have the same cookie: `__Host-refresh`")]
    fn an_access_cookie_with_the_name_of_the_default_refresh_cookie_is_rejected() {
        let _ = auth().cookie(cookie("refresh")).sign_in(MemoryStore::new());
    }

    #[test]
    #[should_panic(expected = "have the same cookie: `__Host-a`")]
    fn a_refresh_cookie_with_the_name_of_the_access_cookie_is_rejected() {
        let auth = auth().cookie(cookie("a")).sign_in(MemoryStore::new());
        let _ = auth.refresh_cookie(cookie("a"));
    }

    #[test]
    #[should_panic(expected = "have the same cookie: `__Host-a`")]
    fn an_access_cookie_with_the_name_of_the_refresh_cookie_is_rejected() {
        let auth = auth().sign_in(MemoryStore::new()).refresh_cookie(cookie("a"));
        let _ = auth.cookie(cookie("b")).cookie(cookie("a"));
    }
}
