//! Authenticating requests by tokens.
//!
//! A token is found in the request, and then verified or found in the cache of verified tokens. A
//! token from another issuer proves its subject alone. A token that this application issued must
//! also match its stored sign-in.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, ChallengeReason, Clock, CrossOriginProtection, Identity,
    Outcome, Rejection, RejectionReason, RequestCookie, RequestHead, SignInBackend, SignInContext,
    Timestamp, TokenIssuers, Transport,
};
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use crate::cache::TokenDigest;
use crate::jws::{Compact, TOO_LONG};
use crate::jwt_auth::{Base, JwtAuth};
use crate::mode::{Mode, Signs, Verifies};
use crate::protected_resource::challenge;
use crate::rejections;
#[cfg(feature = "remote-keys")]
use crate::remote_keys::{Demand, Fetch, RemoteKeys};
use crate::revocation_list::Freshness;
#[cfg(feature = "remote-keys")]
use crate::verifier::Verifier;
use crate::verifier::{TokenSubject, ValidatedToken};

/// A mode in which a [`JwtAuth`] authenticates users with claims `C`.
pub trait ModeFor<C>: Mode + Sized {
    #[doc(hidden)]
    fn sign_in_backend(auth: &JwtAuth<C, Self>) -> Option<&dyn SignInBackend<C>> {
        let _ = auth;
        None
    }

    /// Finds a secret in the place of a token: the credential of a sign-in whose second factor is still to be
    /// verified, or a refresh token.
    #[doc(hidden)]
    fn pending(auth: &JwtAuth<C, Self>, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let _ = (auth, head);
        None
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> ModeFor<C> for Verifies {}

impl<C: DeserializeOwned + Send + Sync + 'static> ModeFor<C> for Signs {}

/// A token that was valid when it was verified, and that is cached unless there is no cache.
pub(crate) type VerifiedToken<C> = Arc<ValidatedToken<C>>;

/// A token that a request carries: its transport, and its parts if it is well-formed.
type FoundToken<'a> = (Transport, Result<Compact<'a>, RejectionReason>);

/// Finds the token that decides who sent a request. An `Authorization` header decides even if it is
/// for another backend: then the cookie is not looked at.
fn find<'a>(head: &RequestHead<'a>, base: &Base) -> Option<FoundToken<'a>> {
    if head.has_authorization() {
        return in_header(head.credentials("Bearer")?, base);
    }
    in_cookie(head.cookie(base.cookie.as_ref()?.name()), base)
}

/// Finds the same token later, when the request changes its sign-in or verifies its credential again.
pub(crate) fn find_again<'a>(context: SignInContext<'a>, base: &Base) -> Option<FoundToken<'a>> {
    if context.has_authorization() {
        return in_header(context.credentials("Bearer")?, base);
    }
    in_cookie(context.cookie(base.cookie.as_ref()?.name()), base)
}

fn in_header<'a>(token: &'a [u8], base: &Base) -> Option<FoundToken<'a>> {
    Some((Transport::Explicit, Compact::find(token, base.max_token_bytes())?))
}

fn in_cookie<'a>(cookie: RequestCookie<'a>, base: &Base) -> Option<FoundToken<'a>> {
    let token = match cookie {
        RequestCookie::Absent => return None,
        RequestCookie::One(token) => Compact::split(token, base.max_token_bytes()),
        RequestCookie::Many => Err(RejectionReason::Duplicate),
    };
    Some((Transport::Ambient, token))
}

