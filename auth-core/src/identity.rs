//! [`Identity`]: a verified principal, with what the verifier found out about its authentication.
//!
//! Only an authenticator puts one into a request. It is one `Arc`, either of its own or of a record that
//! a store keeps in memory, so that cloning it costs no more than a reference count.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use http::Extensions;

use crate::claims::Claims;
use crate::clock::Timestamp;
use crate::context::AuthContext;
use crate::error::ConfigError;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::sign_in_id::SignInId;

/// What a verifier found out about an authentication, apart from the principal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationInfo {
    /// The stored sign-in that the credential belongs to, if any.
    pub sign_in: Option<SignInId>,
    /// The name of the scheme that verified the credential, such as `session` or `jwt`.
    pub scheme: &'static str,
    /// The issuer of the credential (`iss`). `None` if this application issued it. Equal subjects
    /// are the same user only if their issuers are also equal.
    pub issuer: Option<Arc<str>>,
    /// When the user last authenticated (`auth_time`). Use and refresh do not change it. `None` if the
    /// credential does not state it, as with an API key. The user then never counts as recently authenticated.
    pub authenticated_at: Option<Timestamp>,
    /// The subject of the user who [acts](crate::Auth::act_as) for the principal, or `None` if the principal acts
    /// alone.
    pub actor: Option<Arc<str>>,
    /// When the credential expires at the latest.
    pub expires_at: Timestamp,
}

impl AuthenticationInfo {
    /// Describes a credential that never expires and belongs to no stored sign-in.
    ///
    /// `authenticated_at` is when the user proved who they are: by a password, a passkey or a code. It is
    /// `None` for a credential that a client keeps and sends by itself, such as an API key or a password
    /// that the browser remembers. Never pass the time of the request: see
    /// [`Require::max_auth_age`](crate::Require::max_auth_age).
    #[must_use]
    pub fn new(scheme: &'static str, authenticated_at: impl Into<Option<Timestamp>>) -> Self {
        let (authenticated_at, expires_at) = (authenticated_at.into(), Timestamp::MAX);
        Self { scheme, issuer: None, sign_in: None, authenticated_at, actor: None, expires_at }
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

    /// Sets the user who acts for the principal.
    #[must_use]
    pub fn actor(mut self, subject: impl Into<Arc<str>>) -> Self {
        self.actor = Some(subject.into());
        self
    }

    /// Sets the expiry.
    #[must_use]
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = at;
        self
    }
}

/// A *verified* principal and its [`AuthenticationInfo`], behind one `Arc`.
///
/// Any code can create one with [`Identity::verified`], but only an
/// [`Authenticator`](crate::Authenticator) can put it into a request. What [`Identity::of`] or the axum
/// extractor returns was therefore verified.
///
/// # Examples
///
/// Read the user in a handler. Without an identity, the response is 401:
///
/// ```
/// use auth_core::Identity;
///
/// async fn me(user: Identity) -> String {
///     user.subject().to_owned()
/// }
/// ```
///
/// Serve visitors, too:
///
/// ```
/// use auth_core::Identity;
///
/// async fn home(user: Option<Identity>) -> String {
///     user.map_or("welcome".to_owned(), |user| format!("hello {}", user.subject()))
/// }
/// ```
///
/// Decide in a handler. For whole routes, use [`Require`](crate::Require):
///
/// ```
/// use auth_core::Identity;
///
/// fn may_edit(user: &Identity, author: &str) -> bool {
///     user.local_subject() == Some(author) || user.has_role("editor")
/// }
/// ```
///
/// Read claims of your own, whose type the backend knows by its method `claims`:
///
/// ```
/// use auth_core::Identity;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct User {
///     language: String,
/// }
///
/// async fn language(user: Identity<User>) -> String {
///     user.claims().language.clone()
/// }
/// ```
///
/// Find out how and when the user was authenticated:
///
/// ```
/// use auth_core::{Identity, Timestamp};
///
/// fn describe(user: &Identity) -> (&str, Option<Timestamp>, &[Box<str>]) {
///     (user.scheme(), user.authenticated_at(), &user.principal().amr)
/// }
/// ```
///
/// The guide in the repository begins with `docs/guide/quick-start.md`. `docs/guide/several-services.md` shows
/// identities of other issuers.
pub struct Identity<C = Claims> {
    content: Content<C>,
    renewal_is_due: bool,
}

