//! [`Authenticator`], the interface of a backend that finds and verifies one kind of credential.
//!
//! An [`Attempt`] is a credential that was found, and an [`Outcome`] is the result of its
//! verification.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::sign_ins::SignInBackend;
use crate::clock::Clock;
use crate::context::{MemberPath, SignInContext, Transport};
use crate::cross_origin::CrossOriginProtection;
use crate::error::BoxError;
use crate::future::AuthFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::rejection::{ChallengeReason, Rejection, RejectionReason};
use crate::sign_in_id::SignInId;

/// A credential that was found in a request, and its verification.
#[derive(Debug)]
pub struct Attempt<C> {
    transport: Transport,
    in_header: bool,
    outcome: AuthFuture<Outcome<C>>,
    tentative: bool,
    member: MemberPath,
}

impl<C> Attempt<C> {
    /// Creates an attempt for a credential in a header that the client set on purpose.
    pub fn explicit(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self::new(Transport::Explicit, outcome)
    }

    /// Creates an attempt for a credential that a browser attaches automatically, such as a cookie.
    pub fn ambient(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self::new(Transport::Ambient, outcome)
    }

    /// Creates an attempt for a credential in an `Authorization` header that a browser attaches
    /// automatically once the user has entered a password: Basic, Digest, Negotiate.
    pub fn ambient_header(outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        Self { in_header: true, ..Self::ambient(outcome) }
    }

    /// Creates an attempt for a cookie that was not verified, because
    /// [`RequestHead::check_origin`] refuses its use. The layer refuses the request.
    #[must_use]
    pub fn cross_origin() -> Self {
        let reason = RejectionReason::Other("from another site");
        Self::ambient(Outcome::Rejected(Rejection::new("cookie", reason)))
    }

    /// Creates an attempt for a credential with this transport.
    pub fn new(transport: Transport, outcome: impl Into<AuthFuture<Outcome<C>>>) -> Self {
        let in_header = transport == Transport::Explicit;
        let (outcome, member) = (outcome.into(), MemberPath::default());
        Self { transport, in_header, outcome, tentative: false, member }
    }

    /// Marks the attempt as one for a credential that may belong to another backend of the same kind,
    /// such as a token of an unknown issuer. In [`any_of`](crate::any_of), a later backend that
    /// recognizes the credential decides instead. If there is none, the outcome of this attempt counts.
    #[must_use]
    pub fn tentative(self) -> Self {
        Self { tentative: true, ..self }
    }

    pub(crate) fn is_tentative(&self) -> bool {
        self.tentative
    }

    /// Returns how much this attempt takes precedence over others of the same request.
    pub(crate) fn rank(&self) -> (bool, bool) {
        (self.in_header, !self.tentative)
    }

    /// Returns whether the credential is in a header other than `Cookie`, and so takes precedence over
    /// any cookie.
    pub(crate) fn in_header(&self) -> bool {
        self.in_header
    }

    /// Returns the transport of the credential.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the verification.
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

/// The outcome of verifying a credential.
#[derive(Debug)]
pub enum Outcome<C> {
    /// The credential is valid.
    Authenticated(Identity<C>),
    /// The credential belongs to a known visitor, who has a session but is not signed in: a cart before
    /// login.
    Anonymous(SignInId),
    /// The credential is invalid: expired, revoked, forged or malformed.
    Rejected(Rejection),
    /// The credential could not be verified, because a store or key source did not answer. The
    /// response is 503.
    Unavailable(BoxError),
}

/// The issuers whose JSON Web Tokens a backend verifies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenIssuers {
    /// The backend verifies no JSON Web Tokens.
    #[default]
    None,
    /// It decides about the tokens of these issuers, and leaves others to later backends: its attempts
    /// for them are [tentative](Attempt::tentative).
    Only(Vec<Arc<str>>),
    /// It decides about every token.
    Any,
}

impl TokenIssuers {
    /// Returns whether a backend that comes after one with these issuers is never asked about some of its
    /// tokens.
    pub(crate) fn hides(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::None, _) | (_, Self::None) | (Self::Only(_), Self::Any) => false,
            (Self::Any, _) => true,
            (Self::Only(own), Self::Only(later)) => own.iter().any(|name| later.contains(name)),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::None, issuers) | (issuers, Self::None) => issuers,
            (Self::Only(names), Self::Only(others)) => Self::Only([names, others].concat()),
        }
    }
}