impl<C, M> Authenticator for JwtAuth<C, M>
where
    C: DeserializeOwned + Send + Sync + 'static,
    M: ModeFor<C>,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let found = find(head, self.base());
        if !matches!(found, Some((_, Ok(_))))
            && let Some(pending) = M::pending(self, head)
        {
            return Some(pending);
        }
        let (transport, token) = found?;
        if transport == Transport::Ambient && head.check_origin(&self.base().protection).is_err() {
            return Some(Attempt::cross_origin());
        }
        let (now, keys) = (self.base().clock.now(), self.base().verifier.generation());
        Some(match token.and_then(|token| self.verified(&token, now)) {
            Ok(verified) => {
                Attempt::new(transport, self.conclude(verified, now, Freshness::Cached))
            }
            Err(reason) => {
                // The issuer is read only after the rejection, so that it costs a valid token nothing. That of
                // a token which is too long here is not read: another backend may accept longer ones.
                let is_tentative = match &token {
                    Ok(token) => self.base().verifier.is_of_another_issuer(token),
                    Err(reason) => *reason == TOO_LONG,
                };
                let attempt = Attempt::new(transport, self.reject(token, reason, keys, now));
                if is_tentative { attempt.tentative() } else { attempt }
            }
        })
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        let Base { realm, resource, .. } = self.base();
        challenge(realm, resource.as_deref(), reason).append_to(headers);
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.base().cookie {
            None => "authorization",
            Some(_) => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        M::sign_in_backend(self)
    }

    /// Verifies the token again, and reads its sign-in, or whether it is revoked, from the store itself.
    fn revalidate(&self, context: SignInContext<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        let now = self.base().clock.now();
        let verified = match find_again(context, self.base()) {
            Some((_, token)) => token.and_then(|token| self.verified(&token, now)),
            None => Err(RejectionReason::Unknown),
        };
        match verified {
            Ok(verified) => self.conclude(verified, now, Freshness::Anew),
            Err(reason) => rejected(reason).into(),
        }
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.base().protection
    }

    fn clock(&self) -> &Clock {
        &self.base().clock
    }

    fn token_issuers(&self) -> TokenIssuers {
        self.base().verifier.issuers()
    }
}

