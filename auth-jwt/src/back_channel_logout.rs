//! [`BackChannelLogout`]: an identity provider ends the sessions of a user (OpenID Connect Back-Channel Logout
//! 1.0).

use auth_core::{AuthError, Clock, Outcome, Timestamp};
use auth_store::{Revocations, SignInManager};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::endpoint::{EndpointError, EndpointService, respond};
use crate::jwt_auth::JwtAuth;
use crate::keys::KeySource;
use crate::mode::Verifies;
use crate::validation::Validation;

/// The event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Ends what belongs to a session at an identity provider when the provider reports the end of the session:
/// sign-ins of this application, and the provider's own tokens.
///
/// The provider sends a logout token to a URL that is registered with it, the `backchannel_logout_uri`. Route
/// that path to the [service](Self::service). The token is signed like an ID token of the provider, and its
/// audience is the client. Providers that follow the first edition of the specification send tokens without
/// an expiry (`exp`). Such a token is accepted for two minutes after its `iat`.
///
/// If the token names a session (`sid`), this session ends. Otherwise, all sessions end that the subject had
/// when the logout token was issued:
///
/// - [Sign-ins](Self::sign_ins) that were made with such a
///   [`provider_session`](auth_core::SignIn::provider_session) end on every node. If the token names both a
///   session and a subject, sign-ins of the subject whose ID token named no session end as well, because any
///   of them may belong to this session.
/// - The tokens of the provider are [revoked](JwtAuth::revocations), opaque ones as well if `Introspection` has
///   the same list: those with this `sid`, or those of the subject that were issued until then. The end of one
///   session does not revoke a token without a `sid`.
///
/// ```
/// use auth_jwt::{BackChannelLogout, JwtAuth, Key, Validation};
/// use auth_store::MemoryStore;
///
/// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// # let keys = Key::from_jwk(jwk)?;
/// // With a provider, `keys` is `RemoteKeys::discover("https://login.example")`.
/// let client = Validation::new().issuer("https://login.example").audience("the-client-id");
/// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
///
/// let logout = BackChannelLogout::new(keys, client).sign_ins(auth.sign_in_manager());
/// // with axum: `router.route_service("/backchannel-logout", logout.service())`
/// # let _ = logout.service();
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BackChannelLogout {
    auth: JwtAuth<LogoutToken>,
    sign_ins: Vec<SignInManager>,
    revocations: Vec<Revocations>,
}

/// The claims of a logout token (section 2.4) that are not checked like those of every token.
#[derive(Clone, Debug, Deserialize)]
struct LogoutToken {
    events: Map<String, Value>,
    /// A number of seconds that may have a fraction (RFC 7519 section 2).
    iat: f64,
    sid: Option<Box<str>>,
}

/// What a logout token ends.
#[derive(Clone, Copy, Debug)]
enum LogoutTarget<'a> {
    /// A session, and the sessions without a name of its subject until this time.
    Session(&'a str, Option<(&'a str, Timestamp)>),
    /// All sessions of a subject until this time.
    Subject(&'a str, Timestamp),
}

impl LogoutToken {
    /// Returns what this token ends, which may name a subject.
    fn target<'a>(&'a self, subject: &'a str) -> Option<LogoutTarget<'a>> {
        if !self.events.get(EVENT).is_some_and(Value::is_object) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole seconds count
        let at = Timestamp::from_secs(self.iat as u64);
        let [sid, subject] =
            [self.sid.as_deref(), Some(subject)].map(|claim| claim.filter(|name| !name.is_empty()));
        match (sid, subject) {
            (Some(sid), subject) => {
                Some(LogoutTarget::Session(sid, subject.map(|subject| (subject, at))))
            }
            (None, Some(subject)) => Some(LogoutTarget::Subject(subject, at)),
            (None, None) => None,
        }
    }
}