enum Content<C> {
    Owned(Arc<Verified<C>>),
    Shared(Arc<dyn IdentitySource<C>>),
}

/// The content of an [`Identity`].
#[derive(Debug)]
pub struct Verified<C> {
    principal: Principal<C>,
    authentication: AuthenticationInfo,
}

impl<C> Verified<C> {
    /// Creates the content from a valid credential.
    #[must_use]
    pub fn new(principal: Principal<C>, authentication: AuthenticationInfo) -> Self {
        Self { principal, authentication }
    }

    /// Returns the principal.
    #[must_use]
    pub fn principal(&self) -> &Principal<C> {
        &self.principal
    }

    /// Returns what the verifier found out about the authentication.
    #[must_use]
    pub fn authentication(&self) -> &AuthenticationInfo {
        &self.authentication
    }
}

impl<C> From<Arc<Verified<C>>> for Identity<C> {
    fn from(verified: Arc<Verified<C>>) -> Self {
        Self { content: Content::Owned(verified), renewal_is_due: false }
    }
}

/// A value that holds the content of an identity, such as a record in this node's memory.
/// [`Identity::shared`] shares it without copying. Every method must always return the same value.
pub trait IdentitySource<C>: Send + Sync {
    /// Returns the principal.
    fn principal(&self) -> &Principal<C>;

    /// Returns what the verifier found out about the authentication.
    fn authentication(&self) -> &AuthenticationInfo;

    /// Returns the principal's subject. Most handlers read nothing else, so it should be cheap.
    fn subject(&self) -> &str;

    /// Returns the stored sign-in. Defaults to that of [`authentication`](Self::authentication).
    fn sign_in(&self) -> Option<SignInId> {
        self.authentication().sign_in
    }
}

impl<C: Send + Sync + 'static> Identity<C> {
    /// Returns the identity of the request with these extensions, if it has one.
    ///
    /// This is for plain hyper and tonic. Under axum, extract `Identity<C>` or `Option<Identity<C>>`.
    ///
    /// ```
    /// use auth_core::{Identity, Refusal};
    /// use http::Request;
    ///
    /// fn greet<B>(request: &Request<B>) -> Result<String, Refusal> {
    ///     let identity = Identity::<auth_core::Claims>::of(request.extensions())?;
    ///     Ok(identity.map_or("hello".to_owned(), |user| format!("hello {}", user.subject())))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns why the request must be refused: 401 if its [explicit](crate::Transport::Explicit)
    /// credential was rejected, which is not the same as no credential; 500 if it passed through no
    /// authentication layer, or through one with another claims type. [`AuthContext::refuse`] makes it a
    /// response.
    pub fn of(extensions: &Extensions) -> Result<Option<&Self>, Refusal> {
        let context = AuthContext::of(extensions, type_name::<Self>())?;
        let identity = Self::in_context(context)?;
        match context.rejection() {
            Some(rejection) => Err(Refusal::Unauthenticated(Some(*rejection))),
            None => Ok(identity),
        }
    }

    /// Returns the identity in a request's context.
    pub(crate) fn in_context(context: &AuthContext) -> Result<Option<&Self>, ConfigError> {
        context.check_claims::<C>()?;
        Ok(context.erased().identity().and_then(<dyn Any>::downcast_ref))
    }
}

impl<C> Identity<C> {
    /// Creates the identity of a valid credential. For authenticators.
    #[must_use]
    pub fn verified(principal: Principal<C>, authentication: AuthenticationInfo) -> Self {
        Arc::new(Verified::new(principal, authentication)).into()
    }

    /// Creates an identity that shares its content with `source`. For authenticators with a cache.
    #[must_use]
    pub fn shared(source: Arc<dyn IdentitySource<C>>) -> Self {
        Self { content: Content::Shared(source), renewal_is_due: false }
    }

    /// Makes the layer deliver the credential to the client again, because the client would delete it
    /// before it expires. Before the response is sent, the layer calls
    /// [`SignInBackend::renew`](crate::SignInBackend::renew).
    #[must_use]
    pub fn with_renewal(self) -> Self {
        Self { renewal_is_due: true, ..self }
    }

