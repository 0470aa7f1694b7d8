//! Deliberately wrong backends: each has one fault, and fails the check of the rule that it breaks.

use std::collections::HashMap;

use auth_core::{
    AuthError, AuthErrorKind, AuthFuture, Challenge, CrossOriginProtection, EndReason, Identity,
    Outcome, RefreshOptions, Rejection, RejectionReason, RequestCookie, ResponseEffects,
    SignInBackend, SignInContext, SignInInfo, SignInOptions, SignInResult, SignedIn, StoredSignIns,
    Timestamp, TokenResponse, Transport,
};
use parking_lot::Mutex;

use super::*;
use crate::harness::{jwt, session};

/// The backend that is made wrong.
#[derive(Clone, Copy)]
enum Base {
    Cookie,
    Token,
    /// An access token, and a refresh token in a cookie.
    Pair,
}

macro_rules! faults {
    ($($fault:ident in a $base:ident => $check:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Fault {
            $($fault),*
        }

        const FAULTS: &[(Fault, Base, &str)] =
            &[$((Fault::$fault, Base::$base, stringify!($check))),*];
    };
}

faults! {
    NoChallenge in a Token => a_request_without_a_credential_is_challenged;
    MalformedChallenge in a Token => a_request_without_a_credential_is_challenged;
    ErrorWithoutCredential in a Token => a_request_without_a_credential_is_challenged;
    AbsenceIsRejected in a Token => a_request_without_a_credential_is_anonymous;
    AnyCookieIsACredential in a Cookie => an_unrelated_header_is_no_credential;
    AnySchemeIsACredential in a Token => an_unrelated_header_is_no_credential;
    EveryUserIsTheSame in a Token => a_valid_credential_identifies_its_user;
    VariesByAnotherHeader in a Token => sec_44_a_response_varies_by_the_credential;
    MalformedIsAbsent in a Cookie => an_invalid_credential_is_rejected;
    InvalidIsUnavailable in a Token => an_invalid_credential_is_rejected;
    InvalidIsAVisitor in a Token => an_invalid_credential_is_rejected;
    ErrorIsNotNamed in a Token => an_invalid_credential_is_rejected;
    EndIsNotCompared in a Token => sec_01_a_changed_credential_is_rejected;
    FirstOfTwoCounts in a Cookie => sec_34_two_different_credentials_are_rejected;
    RepeatedCookieIsRejected in a Cookie => sec_34_two_different_credentials_are_rejected;
    ExpiryIsIgnored in a Token => an_expired_credential_is_rejected;
    RevocationIsIgnored in a Token => a_revoked_credential_is_rejected;
    FailureIsRejected in a Token => sec_76_a_failure_is_reported_as_unavailable;
    FailureIsAVisitor in a Token => sec_76_a_failure_is_reported_as_unavailable;
    FailureIsAbsent in a Cookie => sec_76_a_failure_is_reported_as_unavailable;
    MissingScopeIsAnInvalidToken in a Token => a_challenge_names_the_missing_scope;
    CookieIsExplicit in a Cookie => sec_38_another_site_cannot_use_an_ambient_credential;
    OriginIsNotChecked in a Cookie => sec_38_another_site_cannot_use_an_ambient_credential;
    TokenIsAmbient in a Token => sec_38_another_site_cannot_use_an_ambient_credential;
    SignInFromAnySite in a Cookie => sec_82_another_site_cannot_sign_in;
    RefreshFromAnySite in a Pair => another_site_cannot_refresh;
    SignOutFromAnySite in a Pair => another_site_cannot_sign_out;
    SameCredentialAgain in a Token => a_sign_in_delivers_a_valid_credential;
    UselessCredential in a Token => a_sign_in_delivers_a_valid_credential;
    SignInIsCached in a Token => sec_44_a_delivered_credential_is_never_cached;
    RefreshIsCached in a Token => sec_44_a_delivered_credential_is_never_cached;
    OldCredentialStaysValid in a Token => sec_83_a_sign_in_ends_the_credential_of_its_request;
    PlantedCredentialIsAdopted in a Token => sec_06_a_sign_in_never_adopts_a_credential;
    ListedTwice in a Token => a_sign_in_is_listed_once;
    ListsOfOthers in a Token => a_sign_in_is_listed_once;
    NothingIsRefreshed in a Token => a_refresh_replaces_the_credential_of_the_same_sign_in;
    AnybodyIsRefreshed in a Token => a_refresh_needs_a_valid_credential;
    RefreshIsForbidden in a Token => a_refresh_needs_a_valid_credential;
    NobodyIsSignedOut in a Token => a_sign_out_ends_the_sign_in;
    CookieIsNotRemoved in a Cookie => a_sign_out_ends_the_sign_in;
    AllAreSignedOut in a Token => a_sign_out_spares_other_sign_ins;
    SignedOutOnce in a Token => a_sign_out_may_be_repeated;
    NothingIsRevoked in a Token => a_revocation_of_the_others_spares_only_this_one;
    AllAreRevoked in a Token => a_revocation_of_the_others_spares_only_this_one;
    FailureIsASuccess in a Token => a_failed_sign_in_delivers_no_credential;
}

/// A backend with a fault.
struct Wrong {
    fault: Fault,
    right: Auth,
    /// The same without the protection against other sites.
    lax: Auth,
    seen: Arc<Mutex<Seen>>,
}

/// What the faults need to know of earlier requests.
#[derive(Default)]
struct Seen {
    identities: HashMap<String, Identity<User>>,
    issued: Option<SignedIn>,
    /// The issued tokens.
    tokens: Vec<String>,
    /// Tokens that were planted, and those that were issued for them.
    planted: HashMap<String, String>,
}

impl Wrong {
    fn new(fault: Fault, base: Base, setup: &Setup) -> Self {
        let (right, lax) = match base {
            Base::Cookie => {
                (session(setup).erased(), session(setup).insecure_cross_origin().erased())
            }
            Base::Pair => (jwt(setup).erased(), jwt(setup).insecure_cross_origin().erased()),
            Base::Token => {
                let token = (TestBackend::token().build)(setup); // has no cookie to protect
                (Arc::clone(&token), token)
            }
        };
        Self { fault, right, lax, seen: Arc::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Returns the backend without protection for the operation with this fault.
    fn unless(&self, fault: Fault) -> &dyn SignInBackend<User> {
        let chosen = if self.is(fault) { &self.lax } else { &self.right };
        chosen.sign_ins().unwrap()
    }

    /// Returns the request that the backend is shown, if it differs.
    fn replaced(&self, head: &RequestHead<'_>) -> Option<Request<()>> {
        let mut request = Request::new(());
        request.headers_mut().clone_from(head.headers());
        let headers = request.headers_mut();
        let seen = self.seen.lock();
        let token = head.credentials("Bearer").map(|it| String::from_utf8_lossy(it).into_owned());
        match self.fault {
            Fault::FirstOfTwoCounts => {
                let cookies = headers.get(header::COOKIE)?.to_str().ok()?.to_owned();
                let (first, _) = cookies.split_once("; ")?;
                headers.insert(header::COOKIE, HeaderValue::from_str(first).ok()?);
            }
            Fault::EndIsNotCompared => {
                let token = token?;
                let begins = |it: &&String| it[..it.len() - 8] == token[..token.len() - 8];
                let known = seen.tokens.iter().filter(|it| it.len() == token.len()).find(begins)?;
                headers.insert(header::AUTHORIZATION, bearer(known));
            }
            Fault::PlantedCredentialIsAdopted => {
                headers.insert(header::AUTHORIZATION, bearer(seen.planted.get(&token?)?));
            }
            _ => return None,
        }
        Some(request)
    }

    /// Returns what the backend decides without its store.
    fn decided(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        let reject =
            |reason| Some(Attempt::explicit(Outcome::Rejected(Rejection::new("bearer", reason))));
        let has_cookies = head.headers().contains_key(header::COOKIE);
        let cookie = head.cookie(SESSION);
        let cookies = head.headers().get(header::COOKIE).and_then(|value| value.to_str().ok());
        match self.fault {
            Fault::AbsenceIsRejected => reject(RejectionReason::Malformed),
            Fault::AnySchemeIsACredential if head.has_authorization() => {
                reject(RejectionReason::Malformed)
            }
            Fault::AnyCookieIsACredential if has_cookies && cookie == RequestCookie::Absent => {
                Some(Attempt::ambient(Outcome::Rejected(Rejection::new(
                    "session",
                    RejectionReason::Malformed,
                ))))
            }
            Fault::RepeatedCookieIsRejected if cookies.is_some_and(|it| it.contains("; ")) => {
                Some(Attempt::ambient(Outcome::Rejected(Rejection::new(
                    "session",
                    RejectionReason::Duplicate,
                ))))
            }
            _ => None,
        }
    }
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

fn visitor() -> Outcome<User> {
    Outcome::Anonymous(SignInId::from_bytes([3; 16]))
}

impl Fault {
    /// Changes the outcome of a verification. `identity` is that of an earlier request with the credential.
    fn change(
        self,
        outcome: Outcome<User>,
        earlier: Option<Identity<User>>,
        any: Option<Identity<User>>,
    ) -> Outcome<User> {
        match (self, outcome) {
            (Self::EveryUserIsTheSame, Outcome::Authenticated(identity)) => {
                Outcome::Authenticated(any.unwrap_or(identity))
            }
            (Self::InvalidIsUnavailable, Outcome::Rejected(rejection)) => {
                Outcome::Unavailable(rejection.into())
            }
            (Self::InvalidIsAVisitor, Outcome::Rejected(_))
            | (Self::FailureIsAVisitor, Outcome::Unavailable(_)) => visitor(),
            (Self::FailureIsRejected | Self::FailureIsAbsent, Outcome::Unavailable(_)) => {
                Outcome::Rejected(Rejection::new("bearer", RejectionReason::Unknown))
            }
            (
                Self::ExpiryIsIgnored | Self::RevocationIsIgnored | Self::OldCredentialStaysValid,
                Outcome::Rejected(rejection),
            ) => match earlier.filter(|_| self.ignores(rejection.reason)) {
                Some(identity) => Outcome::Authenticated(identity),
                None => Outcome::Rejected(rejection),
            },
            (_, outcome) => outcome,
        }
    }

    fn ignores(self, reason: RejectionReason) -> bool {
        match self {
            Self::ExpiryIsIgnored => reason == RejectionReason::Expired,
            Self::RevocationIsIgnored => reason == RejectionReason::Unknown,
            _ => true,
        }
    }
}

impl Authenticator for Wrong {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        if let Some(decided) = self.decided(head) {
            return Some(decided);
        }
        let attempt = match self.replaced(head) {
            Some(request) => self.right.authenticate(&RequestHead::from(&request)),
            None => self.right.authenticate(head),
        }?;
        let transport = match self.fault {
            Fault::CookieIsExplicit => Transport::Explicit,
            Fault::TokenIsAmbient => Transport::Ambient,
            _ => attempt.transport(),
        };
        let outcome = match (self.fault, attempt.into_outcome().into_ready()) {
            (Fault::MalformedIsAbsent, Ok(Outcome::Rejected(_))) => return None,
            (_, Ok(outcome)) => AuthFuture::from(outcome),
            (_, Err(verifying)) => AuthFuture::boxed(verifying),
        };
        let (fault, seen) = (self.fault, Arc::clone(&self.seen));
        let key =
            format!("{:?}{:?}", head.credentials("Bearer"), head.headers().get(header::COOKIE));
        let changed = AuthFuture::boxed(async move {
            let outcome = outcome.await;
            let mut seen = seen.lock();
            let (earlier, any) = (seen.identities.get(&key), seen.identities.values().next());
            let outcome = fault.change(outcome, earlier.cloned(), any.cloned());
            if let Outcome::Authenticated(identity) = &outcome {
                seen.identities.insert(key, identity.clone());
            }
            outcome
        });
        Some(Attempt::new(transport, changed))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        match (self.fault, reason) {
            (Fault::NoChallenge, _) => {}
            (Fault::MalformedChallenge, _) => Challenge::new("\"").append_to(headers),
            (Fault::ErrorWithoutCredential, ChallengeReason::MissingCredential)
            | (Fault::MissingScopeIsAnInvalidToken, ChallengeReason::InsufficientScope(_)) => {
                Challenge::new("Bearer").param("error", "invalid_token").append_to(headers);
            }
            (Fault::ErrorIsNotNamed, ChallengeReason::InvalidCredential(_)) => {
                Challenge::new("Bearer").append_to(headers);
            }
            _ => self.right.challenge(reason, headers),
        }
    }

    fn vary(&self) -> HeaderValue {
        match self.fault {
            Fault::VariesByAnotherHeader => HeaderValue::from_static("x-token"),
            _ => self.right.vary(),
        }
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<User>> {
        Some(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        let chosen = if self.is(Fault::OriginIsNotChecked) { &self.lax } else { &self.right };
        chosen.cross_origin()
    }

    fn clock(&self) -> &Clock {
        self.right.clock()
    }
}

/// Returns a sign-in that delivers this token.
fn delivering(token: &str) -> SignedIn {
    let tokens = TokenResponse::bearer(token, Duration::from_secs(60));
    SignedIn::by_tokens(SignInId::from_bytes([5; 16]), tokens)
}

#[async_trait]
impl SignInBackend<User> for Wrong {
    fn supports_transport(&self, transport: Transport) -> bool {
        self.unless(self.fault).supports_transport(transport)
    }

    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        options: SignInOptions<User>,
    ) -> SignInResult {
        if let (Fault::SameCredentialAgain, Some(issued)) = (self.fault, &self.seen.lock().issued) {
            return Ok(issued.clone());
        }
        let backend = self.unless(Fault::SignInFromAnySite);
        let signed_in = match backend.sign_in(context, options).await {
            Err(_) if self.is(Fault::FailureIsASuccess) => return Ok(delivering("abc")),
            done => done?,
        };
        if self.is(Fault::UselessCredential) {
            return Ok(delivering("tok_abc"));
        }
        if self.is(Fault::SignInIsCached) {
            context.state().effects(ResponseEffects::clear);
        }
        let mut seen = self.seen.lock();
        seen.issued = Some(signed_in.clone());
        if let Some(tokens) = &signed_in.tokens {
            seen.tokens.push(tokens.access_token.to_string());
            if let Some(planted) = context.credentials("Bearer") {
                let planted = String::from_utf8_lossy(planted).into_owned();
                seen.planted.insert(planted, tokens.access_token.to_string());
            }
        }
        Ok(signed_in)
    }

    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        if let (Fault::NothingIsRefreshed, Some(issued)) = (self.fault, &self.seen.lock().issued) {
            return Ok(issued.clone());
        }
        match self.unless(Fault::RefreshFromAnySite).refresh(context, options).await {
            Err(_) if self.is(Fault::AnybodyIsRefreshed) => Ok(delivering("abc")),
            Err(_) if self.is(Fault::RefreshIsForbidden) => {
                Err(AuthError::new(AuthErrorKind::CrossOrigin, "no credential"))
            }
            Ok(refreshed) if self.is(Fault::RefreshIsCached) => {
                context.state().effects(ResponseEffects::clear);
                Ok(refreshed)
            }
            done => done,
        }
    }

    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        match self.fault {
            Fault::NobodyIsSignedOut => return Ok(()),
            Fault::SignedOutOnce if context.state().sign_in().is_none() => {
                return Err(AuthError::new(AuthErrorKind::Unauthenticated, "not signed in"));
            }
            Fault::AllAreSignedOut => {
                let all = self.right.sign_ins().unwrap().stored_sign_ins();
                all.revoke("ada", Revoke::All).await?;
            }
            _ => {}
        }
        self.unless(Fault::SignOutFromAnySite).sign_out(context).await?;
        if self.is(Fault::CookieIsNotRemoved) {
            context.state().effects(ResponseEffects::clear);
        }
        Ok(())
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        self
    }
}

#[async_trait]
impl StoredSignIns for Wrong {
    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let stored = self.right.sign_ins().unwrap().stored_sign_ins();
        let mut listed = stored.list(subject).await?;
        match self.fault {
            Fault::ListedTwice => listed.extend(listed.clone()),
            Fault::ListsOfOthers => listed.extend(stored.list("bob").await?),
            _ => {}
        }
        Ok(listed)
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        let stored = self.right.sign_ins().unwrap().stored_sign_ins();
        match self.fault {
            Fault::NothingIsRevoked => Ok(1),
            Fault::AllAreRevoked => stored.revoke(subject, Revoke::All).await.map(|_| 1),
            _ => stored.revoke(subject, which).await,
        }
    }

    fn ended(&self, id: SignInId, at: Option<Timestamp>) -> auth_core::BoxFuture<EndReason> {
        self.right.sign_ins().unwrap().stored_sign_ins().ended(id, at)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_caught() {
    for (fault, base, check) in FAULTS {
        let wrong = |setup: &Setup| Wrong::new(*fault, *base, setup).erased();
        let fresh = async || Fixture::new(Arc::new(MemoryStore::new()), wrong);
        let report = with_tower(fresh).await;
        let caught = report.failures().any(|(failed, _)| failed == *check);
        assert!(caught, "{fault:?} is not caught by {check}: {report}");
    }
}

/// The list of faults leaves no check out.
#[test]
fn every_check_catches_a_fault() {
    for check in CHECKS {
        assert!(FAULTS.iter().any(|(_, _, by)| by == check), "{check}");
    }
}
