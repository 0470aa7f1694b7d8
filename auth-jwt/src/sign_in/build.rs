//! How signing in is configured.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, CookieBuilder, CookiePolicy, Persistence, RefreshTokenDelivery};
use auth_store::{IntoStore, Lifetime, OverflowPolicy, SignInLimit, SignInManager};
use http::HeaderValue;
use serde::Serialize;

use super::access;
use super::desk::{TokenIssuer, WithSignIn, strict};
use crate::config::Config;
use crate::jwt_auth::JwtAuth;
use crate::mode::{Configured, Signs};

impl<C> JwtAuth<C, Signs> {
    /// Issues tokens for sign-ins in this store, and checks every token of ours against its
    /// sign-in: what has ended is refused at once, and roles and claims are those of the store.
    ///
    /// The client gets an access token for five minutes, which it sends as `Authorization: Bearer`,
    /// and a refresh token, in a `__Host-` cookie of `SameSite=Strict` or in the response's body.
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
    /// If no audience was named before: a token that is meant for nobody in particular is good
    /// everywhere. If the cookie of access tokens is named `__Host-refresh`.
    pub fn sign_in(self, store: impl IntoStore) -> JwtAuth<C, WithSignIn> {
        let base = self.base().clone();
        let desk = TokenIssuer::new(self.mode.0, store.into_store(), base.clock.clone());
        let mode = WithSignIn::new(desk);
        JwtAuth { config: Arc::new(Config::new(base)), mode }
            .change(|base| base.verifier.issuers[0].becomes_ours())
            .with_two_cookies()
    }
}

impl<C> JwtAuth<C, WithSignIn> {
    fn change_desk(self, change: impl FnOnce(&mut TokenIssuer)) -> Self {
        Self { mode: self.mode.change(change), config: self.config }
    }

    /// # Panics
    /// If both cookies have one name.
    fn with_two_cookies(self) -> Self {
        if let Some(access) = &self.base().cookie {
            self.mode.check_cookie(access);
        }
        self
    }

    /// How long an access token lasts, in whole seconds: five minutes otherwise. It is checked
    /// against its sign-in, so this bounds only what other services believe that do not ask.
    ///
    /// # Panics
    /// If it is shorter than a second, or longer than [`SigningKeys`](crate::SigningKeys) are kept
    /// for it.
    pub fn access_lifetime(self, lifetime: Duration) -> Self {
        let longest = self.mode.desk.signer.longest();
        assert!(lifetime.as_secs() > 0, "an access token lasts a second or more");
        assert!(lifetime <= longest, "an access token lasts {longest:?} at most: `longest_token`");
        self.change_desk(|desk| desk.access_lifetime = lifetime)
    }

    /// How long a sign-in lasts, and with it its refresh tokens: a preset such as
    /// [`Lifetime::AAL2`], the default, or your own.
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        self.change_desk(|desk| desk.sign_ins.settings.lifetime = lifetime)
    }

    /// How many sign-ins a user may have at a time, and what happens at the next.
    ///
    /// # Panics
    /// If it is none: nobody could sign in.
    pub fn max_sign_ins(self, max: u32, when_full: OverflowPolicy) -> Self {
        let max = NonZeroU32::new(max).expect("a limit of one sign-in or more");
        self.change_desk(|desk| desk.sign_ins.settings.limit = Some(SignInLimit { max, when_full }))
    }

    /// Remembers users on their devices unless a sign-in says otherwise: cookies get a `Max-Age`,
    /// at most 400 days.
    pub fn persistent(self) -> Self {
        self.change_desk(|desk| desk.sign_ins.settings.persistence = Persistence::Persistent)
    }

    /// How often the last-seen time is written at most: 1/20 of the idle limit otherwise.
    pub fn touch_interval(self, interval: Duration) -> Self {
        self.change_desk(|desk| desk.sign_ins.settings.touch_every = Some(interval))
    }

    /// For how long a refresh token may be sent again after it was refreshed, by a client that lost
    /// the response or raced with itself: 10 seconds otherwise. After that its sign-in ends.
    pub fn refresh_grace(self, grace: Duration) -> Self {
        self.change_desk(|desk| desk.sign_ins.settings.grace = grace)
    }

    /// The cookie of the refresh token: `__Host-refresh` with `SameSite=Strict` otherwise.
    ///
    /// # Panics
    /// If the [cookie](Self::cookie) of access tokens has its name.
    pub fn refresh_cookie(self, cookie: CookiePolicy) -> Self {
        self.change_desk(|desk| desk.refresh_cookie = cookie).with_two_cookies()
    }

    /// Delivers refresh tokens in the response's body unless a sign-in says otherwise: for clients
    /// that are no browsers.
    pub fn refresh_in_body(self) -> Self {
        self.change_desk(|desk| desk.delivery = RefreshTokenDelivery::Body)
    }

    /// For development at `http://localhost`: a cookie `refresh` without `Secure`. Whoever reads the
    /// network can take it: never on a public host.
    ///
    /// # Panics
    /// If the [cookie](Self::cookie) of access tokens has its name.
    pub fn insecure_http(self) -> Self {
        self.refresh_cookie(strict(CookieBuilder::new("refresh").insecure_http()))
    }

    /// The `client_id` of the tokens (RFC 9068 section 2.2): the first audience otherwise, which
    /// is its own client.
    pub fn client_id(self, client: impl Into<Box<str>>) -> Self {
        self.change_desk(|desk| desk.client = Some(client.into()))
    }

    /// What the browser forgets at sign-out: the value of `Clear-Site-Data`, such as
    /// `"cache", "storage"` with its quotes. Nothing otherwise.
    pub fn clear_site_data(self, value: HeaderValue) -> Self {
        self.change_desk(|desk| desk.clear_site_data = Some(value))
    }

    /// The sign-ins themselves, for administration: revoking another user's, changing roles.
    #[must_use]
    pub fn sign_in_manager(&self) -> &SignInManager {
        &self.mode.desk.sign_ins
    }
}

impl<C: Serialize + Sync> JwtAuth<C, WithSignIn> {
    /// Replaces a user's roles and claims in all sign-ins, and says in how many. The next request
    /// has them, whatever its access token says.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some may still be as before;
    /// [`Serialization`](auth_core::AuthErrorKind::Serialization) or [`TooLarge`](auth_core::AuthErrorKind::TooLarge)
    /// if a token cannot carry the claims.
    pub async fn update_claims(
        &self,
        subject: &str,
        roles: &[Box<str>],
        claims: &C,
    ) -> Result<usize, AuthError> {
        access::check(claims)?;
        self.check_room(subject, roles, claims)?;
        self.mode.desk.sign_ins.update_claims(subject, roles, claims).await
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
    #[should_panic(expected = "have one cookie: `__Host-refresh`")]
    fn an_access_cookie_of_the_default_refresh_cookies_name_is_refused() {
        let _ = auth().cookie(cookie("refresh")).sign_in(MemoryStore::new());
    }

    #[test]
    #[should_panic(expected = "have one cookie: `__Host-a`")]
    fn a_refresh_cookie_of_the_access_cookies_name_is_refused() {
        let auth = auth().cookie(cookie("a")).sign_in(MemoryStore::new());
        let _ = auth.refresh_cookie(cookie("a"));
    }

    #[test]
    #[should_panic(expected = "have one cookie: `__Host-a`")]
    fn an_access_cookie_of_the_refresh_cookies_name_is_refused() {
        let auth = auth().sign_in(MemoryStore::new()).refresh_cookie(cookie("a"));
        let _ = auth.cookie(cookie("b")).cookie(cookie("a"));
    }
}
