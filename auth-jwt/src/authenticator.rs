//! Who sent a request, by a token.

use auth_core::{
    Attempt, AuthFuture, Authenticator, Challenge, ChallengeReason, Clock, CrossOriginProtection,
    Outcome, Rejection, RejectionReason, RequestHead, SignInBackend, Timestamp,
};
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use crate::good_token::VerifiedToken;
use crate::jws::Compact;
use crate::jwt_auth::JwtAuth;
use crate::mode::{Signs, Verifies};
use crate::proven::TokenSubject;
use crate::transport;

/// What [`JwtAuth`] makes of a token that was verified: the difference between its modes.
pub trait Mode<C>: Clone + Send + Sync + Sized + 'static {
    #[doc(hidden)]
    fn conclude(
        auth: &JwtAuth<C, Self>,
        verified: VerifiedToken<C>,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        let _ = (auth, now);
        somebody(&verified)
    }

    #[doc(hidden)]
    fn sign_ins(auth: &JwtAuth<C, Self>) -> Option<&dyn SignInBackend<C>> {
        let _ = auth;
        None
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Mode<C> for Verifies {}

impl<C: DeserializeOwned + Send + Sync + 'static> Mode<C> for Signs {}

/// Without a store there are no sign-ins of ours.
fn somebody<C>(verified: &VerifiedToken<C>) -> AuthFuture<Outcome<C>> {
    AuthFuture::ready(match verified.proven() {
        TokenSubject::Somebody(identity) => Outcome::Authenticated(identity.clone()),
        TokenSubject::SignIn(_) => rejected(RejectionReason::Unknown),
    })
}

impl<C, M> Authenticator for JwtAuth<C, M>
where
    C: DeserializeOwned + Send + Sync + 'static,
    M: Mode<C>,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let (transport, token) = transport::find(head, self.base().cookie.as_ref())?;
        Some(Attempt::new(transport, self.verify_parts(token)))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        Challenge::bearer(reason).append_to(headers);
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.base().cookie {
            None => "authorization",
            Some(_) => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        M::sign_ins(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.base().cross_site
    }

    fn clock(&self) -> &Clock {
        &self.base().clock
    }
}

impl<C, M> JwtAuth<C, M>
where
    C: DeserializeOwned + Send + Sync + 'static,
    M: Mode<C>,
{
    /// What this token proves, wherever it came from: a message on a socket, a queue.
    pub fn verify(&self, token: &[u8]) -> AuthFuture<Outcome<C>> {
        self.verify_parts(Compact::split(token))
    }

    fn verify_parts(&self, token: Result<Compact<'_>, RejectionReason>) -> AuthFuture<Outcome<C>> {
        let now = self.base().clock.now();
        match token.and_then(|token| self.config.verify(&token, now)) {
            Ok(verified) => M::conclude(self, verified, now),
            Err(reason) => AuthFuture::ready(rejected(reason)),
        }
    }
}

pub(crate) fn rejected<C>(reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new("bearer", reason))
}