impl BackChannelLogout {
    /// Accepts logout tokens that were signed by these keys. The validation has the provider as its issuer and
    /// the client id as its audience. The issuer of [`RemoteKeys::discover`](crate::RemoteKeys::discover) need
    /// not be repeated. With [`numeric_subject`](Validation::numeric_subject), the number 17 ends the sign-ins of
    /// the subject `17`.
    ///
    /// # Panics
    ///
    /// Panics if there is no issuer or no audience.
    pub fn new(keys: impl KeySource, validation: Validation) -> Self {
        let auth = JwtAuth::new(keys).validation(validation.logout_token());
        assert!(
            auth.base().verifier.issuers[0].validation.is_pinned(),
            "logout tokens need an issuer, and the client id as their audience"
        );
        let (sign_ins, revocations) = (Vec::new(), Vec::new());
        Self { auth: auth.with_mode(|_| Verifies), sign_ins, revocations }
    }

    /// Ends sign-ins of this manager, which a backend returns from `sign_in_manager`. Also revokes tokens in
    /// the [revocations](SignInManager::revocations) of its store. Can be called for several managers.
    pub fn sign_ins(mut self, sign_ins: &SignInManager) -> Self {
        self.sign_ins.push(sign_ins.clone());
        self
    }

    /// Revokes tokens in this list. Not needed for a list in the store of the [sign-ins](Self::sign_ins).
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations.push(revocations);
        self
    }

    /// Sets the clock by which logout tokens expire. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { auth: self.auth.clock(clock), ..self }
    }

    /// Returns the service that the provider calls with a POST. It responds with:
    ///
    /// - 200 after everything has ended.
    /// - 400 to an invalid token. Also if the [list of revocations](Revocations#size) is full (`server_error`):
    ///   the sign-ins have ended, but the provider's tokens stay valid until they expire.
    /// - 503 if something may not have ended. The provider may send the token again, which ends what is left.
    #[must_use]
    pub fn service(&self) -> EndpointService {
        let logout = self.clone();
        EndpointService::new(self.auth.base().max_token_bytes(), move |form| {
            let logout = logout.clone();
            async move {
                logout.log_out(form.require("logout_token")?.as_bytes()).await?;
                Ok(respond(StatusCode::OK, None))
            }
        })
    }

    async fn log_out(&self, token: &[u8]) -> Result<(), EndpointError> {
        let identity = match self.auth.verify(token).await {
            Outcome::Authenticated(identity) => identity,
            Outcome::Unavailable(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "logout failed");
                return Err(EndpointError::Unavailable);
            }
            Outcome::Rejected(rejection) => {
                tracing::info!(reason = rejection.reason.as_str(), "logout token rejected");
                return Err(EndpointError::InvalidRequest);
            }
            Outcome::Anonymous(_) => return Err(EndpointError::InvalidRequest),
        };
        let issuer = identity.authentication().issuer.as_deref().unwrap_or_default();
        let target = identity.claims().target(identity.subject());
        let target = target.ok_or(EndpointError::InvalidRequest)?;
        // A failure does not keep the others alive.
        let mut done = Ok(());
        for sign_ins in &self.sign_ins {
            done = done.and(end_sign_ins(sign_ins, issuer, target).await);
        }
        for revocations in &self.revocations {
            done = done.and(match target {
                LogoutTarget::Session(sid, _) => revocations.revoke_session(issuer, sid).await,
                LogoutTarget::Subject(subject, at) => {
                    revocations.revoke_subject(issuer, subject, at).await
                }
            });
        }
        Ok(done?)
    }
}

async fn end_sign_ins(
    sign_ins: &SignInManager,
    issuer: &str,
    target: LogoutTarget<'_>,
) -> Result<(), AuthError> {
    match target {
        LogoutTarget::Subject(subject, at) => {
            sign_ins.end_provider_sessions(issuer, subject, at).await.map(drop)
        }
        LogoutTarget::Session(sid, subject) => {
            let of_session = sign_ins.end_provider_session(issuer, sid).await.map(drop);
            let Some((subject, at)) = subject else { return of_session };
            let unnamed = sign_ins.end_unnamed_provider_sessions(issuer, subject, at).await;
            of_session.and(unnamed.map(drop))
        }
    }
}
