//! The policy, and how it is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Claims;

use super::check::Check;

/// What the tokens of one issuer have to say to be believed.
///
/// A token has to end (`exp`), and to name a subject. One that is marked as something else than an
/// access token is refused; an ID token need not be marked, so say [`access_token`](Self::access_token)
/// where an issuer's tokens are. Without an audience, a token that names one is
/// refused: it was made for somebody else (RFC 7519 section 4.1.3).
///
/// ```
/// use std::time::Duration;
/// use auth_jwt::Validation;
///
/// let policy = Validation::new()
///     .issuer("https://idp.example")
///     .audience("shop")
///     .roles_pointer("/realm_access/roles")
///     .check(|claims| match claims.get("email_verified") {
///         Some(verified) if verified == true => Ok(()),
///         _ => Err("email not verified"),
///     });
/// ```
#[derive(Clone)]
#[must_use]
pub struct Validation {
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) audience: Audience,
    pub(crate) profile: Profile,
    pub(super) marks: Marks,
    pub(super) leeway: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) required: Vec<Box<str>>,
    pub(crate) roles_pointer: Vec<Box<str>>,
    pub(super) checks: Arc<[Check]>,
    pub(super) dated: Dated,
}

/// For whom a token has to be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// For nobody in particular.
    Nobody,
    /// For one of these.
    OneOf(Vec<Box<str>>),
    /// For anybody.
    Anybody,
}

/// What kind of token it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// One that is not marked as something else.
    Plain,
    /// One of this type.
    Typed(Box<str>),
    /// An access token by RFC 9068.
    AccessToken,
    /// The same, of our own: without an issuer unless one was named.
    Own,
}

/// Whether claims that mark ID tokens are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Heeded,
    Ignored,
}

/// What a token without `auth_time` says of when its user was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dated {
    /// Nothing: long ago.
    ByAuthTime,
    /// When it was issued.
    ByIssue,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: Audience::Nobody,
            profile: Profile::Plain,
            marks: Marks::Heeded,
            leeway: Duration::from_secs(10),
            max_age: None,
            required: Vec::new(),
            roles_pointer: vec!["roles".into()],
            checks: Arc::default(),
            dated: Dated::ByAuthTime,
        }
    }
}

impl Validation {
    /// A policy without an issuer or an audience, and 10 seconds of leeway.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who has to have issued it: its `iss`, exactly.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// For whom it has to be meant: its `aud`, or one of them. Said twice, either will do.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        match &mut self.audience {
            Audience::OneOf(names) => names.push(audience.into()),
            other => *other = Audience::OneOf(vec![audience.into()]),
        }
        self
    }

    /// Takes tokens for anybody, and for nobody. Every service that gets such a token can use it
    /// at every other one.
    pub fn any_audience(mut self) -> Self {
        self.audience = Audience::Anybody;
        self
    }

    /// Takes tokens of this type (`typ`) and nothing else, for kinds of your own: `link+jwt`, say.
    /// Case does not count, nor does `application/` before it. Otherwise a token that names a type
    /// is a `JWT` or an `at+jwt`.
    pub fn typ(mut self, typ: impl Into<Box<str>>) -> Self {
        self.profile = Profile::Typed(typ.into());
        self
    }

    /// Takes access tokens by RFC 9068 and nothing else: `typ` is `at+jwt`, and `iss`, `aud`,
    /// `client_id`, `iat` and `jti` are there, too. Without an issuer and an audience, none is
    /// taken (section 4).
    pub fn access_token(mut self) -> Self {
        self.profile = Profile::AccessToken;
        self
    }

    /// Access tokens of our own, which need no issuer between ourselves.
    ///
    /// # Panics
    /// If they are for nobody in particular.
    pub(crate) fn issued_here(mut self) -> Self {
        assert!(
            matches!(self.audience, Audience::OneOf(_)),
            "tokens that are issued are meant for somebody: name an audience, and before `.sign_in(..)`"
        );
        self.profile = Profile::Own;
        self
    }

    /// How far clocks may differ, in whole seconds: 10 otherwise, and 0 for not at all. It does not
    /// make tokens longer that are issued here.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Duration::from_secs(leeway.as_secs());
        self
    }

    /// How long ago it may have been issued, whatever its `exp` says. It has to have an `iat` then.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// It has to have this claim.
    pub fn require(mut self, claim: impl Into<Box<str>>) -> Self {
        self.required.push(claim.into());
        self
    }

    /// Where its roles are: a JSON Pointer to a string or an array of strings (RFC 6901) such as
    /// `/realm_access/roles` or `/groups/0/roles`; `/roles` otherwise. A token without such a member
    /// has no roles, and one that has something else on the way is malformed.
    ///
    /// # Panics
    /// If it does not begin with `/`.
    pub fn roles_pointer(mut self, pointer: &str) -> Self {
        let path = pointer.strip_prefix('/').expect("a JSON Pointer begins with `/`");
        let member = |name: &str| name.replace("~1", "/").replace("~0", "~").into();
        self.roles_pointer = path.split('/').map(member).collect();
        self
    }

    /// A check of your own on all of its claims, after all others, at each use of the token. The
    /// words of an error go to events, never to the client.
    pub fn check<F>(mut self, check: F) -> Self
    where
        F: Fn(&Claims) -> Result<(), &'static str> + Send + Sync + 'static,
    {
        let check: Check = Arc::new(check);
        self.checks = self.checks.iter().cloned().chain([check]).collect();
        self
    }

    /// Takes a token without `auth_time` as if its user had been authenticated when it was issued,
    /// for [`Require::max_auth_age`](auth_core::Require::max_auth_age). An issuer writes a new `iat` at every
    /// refresh, so whoever holds a refresh token of such an issuer passes every step-up.
    pub fn insecure_auth_time_by_issue(mut self) -> Self {
        self.dated = Dated::ByIssue;
        self
    }

    /// Also takes what carries the marks of an ID token (`nonce`, `at_hash`, `c_hash`), for issuers
    /// that put those into access tokens. An ID token says who somebody is to the application that
    /// asked; whoever takes it for more lets that application act as its users.
    pub fn insecure_id_tokens(mut self) -> Self {
        self.marks = Marks::Ignored;
        self
    }
}

impl fmt::Debug for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validation")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