/// Finds and verifies one kind of credential.
///
/// [`SessionAuth`] and [`JwtAuth`] implement it. Your own implementation needs three short methods, and
/// [`AuthLayer`](crate::AuthLayer) makes it a Tower layer:
///
/// ```
/// use auth_core::{Attempt, AuthLayer, AuthenticationInfo, Authenticator, ChallengeReason, Claims};
/// use auth_core::{Identity, Outcome, Principal, Rejection, RejectionReason, RequestHead};
/// use http::{HeaderMap, HeaderValue, header};
///
/// struct ApiKeys;
///
/// impl Authenticator for ApiKeys {
///     type Claims = Claims;
///
///     fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Claims>> {
///         let key = head.headers().get("x-api-key")?; // no credential of this kind
///         Some(Attempt::explicit(match key.as_bytes() {
///             b"the-key-of-the-robot" => {
///                 let authentication = AuthenticationInfo::new("api-key", None);
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
    /// The application's own claims in the identities of this authenticator.
    type Claims: Send + Sync + 'static;

    /// Looks for a credential of this kind, and starts to verify it.
    ///
    /// Returns `None` if the request carries no such credential; the next authenticator is then
    /// tried. The result must depend on the head alone. An invalid credential is [`Outcome::Rejected`],
    /// and one that cannot be verified now is [`Outcome::Unavailable`]; neither is ever `None`. Two
    /// different credentials of this kind are rejected as
    /// [`RejectionReason::Duplicate`](crate::RejectionReason::Duplicate).
    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<Self::Claims>>;

    /// Appends the `WWW-Authenticate` header of this scheme, if the scheme can help with this reason
    /// (RFC 9110 section 11.6.1).
    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap);

    /// Returns the request headers that responses depend on, as a value of `Vary`.
    fn vary(&self) -> HeaderValue;

    /// Returns the part of the backend that starts and ends sign-ins. Defaults to `None`, which is right
    /// for an authenticator that only verifies.
    fn sign_ins(&self) -> Option<&dyn SignInBackend<Self::Claims>> {
        None
    }

    /// Verifies the request's credential again, bypassing every cache on this node, and returns the identity
    /// that it proves now. `identity` is the result of the first verification. Defaults to
    /// [`SignInBackend::revalidate`], or to `identity` for an authenticator that only verifies.
    ///
    /// An authenticator that wraps another one forwards this method like all others.
    fn revalidate(
        &self,
        context: SignInContext<'_>,
        identity: &Identity<Self::Claims>,
    ) -> AuthFuture<Outcome<Self::Claims>> {
        match self.sign_ins() {
            Some(sign_ins) => sign_ins.revalidate(context, identity),
            None => Outcome::Authenticated(identity.clone()).into(),
        }
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

    /// Returns the issuers whose tokens this authenticator verifies, if it verifies JSON Web Tokens.
    /// [`any_of`](crate::any_of) needs it to distinguish several such authenticators. Defaults to
    /// [`TokenIssuers::None`].
    fn token_issuers(&self) -> TokenIssuers {
        TokenIssuers::None
    }

    /// Returns the member of a combination that found a credential. It decides what a request with
    /// that credential may do. Returns `None` if this authenticator is not a combination.
    ///
    /// An authenticator that wraps another one forwards this method like all others.
    #[doc(hidden)]
    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = Self::Claims>> {
        let _ = path;
        None
    }

    /// Returns the path to the backend of this [name](SignInBackend::name), if this is one or a combination
    /// that contains one.
    ///
    /// An authenticator that wraps another one forwards this method like all others.
    #[doc(hidden)]
    fn named(&self, name: &str) -> Option<MemberPath> {
        let has_name =
            !name.is_empty() && self.sign_ins().is_some_and(|sign_ins| sign_ins.name() == name);
        has_name.then(MemberPath::default)
    }

    /// Erases the type, for lists that are built at run time.
    fn erased(self) -> Arc<dyn Authenticator<Claims = Self::Claims>>
    where
        Self: Sized,
    {
        Arc::new(self)
    }
}

/// Implements the methods of [`Authenticator`] by calling `$inner`, which the macro is given as a
/// closure over `self`.
macro_rules! forward_authenticator {
    ($claims:ty, |$this:ident| $inner:expr) => {
        type Claims = $claims;
        #[inline]
        fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<$claims>> {
            let $this = self;
            $inner.authenticate(head)
        }
        fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
            let $this = self;
            $inner.challenge(reason, headers);
        }
        #[inline]
        fn vary(&self) -> HeaderValue {
            let $this = self;
            $inner.vary()
        }
        fn sign_ins(&self) -> Option<&dyn SignInBackend<$claims>> {
            let $this = self;
            $inner.sign_ins()
        }
        fn revalidate(
            &self,
            context: SignInContext<'_>,
            identity: &Identity<$claims>,
        ) -> AuthFuture<Outcome<$claims>> {
            let $this = self;
            $inner.revalidate(context, identity)
        }
        #[inline]
        fn cross_origin(&self) -> &CrossOriginProtection {
            let $this = self;
            $inner.cross_origin()
        }
        fn clock(&self) -> &Clock {
            let $this = self;
            $inner.clock()
        }
        fn token_issuers(&self) -> TokenIssuers {
            let $this = self;
            $inner.token_issuers()
        }
        #[inline]
        fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = $claims>> {
            let $this = self;
            $inner.member(path)
        }
        fn named(&self, name: &str) -> Option<MemberPath> {
            let $this = self;
            $inner.named(name)
        }
    };
}
pub(crate) use forward_authenticator;

impl<C> fmt::Debug for dyn Authenticator<Claims = C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

/// Lets a shared authenticator be used as one.
impl<C: Send + Sync + 'static> Authenticator for Arc<dyn Authenticator<Claims = C>> {
    forward_authenticator!(C, |this| (**this));
    fn erased(self) -> Self {
        self
    }
}
