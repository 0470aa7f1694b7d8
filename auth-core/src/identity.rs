//! A verified principal, and the facts of its sign-in.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::principal::{Claims, Principal};
use crate::sign_in_id::SignInId;

/// What a verifier found out besides who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationInfo {
    /// The stored sign-in that the credential belongs to, if any.
    pub sign_in: Option<SignInId>,
    /// The name of the scheme that verified the credential, such as `session` or `jwt`.
    pub scheme: &'static str,
    /// Who vouches for the subject (`iss`); none when this application does itself. Two subjects
    /// are the same user only if their issuers are the same, too.
    pub issuer: Option<Arc<str>>,
    /// When the user last proved who they are (`auth_time`); never moved by use or refresh.
    pub authenticated_at: Timestamp,
    /// When the credential ends whatever the client does.
    pub expires_at: Timestamp,
}

impl AuthenticationInfo {
    /// Facts of a credential that never ends and belongs to no stored sign-in.
    #[must_use]
    pub fn new(scheme: &'static str, authenticated_at: Timestamp) -> Self {
        let expires_at = Timestamp::MAX;
        Self { scheme, issuer: None, sign_in: None, authenticated_at, expires_at }
    }

    /// Sets the issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the stored sign-in.
    #[must_use]
    pub fn sign_in(mut self, id: SignInId) -> Self {
        self.sign_in = Some(id);
        self
    }

    /// Sets the end.
    #[must_use]
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = at;
        self
    }
}

/// A *verified* principal and the facts of its sign-in, behind one `Arc`.
///
/// Anybody can make the value with [`Identity::verified`]; only an [`Authenticator`] gets one into
/// a request. What [`Identity::of`] or the axum extractor yields was therefore verified.
///
/// [`Authenticator`]: crate::Authenticator
pub struct Identity<C = Claims>(Inner<C>);

enum Inner<C> {
    Own(Arc<Verified<C>>),
    Kept(Arc<dyn IdentitySource<C>>),
}

/// What an [`Identity`] says.
#[derive(Debug)]
pub struct Verified<C> {
    principal: Principal<C>,
    authentication: AuthenticationInfo,
}

impl<C> Verified<C> {
    /// The credential was good, and this is what it says.
    #[must_use]
    pub fn new(principal: Principal<C>, authentication: AuthenticationInfo) -> Self {
        Self { principal, authentication }
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal<C> {
        &self.principal
    }

    /// What the verifier found out besides.
    #[must_use]
    pub fn authentication(&self) -> &AuthenticationInfo {
        &self.authentication
    }
}

impl<C> From<Arc<Verified<C>>> for Identity<C> {
    fn from(verified: Arc<Verified<C>>) -> Self {
        Self(Inner::Own(verified))
    }
}

/// Something that keeps what its identity says, such as a stored sign-in in this node's memory:
/// [`Identity::shared`] shares it without reading it. Every method says the same at every call.
pub trait IdentitySource<C>: Send + Sync {
    /// Who it is.
    fn principal(&self) -> &Principal<C>;

    /// What the verifier found out besides.
    fn authentication(&self) -> &AuthenticationInfo;

    /// The principal's subject, from wherever it is nearest: what most handlers ask for first.
    fn subject(&self) -> &str;

    /// The stored sign-in, as the facts name it.
    fn sign_in(&self) -> Option<SignInId> {
        self.authentication().sign_in
    }
}

impl<C> Identity<C> {
    /// For authenticators: the credential was good, and this is what it says.
    #[must_use]
    pub fn verified(principal: Principal<C>, authentication: AuthenticationInfo) -> Self {
        Arc::new(Verified::new(principal, authentication)).into()
    }

    /// For authenticators that keep what they verified.
    #[must_use]
    pub fn shared(keeper: Arc<dyn IdentitySource<C>>) -> Self {
        Self(Inner::Kept(keeper))
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal<C> {
        match &self.0 {
            Inner::Own(verified) => &verified.principal,
            Inner::Kept(keeper) => keeper.principal(),
        }
    }

    /// What the verifier found out besides.
    #[must_use]
    pub fn authentication(&self) -> &AuthenticationInfo {
        match &self.0 {
            Inner::Own(verified) => &verified.authentication,
            Inner::Kept(keeper) => keeper.authentication(),
        }
    }

    /// The user's stable name at the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        match &self.0 {
            Inner::Own(verified) => &verified.principal.subject,
            Inner::Kept(keeper) => keeper.subject(),
        }
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.principal().roles.iter().map(|role| &**role)
    }

    /// Whether the user has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.principal().has_role(role)
    }

    /// Whether the client has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.principal().has_scope(scope)
    }

    /// The application's own claims.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.principal().claims
    }

    /// The scheme that verified the credential.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.authentication().scheme
    }

    /// The stored sign-in, if any.
    #[must_use]
    pub fn sign_in(&self) -> Option<SignInId> {
        match &self.0 {
            Inner::Own(verified) => verified.authentication.sign_in,
            Inner::Kept(keeper) => keeper.sign_in(),
        }
    }

    /// When the user last proved who they are.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        self.authentication().authenticated_at
    }

    /// When the credential ends whatever the client does.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.authentication().expires_at
    }

    /// What authorization reads, whatever the claims' type.
    pub(crate) fn traits(&self) -> Traits<'_> {
        let Principal { roles, scopes, acr, .. } = self.principal();
        Traits {
            subject: self.subject(),
            roles,
            scopes,
            acr: acr.as_deref(),
            authentication: self.authentication(),
        }
    }
}

/// An identity without its claims' type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits<'a> {
    pub(crate) subject: &'a str,
    pub(crate) roles: &'a [Box<str>],
    pub(crate) scopes: &'a [Box<str>],
    pub(crate) acr: Option<&'a str>,
    pub(crate) authentication: &'a AuthenticationInfo,
}

/// Another handle on the same identity.
impl<C> Clone for Identity<C> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Inner::Own(verified) => Inner::Own(Arc::clone(verified)),
            Inner::Kept(keeper) => Inner::Kept(Arc::clone(keeper)),
        })
    }
}

/// Without the claims, which may be personal.
impl<C> fmt::Debug for Identity<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject())
            .field("authentication", self.authentication())
            .finish_non_exhaustive()
    }
}