    pub(crate) fn renewal_is_due(&self) -> bool {
        self.renewal_is_due
    }

    /// Returns the principal.
    #[must_use]
    pub fn principal(&self) -> &Principal<C> {
        match &self.content {
            Content::Owned(verified) => &verified.principal,
            Content::Shared(source) => source.principal(),
        }
    }

    /// Returns what the verifier found out about the authentication.
    #[must_use]
    pub fn authentication(&self) -> &AuthenticationInfo {
        match &self.content {
            Content::Owned(verified) => &verified.authentication,
            Content::Shared(source) => source.authentication(),
        }
    }

    /// Returns the user's stable identifier **at the issuer**.
    ///
    /// Two issuers may use one identifier for different users. Under a layer that also accepts tokens of other
    /// issuers, never look up a user of the application by it: a user `1` of the identity provider would get
    /// what belongs to the user `1` of the application. Use [`local_subject`](Self::local_subject) for that,
    /// or the pair of [`issuer`](Self::issuer) and subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        match &self.content {
            Content::Owned(verified) => &verified.principal.subject,
            Content::Shared(source) => source.subject(),
        }
    }

    /// Returns the subject of a user of this application: one whose sign-in it stores, or whose credential
    /// it has issued itself. Returns `None` for the identity of another issuer.
    ///
    /// ```
    /// use auth_core::{AuthenticationInfo, Identity, Principal};
    ///
    /// let own = AuthenticationInfo::new("session", None);
    /// let foreign = AuthenticationInfo::new("jwt", None).issuer("https://login.example");
    /// let (own, foreign) = (
    ///     Identity::verified(Principal::new("1"), own),
    ///     Identity::verified(Principal::new("1"), foreign),
    /// );
    /// assert_eq!(own.subject(), foreign.subject()); // but they are not the same user
    /// assert_eq!((own.local_subject(), foreign.local_subject()), (Some("1"), None));
    /// ```
    #[must_use]
    pub fn local_subject(&self) -> Option<&str> {
        let is_local = self.issuer().is_none() || self.sign_in().is_some();
        is_local.then(|| self.subject())
    }

    /// Returns the issuer of the credential, or `None` if this application issued it. A token of another
    /// issuer that names none has the issuer `""`.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.authentication().issuer.as_deref()
    }

    /// Iterates over the roles.
    #[must_use]
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.principal().roles.iter().map(|role| &**role)
    }

    /// Returns whether the user has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.principal().has_role(role)
    }

    /// Returns whether the client has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.principal().has_scope(scope)
    }

    /// Returns the application's own claims.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.principal().claims
    }

    /// Returns the name of the scheme that verified the credential.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.authentication().scheme
    }

    /// Returns the stored sign-in, if any.
    #[must_use]
    pub fn sign_in(&self) -> Option<SignInId> {
        match &self.content {
            Content::Owned(verified) => verified.authentication.sign_in,
            Content::Shared(source) => source.sign_in(),
        }
    }

    /// Returns the subject of the user who acts for this one: an administrator who has called
    /// [`Auth::act_as`](crate::Auth::act_as), or the `act` claim of a token (RFC 8693 section 4.1). Returns `None`
    /// if the user acts alone, and `""` if a token of another issuer has an actor without a subject.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        self.authentication().actor.as_deref()
    }

    /// Returns when the user last authenticated, if the credential states it.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.authentication().authenticated_at
    }

    /// Returns when the credential expires at the latest.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.authentication().expires_at
    }
}

/// Clones the `Arc`.
impl<C> Clone for Identity<C> {
    fn clone(&self) -> Self {
        let content = match &self.content {
            Content::Owned(verified) => Content::Owned(Arc::clone(verified)),
            Content::Shared(source) => Content::Shared(Arc::clone(source)),
        };
        Self { content, renewal_is_due: self.renewal_is_due }
    }
}

/// Omits the claims, which may be personal data.
impl<C> fmt::Debug for Identity<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject())
            .field("authentication", self.authentication())
            .finish_non_exhaustive()
    }
}
