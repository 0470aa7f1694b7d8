//! The contract between a backend and the layer.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::cross_site::CrossOriginProtection;
use crate::future::AuthFuture;
use crate::head::RequestHead;
use crate::outcome::Outcome;
use crate::rejection::ChallengeReason;
use crate::sign_ins::SignInBackend;
use crate::transport::{MemberPath, Transport};

/// A credential was found: how it came, and its verification under way.
#[derive(Debug)]
pub struct Attempt<C> {
    transport: Transport,
    in_header: bool,
    outcome: AuthFuture<Outcome<C>>,
    member: MemberPath,
}

impl<C> Attempt<C> {
    /// A credential in a header that the client set on purpose.
    pub fn explicit(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self::new(Transport::Explicit, outcome)
    }

    /// A credential that a browser attaches by itself.
    pub fn ambient(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self::new(Transport::Ambient, outcome)
    }

    /// A credential in an `Authorization` header that a browser attaches by itself once its user
    /// has typed a password: Basic, Digest, Negotiate.
    pub fn ambient_header(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self { in_header: true, ..Self::ambient(outcome) }
    }

    /// A credential that came by `transport`.
    pub fn new(transport: Transport, outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        let in_header = transport == Transport::Explicit;
        Self { transport, in_header, outcome: outcome.into(), member: MemberPath::default() }
    }

    /// Whether it came in a header that is not `Cookie`, and so decides before any cookie.
    pub(crate) fn in_header(&self) -> bool {
        self.in_header
    }

    /// How the credential came.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its verification.
    #[must_use]
    pub fn into_outcome(self) -> AuthFuture<Outcome<C>> {
        self.outcome
    }

    pub(crate) fn member(&self) -> MemberPath {
        self.member
    }

    pub(crate) fn found_by(self, index: usize, count: usize) -> Self {
        Self { member: self.member.within(index, count), ..self }
    }
}

/// Says who sent a request, by one kind of credential.
///
/// [`SessionAuth`] and [`JwtAuth`] are the two that come with this workspace. Your own takes three
/// short methods; [`AuthLayer`](crate::AuthLayer) makes it a Tower layer:
///
/// ```
/// use auth_core::{Attempt, AuthLayer, Authenticator, Claims, Clock, ChallengeReason, AuthenticationInfo, RequestHead, Identity};
/// use auth_core::{Outcome, Principal, RejectionReason, Rejection};
/// use http::{HeaderMap, HeaderValue, header};
///
/// struct ApiKeys;
///
/// impl Authenticator for ApiKeys {
///     type Claims = Claims;
///
///     fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
///         let key = head.headers().get("x-api-key")?; // absent: not ours to judge
///         Some(Attempt::explicit(match key.as_bytes() {
///             b"a-key-of-the-robot" => {
///                 let authentication = AuthenticationInfo::new("api-key", Clock::system().now());
///                 Outcome::Authenticated(Identity::verified(Principal::new("robot"), authentication))
///             }
///             _ => Outcome::Rejected(Rejection::new("api-key", RejectionReason::Unknown)),
///         }))
///     }
///
///     fn challenge(&self, _: &ChallengeReason<'_>, headers: &mut HeaderMap) {
///         headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey"));
///     }
///
///     fn vary(&self) -> HeaderValue {
///         HeaderValue::from_static("x-api-key")
///     }
/// }
///
/// let layer = AuthLayer::new(ApiKeys);
/// ```
///
/// [`SessionAuth`]: https://docs.rs/auth-session
/// [`JwtAuth`]: https://docs.rs/auth-jwt
pub trait Authenticator: Send + Sync + 'static {
    /// The application's own claims in the identities that this authenticator yields.
    type Claims: Send + Sync + 'static;

    /// Looks for a credential of this kind, and starts to verify it.
    ///
    /// `None` means that the request carries none, and the next authenticator is asked; that shows
    /// in the head alone. A credential that is there but no good is [`Outcome::Rejected`], one
    /// that nobody can judge now is [`Outcome::Unavailable`]; neither is ever `None`. Of two
    /// credentials of one kind none counts: [`RejectionReason::Duplicate`](crate::RejectionReason::Duplicate).
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Self::Claims>>;

    /// Appends the `WWW-Authenticate` of this scheme, if the scheme can meet the demand (RFC 9110
    /// section 11.6.1).
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap);

    /// The request headers that answers depend on, as `Vary` lists them.
    fn vary(&self) -> HeaderValue;

    /// The half of the backend that starts and ends sign-ins; none for a pure verifier.
    fn sign_ins(&self) -> Option<&dyn SignInBackend<Self::Claims>> {
        None
    }

    /// Returns which cross-origin requests may use an ambient credential of this authenticator.
    /// Defaults to [`CrossOriginProtection::STRICT`].
    fn cross_origin(&self) -> &CrossOriginProtection {
        &CrossOriginProtection::STRICT
    }

    /// Returns the clock by which [`Require::max_auth_age`](crate::Require::max_auth_age) measures
    /// the age of an authentication. Defaults to the system's clock.
    fn clock(&self) -> &Clock {
        static SYSTEM: Clock = Clock::system();
        &SYSTEM
    }

    /// Returns the member of a combination that found a credential: it answers for what a request
    /// with that credential may do. `None` if this authenticator is no combination.
    #[doc(hidden)]
    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = Self::Claims>> {
        let _ = path;
        None
    }

    /// Without its type, for lists that are made at run time.
    fn erased(self) -> Arc<dyn Authenticator<Claims = Self::Claims>>
    where
        Self: Sized,
    {
        Arc::new(self)
    }
}

impl<C> fmt::Debug for dyn Authenticator<Claims = C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

/// A shared authenticator is one, too.
impl<C: Send + Sync + 'static> Authenticator for Arc<dyn Authenticator<Claims = C>> {
    type Claims = C;
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        (**self).authenticate(head)
    }
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        (**self).challenge(reason, headers);
    }
    fn vary(&self) -> HeaderValue {
        (**self).vary()
    }
    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        (**self).sign_ins()
    }
    fn cross_origin(&self) -> &CrossOriginProtection {
        (**self).cross_origin()
    }
    fn clock(&self) -> &Clock {
        (**self).clock()
    }
    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = C>> {
        (**self).member(path)
    }
    fn erased(self) -> Arc<dyn Authenticator<Claims = C>> {
        self
    }
}