impl<C, M> JwtAuth<C, M>
where
    C: DeserializeOwned + Send + Sync + 'static,
    M: Mode,
{
    /// Verifies a token that did not come with a request: from a message on a socket, or a queue.
    pub fn verify(&self, token: &[u8]) -> AuthFuture<Outcome<C>> {
        let (now, keys) = (self.base().clock.now(), self.base().verifier.generation());
        let token = Compact::split(token, self.base().max_token_bytes());
        match token.and_then(|token| self.verified(&token, now)) {
            Ok(verified) => self.conclude(verified, now, Freshness::Cached),
            Err(reason) => self.reject(token, reason, keys, now),
        }
    }

    /// Rejects a token, unless other keys of its issuer than those of this generation could verify it.
    #[cfg_attr(not(feature = "remote-keys"), expect(unused_variables))]
    fn reject(
        &self,
        token: Result<Compact<'_>, RejectionReason>,
        reason: RejectionReason,
        keys: u64,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        #[cfg(feature = "remote-keys")]
        if let Ok(token) = &token
            && Verifier::is_about_keys(reason)
        {
            return self.verify_by_newer_keys(token, reason, keys, now);
        }
        AuthFuture::ready(self.refuse(token.ok().as_ref(), reason))
    }

    /// Verifies a token again after its keys were fetched. If they were fetched just now, rejects it.
    #[cfg(feature = "remote-keys")]
    fn verify_by_newer_keys(
        &self,
        token: &Compact<'_>,
        reason: RejectionReason,
        seen: u64,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        let verifier = &self.base().verifier;
        let remote = match verifier.keys_to_fetch(token, now, &self.base().clock) {
            Ok(remote) => remote.map(|keys| (keys.unknown_key(now), keys)),
            Err(error) => return Outcome::Unavailable(error.into()).into(),
        };
        match remote {
            Some((Demand::Wait(fetch), keys)) => {
                let (auth, token) = (self.clone(), Box::<[u8]>::from(token.whole));
                AuthFuture::boxed(async move { auth.verify_after(fetch, &keys, &token).await })
            }
            Some((Demand::Unavailable(error), _)) => Outcome::Unavailable(error.into()).into(),
            Some((Demand::Reject, _)) | None => {
                // A set that arrived since the token was verified may contain its key.
                if verifier.generation() == seen {
                    return AuthFuture::ready(self.refuse(Some(token), reason));
                }
                match self.verified(token, now) {
                    Ok(verified) => self.conclude(verified, now, Freshness::Cached),
                    Err(reason) => AuthFuture::ready(self.refuse(Some(token), reason)),
                }
            }
        }
    }

    /// Verifies a token after this fetch. If the fetch had begun before the token arrived and did not return
    /// its key, also waits for the next one.
    #[cfg(feature = "remote-keys")]
    async fn verify_after(&self, mut fetch: Fetch, keys: &RemoteKeys, token: &[u8]) -> Outcome<C> {
        loop {
            // Without a result, the keys that are trusted decide.
            let _ = keys.wait(fetch).await;
            let now = self.base().clock.now();
            let token = Compact::split(token, self.base().max_token_bytes());
            let reason = match token.and_then(|token| self.verified(&token, now)) {
                Ok(verified) => return self.conclude(verified, now, Freshness::Cached).await,
                Err(reason) => reason,
            };
            if let Some(error) = keys.unavailable(now) {
                return Outcome::Unavailable(error.into());
            }
            let is_lacking = |token: &_| {
                let Base { verifier, clock, .. } = self.base();
                matches!(verifier.keys_to_fetch(token, now, clock), Ok(Some(_)))
            };
            let demand = match &token {
                Ok(token) if !fetch.is_new && is_lacking(token) => keys.demand(now),
                _ => Demand::Reject,
            };
            fetch = match demand {
                Demand::Wait(later) => Fetch { is_new: true, ..later },
                Demand::Reject => return self.refuse(token.ok().as_ref(), reason),
                Demand::Unavailable(error) => return Outcome::Unavailable(error.into()),
            };
        }
    }

    /// Rejects a token, and counts that by its issuer.
    fn refuse(&self, token: Option<&Compact<'_>>, reason: RejectionReason) -> Outcome<C> {
        let issuer = |token| self.base().verifier.name_of_issuer(token);
        rejections::count(reason, || token.map(issuer).unwrap_or_default());
        rejected(reason)
    }

    /// Verifies a token without the store, or finds it in the cache of verified tokens.
    pub(crate) fn verified(
        &self,
        token: &Compact<'_>,
        now: Timestamp,
    ) -> Result<VerifiedToken<C>, RejectionReason> {
        let verifier = &self.base().verifier;
        let Some(cache) = self.config.cache() else {
            let validated = verifier.check_signature(token, now)?.validate(token, now)?;
            validated.check_now(now)?;
            return Ok(Arc::new(validated));
        };
        let by_digest = (!verifier.only_shares_secrets()).then(|| TokenDigest::of(token.whole));
        if let Some(digest) = &by_digest
            && let Some(known) = cache.find(digest, now)
        {
            return known;
        }
        let signed = verifier.check_signature(token, now)?;
        // An HMAC signature is itself a digest, which checking it has just computed.
        let digest = match by_digest {
            Some(digest) if !signed.key.is_shared() => digest,
            _ => {
                let mac = token.with_signature(TokenDigest::of_mac)?;
                if let Some(known) = cache.find(&mac, now) {
                    return known;
                }
                mac
            }
        };
        let validated = signed.validate(token, now)?;
        validated.check_now(now)?;
        Ok(cache.insert(digest, validated))
    }

    /// Decides what a verified token proves. One that we issued belongs to a stored sign-in, which
    /// is looked up; without a store there are no such tokens.
    pub(crate) fn conclude(
        &self,
        verified: VerifiedToken<C>,
        now: Timestamp,
        freshness: Freshness,
    ) -> AuthFuture<Outcome<C>> {
        match &verified.subject {
            TokenSubject::Foreign(identity) => {
                self.base().revocations.admit(identity, &verified.names, now, freshness)
            }
            #[cfg(feature = "sign-in")]
            TokenSubject::SignIn(token) => {
                let Some(sign_ins) = self.mode.sign_ins() else {
                    return AuthFuture::ready(rejected(RejectionReason::Unknown));
                };
                if matches!(freshness, Freshness::Cached)
                    && let Some(outcome) = sign_ins.try_authenticate(token, now)
                {
                    return AuthFuture::ready(outcome);
                }
                authenticate_in_store(sign_ins, verified, now)
            }
        }
    }
}

/// Authenticates a token that we issued by the store itself.
#[cfg(feature = "sign-in")]
fn authenticate_in_store<C>(
    sign_ins: &Arc<auth_store::SignInManager>,
    verified: VerifiedToken<C>,
    now: Timestamp,
) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let sign_ins = Arc::clone(sign_ins);
    AuthFuture::boxed(async move {
        match &verified.subject {
            TokenSubject::SignIn(token) => sign_ins.authenticate_in_store(token, now).await,
            TokenSubject::Foreign(_) => rejected(RejectionReason::Unknown),
        }
    })
}

/// Rejects a token under the scheme of RFC 6750.
pub(crate) fn rejected<C>(reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new("bearer", reason))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth_core::{Claims, ManualClock, Outcome, Timestamp};
    use serde_json::json;

    use super::ModeFor;
    use crate::{Algorithm, CacheStats, HmacKey, JwtAuth, Key, SigningKey, SigningKeys};

    const CACHED_ONCE: CacheStats = CacheStats { entries: 1, hits: 1, misses: 1 };

    fn token(key: &HmacKey, subject: &str) -> String {
        key.sign("JWT", &json!({ "sub": subject, "exp": 1000 })).unwrap()
    }

    fn subject<M: ModeFor<Claims>>(auth: &JwtAuth<Claims, M>, token: &str) -> Option<String> {
        match auth.verify(token.as_bytes()).into_ready().ok()? {
            Outcome::Authenticated(identity) => Some(identity.subject().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_token_of_a_shared_secret_is_parsed_once_and_verified_each_time() {
        let clock = ManualClock::new(Timestamp::from_secs(10));
        let key = Key::hs256([7; 32]).unwrap();
        let other = Key::hs256([8; 32]).unwrap();
        let (token, forged) = (token(&key, "alice"), token(&other, "alice"));
        let auth = JwtAuth::new(key).clock(clock.clock());
        for _ in 0..2 {
            assert_eq!(subject(&auth, &token).as_deref(), Some("alice"));
        }
        assert_eq!(auth.cache_stats(), CACHED_ONCE);
        let (message, _) = token.rsplit_once('.').unwrap();
        let (forged_message, mac) = forged.rsplit_once('.').unwrap();
        assert_eq!(message, forged_message);
        assert_eq!(subject(&auth, &format!("{message}.{mac}")), None, "a known message");
        let (_, known) = token.rsplit_once('.').unwrap();
        let (header, _) = message.split_once('.').unwrap();
        let mallory = self::token(&other, "mallory");
        let payload = mallory.split('.').nth(1).unwrap();
        assert_eq!(
            subject(&auth, &format!("{header}.{payload}.{known}")),
            None,
            "a known signature"
        );
        assert_eq!(auth.cache_stats(), CACHED_ONCE, "forged tokens are not looked up");
        clock.advance(Duration::from_secs(1060));
        assert_eq!(subject(&auth, &token), None, "it has expired");
    }

    /// The key was not in the set that the token was verified with, and is in the set that has come since.
    #[cfg(all(feature = "remote-keys", feature = "testing"))]
    #[tokio::test]
    async fn r04_a_token_that_was_verified_just_before_new_keys_came_is_accepted() {
        use crate::jws::Compact;
        use crate::testing::IssuerServer;

        let server = IssuerServer::start().await.audience("shop");
        let auth = server.auth();
        let keys = auth.remote_keys().next().unwrap().clone();
        keys.ready().await.unwrap();
        server.issuer().rotate();
        let token = server.issuer().token("alice").sign();
        let compact = Compact::split(token.as_bytes(), 8192).unwrap();
        let (now, seen) = (auth.base().clock.now(), auth.base().verifier.generation());
        let reason = auth.verified(&compact, now).unwrap_err();
        let _ = auth.verify(b"e30.e30.AA").await; // a token that is rejected for another reason
        keys.reload().await.unwrap();
        assert_ne!(auth.base().verifier.generation(), seen);
        let outcome = auth.reject(Ok(compact), reason, seen, now).await;
        assert!(matches!(outcome, Outcome::Authenticated(_)), "{outcome:?}");
    }

    #[test]
    fn tokens_of_secrets_and_of_key_pairs_are_distinguished() {
        let clock = ManualClock::new(Timestamp::from_secs(10));
        let (secret, pair) =
            (Key::hs256([7; 32]).unwrap(), SigningKey::generate(Algorithm::EdDsa).unwrap());
        let alice = token(&secret, "alice");
        let bob = SigningKeys::new(pair.clone())
            .sign("JWT", &json!({ "sub": "bob", "exp": 1000 }))
            .unwrap();
        let auth =
            JwtAuth::new(secret).additional_key(pair.public_key().clone()).clock(clock.clock());
        for _ in 0..3 {
            assert_eq!(subject(&auth, &alice).as_deref(), Some("alice"));
            assert_eq!(subject(&auth, &bob).as_deref(), Some("bob"));
        }
        assert_eq!(auth.cache_stats().entries, 2);
    }
}
