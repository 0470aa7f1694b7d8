//! [`Validation`], which states what an application requires of the tokens of one issuer.
//!
//! The checks themselves are in `check`.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Claims;
use serde_json::Value;

use super::check::{Check, RolesOf};
use super::issuer::IssuerTemplate;
use crate::claims::{ClaimsLayout, RolesSource};

/// The requirements for tokens of one issuer.
///
/// Every token needs an expiry (`exp`) and a subject (`sub`). By default, a token is rejected
///
/// - if it names an audience: it was issued for another service (RFC 7519 section 4.1.3). Set
///   [`audience`](Self::audience) to the name of yours;
/// - if it is marked as another kind than an access token, by its `typ` or by claims that only such
///   tokens have (`nonce`, `at_hash`, `c_hash`, `events`). An issuer need not mark its ID tokens, so
///   require [`access_token`](Self::access_token) where the issuer marks its access tokens;
/// - if it is bound to a key of the client (`cnf`), because the proof of that key is not checked.
///
/// A claim that decides whether a token is valid must have the type of its definition. A claim that is
/// only reported (`acr`, `amr`, `auth_time`, scopes and roles) counts as absent if it has another type.
/// Any claim counts as absent if it is `null`.
///
/// ```
/// use std::time::Duration;
/// use auth_jwt::Validation;
///
/// let validation = Validation::new()
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
    /// The names of the issuers if there are several. `issuer` is then `None`.
    pub(crate) template: Option<IssuerTemplate>,
    pub(crate) audience: Audience,
    pub(super) clients: Vec<Box<str>>,
    pub(crate) profile: Profile,
    pub(super) id_token_marks: Rule,
    pub(super) bound_tokens: Rule,
    pub(super) leeway: Duration,
    pub(super) issued_at_leeway: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) required: Vec<Box<str>>,
    /// The claims that must have one of some values.
    pub(super) required_values: Vec<(Box<str>, Vec<Value>)>,
    pub(crate) layout: ClaimsLayout,
    /// Whether the place of the roles is the default one.
    roles_by_default: bool,
    pub(super) roles_of: Vec<RolesOf>,
    /// The roles of the issuer, each with a role of the application.
    pub(super) mapped_roles: Vec<(Box<str>, Box<str>)>,
    pub(super) implied_scopes: Vec<(Box<str>, Box<str>)>,
    pub(super) checks: Arc<[Check]>,
    pub(super) auth_time_source: AuthTimeSource,
}

/// The audience that a token must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// None.
    Absent,
    /// At least one of these.
    OneOf(Vec<Box<str>>),
    /// Any, or none.
    Any,
}

/// The kind of token that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A token that is not marked as another kind.
    Plain,
    /// A token of this type.
    Typed(Box<str>),
    /// An access token by RFC 9068.
    AccessToken,
    /// An access token of our own. It has no issuer unless the application named one.
    Own,
    /// A logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4).
    #[cfg_attr(not(feature = "sign-in"), allow(dead_code))]
    Logout,
}

/// What happens to a token with certain claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Reject,
    Accept,
}

/// Where the time of the authentication is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthTimeSource {
    /// `auth_time` only.
    AuthTime,
    /// `auth_time`, or else `iat`.
    IssuedAt,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            issuer: None,
            template: None,
            audience: Audience::Absent,
            clients: Vec::new(),
            profile: Profile::Plain,
            id_token_marks: Rule::Reject,
            bound_tokens: Rule::Reject,
            leeway: Duration::from_secs(60),
            issued_at_leeway: None,
            max_age: None,
            required: Vec::new(),
            required_values: Vec::new(),
            layout: ClaimsLayout {
                roles: RolesSource { pointers: vec![vec!["roles".into()]], in_keys: false },
                ..ClaimsLayout::default()
            },
            roles_by_default: true,
            roles_of: Vec::new(),
            mapped_roles: Vec::new(),
            implied_scopes: Vec::new(),
            checks: Arc::default(),
            auth_time_source: AuthTimeSource::AuthTime,
        }
    }
}

impl Validation {
    /// Creates requirements without an issuer or an audience, and with 60 seconds of leeway.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that `iss` is exactly this issuer. Defaults to any issuer whose key signed the token.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        (self.issuer, self.template) = (Some(issuer.into()), None);
        self
    }

    /// Requires that `iss` matches this template, for issuers whose names differ in one part and whose keys are
    /// in one set. A placeholder such as `{tenantid}` stands for 1 to 128 ASCII letters, digits, `-`, `_`, `~`
    /// and dots. The first of these must not be a dot. The template replaces [`issuer`](Self::issuer).
    ///
    /// Every issuer that matches is accepted. To accept only some, add a
    /// [required value](Self::require_value). For issuers with keys of their own, see `RemoteIssuers`.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let tenants = Validation::new()
    ///     .issuer_template("https://login.microsoftonline.com/{tenantid}/v2.0")
    ///     .require_value("tid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    ///     .audience("api://shop");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics unless the template has exactly one placeholder.
    pub fn issuer_template(mut self, template: impl Into<Arc<str>>) -> Self {
        let template = IssuerTemplate::parse(template.into());
        let template = template.expect("an issuer template must have one placeholder in braces");
        (self.issuer, self.template) = (None, Some(template));
        self
    }

    /// Requires that `aud` is this audience, or contains it. Call it again to accept further audiences;
    /// one of them is enough.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        match &mut self.audience {
            Audience::OneOf(names) => names.push(audience.into()),
            other => *other = Audience::OneOf(vec![audience.into()]),
        }
        self
    }

    /// Requires that the token was issued to this client. The token must have at least one of the claims
    /// `client_id`, `azp`, `cid` and `appid`, and all that it has must name the client. Call it again to accept
    /// further clients. Defaults to any client.
    ///
    /// Some issuers write no audience into access tokens (Amazon Cognito), or one that many clients share.
    /// With a required client, a token without `aud` is accepted even if an [audience](Self::audience) is set.
    /// [Access tokens of RFC 9068](Self::access_token) always need an audience.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let cognito = Validation::new()
    ///     .issuer("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example")
    ///     .client("1example23456789")
    ///     .require_value("token_use", "access");
    /// ```
    pub fn client(mut self, client: impl Into<Box<str>>) -> Self {
        self.clients.push(client.into());
        self
    }

    /// Accepts tokens for any audience, or for none. Every service that receives such a token can use
    /// it at all others.
    pub fn any_audience(mut self) -> Self {
        self.audience = Audience::Any;
        self
    }

    /// Requires that the header's `typ` is this type, such as `link+jwt`, for kinds of token of your own.
    /// Case is ignored, and so is a leading `application/`. Defaults to `JWT`, `at+jwt`, `JOSE` (RFC 7515
    /// section 4.1.9) or no type. A token of the required type may have the claims of an ID token.
    pub fn typ(mut self, typ: impl Into<Box<str>>) -> Self {
        self.profile = Profile::Typed(typ.into());
        self
    }

    /// Requires an access token by RFC 9068: `typ` is `at+jwt`, and `iss`, `aud`, `client_id`, `iat` and
    /// `jti` are present. Set an issuer and an audience as well; without them every token is rejected
    /// (section 4).
    pub fn access_token(mut self) -> Self {
        self.profile = Profile::AccessToken;
        self
    }

    /// Accepts only logout tokens.
    #[cfg(feature = "sign-in")]
    pub(crate) fn logout_token(mut self) -> Self {
        self.profile = Profile::Logout;
        self
    }

    /// Requires an access token that this application issued, which needs no issuer.
    ///
    /// # Panics
    ///
    /// Panics if no audience is set.
    #[cfg(feature = "sign-in")]
    pub(crate) fn issued_here(mut self) -> Self {
        assert!(
            matches!(self.audience, Audience::OneOf(_)),
            "issued tokens need an audience: set one before `.sign_in(..)`"
        );
        self.profile = Profile::Own;
        self
    }

    /// Sets how far the issuer's clock may differ, in whole seconds, for `exp` and `nbf`. Defaults
    /// to 60 seconds; 0 is allowed. Leeway never extends the life of a token that is issued here, and
    /// extends a [maximum age](Self::max_age) by at most 10 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Duration::from_secs(leeway.as_secs());
        self
    }

    /// Sets how far in the future `iat` may be, in whole seconds. Defaults to 60 seconds, or to the
    /// [leeway](Self::leeway) if that is longer: `iat` does not decide when a token is valid, and the clocks
    /// of many issuers are ahead. With a [maximum age](Self::max_age), it is at most 10 seconds and at most the
    /// leeway, because a later `iat` would extend that age.
    pub fn issued_at_leeway(mut self, leeway: Duration) -> Self {
        self.issued_at_leeway = Some(Duration::from_secs(leeway.as_secs()));
        self
    }

    /// Requires `iat`, and that the token was issued at most this long ago, whatever its `exp`. The
    /// clocks may differ by up to 10 seconds, or by the [leeway](Self::leeway) if that is shorter.
    /// Defaults to no limit.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Requires that the token has this claim. A claim that is `null` is absent, and so is a claim that
    /// is only reported, such as `acr` or `scope`, if it has another type than its definition.
    pub fn require(mut self, claim: impl Into<Box<str>>) -> Self {
        self.required.push(claim.into());
        self
    }

    /// Requires that this claim has this value, or is a list that contains it. Call it again with the same
    /// claim to accept further values; one of them is enough.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let staff = Validation::new().require_value("hd", "shop.example").require_value("email_verified", true);
    /// ```
    pub fn require_value(mut self, claim: &str, value: impl Into<Value>) -> Self {
        match self.required_values.iter_mut().find(|(name, _)| **name == *claim) {
            Some((_, values)) => values.push(value.into()),
            None => self.required_values.push((claim.into(), vec![value.into()])),
        }
        self
    }

    /// Uses this claim as the subject of a token without `sub`, such as `client_id` for the service accounts of
    /// some issuers. By default, such a token is rejected.
    ///
    /// The application cannot tell whether a subject comes from `sub` or from this claim. Use a claim whose
    /// values users cannot choose. Otherwise a user could choose another user's subject.
    pub fn missing_subject_from(mut self, claim: impl Into<Box<str>>) -> Self {
        self.layout.missing_subject = Some(claim.into());
        self
    }

    /// Also accepts a whole number as the subject: the number 17 becomes the text `17`. By default, such a
    /// token is rejected, because RFC 7519 section 4.1.2 requires a string.
    pub fn numeric_subject(mut self) -> Self {
        self.layout.numeric_subject = true;
        self
    }

    /// Adds a place from which roles are read: a JSON Pointer (RFC 6901) to a string or an array of strings,
    /// such as `/realm_access/roles` or `/groups/0/roles`. Call it again to read the roles at several places.
    ///
    /// Defaults to `/roles`. For further [trusted issuers](crate::JwtAuth::trusted_issuer), defaults to no
    /// place unless roles are [translated](Self::map_role), because their roles are not those of the
    /// application.
    ///
    /// If the place is missing in a token or has another type, the token has no roles from it.
    ///
    /// # Panics
    ///
    /// Panics if the pointer does not start with `/`.
    pub fn roles_pointer(mut self, pointer: &str) -> Self {
        let path = pointer.strip_prefix('/').expect("a JSON Pointer must start with `/`");
        let member = |name: &str| name.replace("~1", "/").replace("~0", "~").into();
        if std::mem::take(&mut self.roles_by_default) {
            self.layout.roles.pointers.clear();
        }
        self.layout.roles.pointers.push(path.split('/').map(member).collect());
        self
    }

    /// Also takes the roles that this function returns for the claims of a token. It runs once for each token
    /// that is verified, not at each use of a token in the cache.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let validation = Validation::new().roles_from(|claims| match claims.get("tier") {
    ///     Some(tier) if tier == "gold" => vec!["customer".into(), "priority".into()],
    ///     _ => vec!["customer".into()],
    /// });
    /// ```
    pub fn roles_from<F>(mut self, roles: F) -> Self
    where
        F: Fn(&Claims) -> Vec<Box<str>> + Send + Sync + 'static,
    {
        self.roles_of.push(Arc::new(roles));
        self
    }

    /// Translates a role of the issuer into one of the application. With at least one translation, roles that
    /// have none do not count. Call it again for further roles. A role can have several translations.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let validation = Validation::new()
    ///     .roles_pointer("/groups")
    ///     .map_role("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "admin");
    /// ```
    pub fn map_role(mut self, theirs: impl Into<Box<str>>, ours: impl Into<Box<str>>) -> Self {
        self.mapped_roles.push((theirs.into(), ours.into()));
        self
    }

    /// Reads roles only from places that were stated.
    pub(crate) fn without_default_roles(mut self) -> Self {
        // A translation states which roles are meant.
        if self.roles_by_default && self.mapped_roles.is_empty() {
            self.layout.roles.pointers.clear();
        }
        self
    }

    /// Grants the scope `other` to tokens that have `scope`. `other` can imply further scopes in turn. By
    /// default, no scope implies another.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// let validation = Validation::new()
    ///     .scope_implies("orders:admin", "orders:write")
    ///     .scope_implies("orders:write", "orders:read");
    /// ```
    pub fn scope_implies(mut self, scope: impl Into<Box<str>>, other: impl Into<Box<str>>) -> Self {
        self.implied_scopes.push((scope.into(), other.into()));
        self
    }

    /// Also accepts an object where the [roles](Self::roles_pointer) are: the names of its members are
    /// the roles. Defaults to no roles.
    ///
    /// ```
    /// use auth_jwt::Validation;
    ///
    /// // "urn:zitadel:iam:org:project:roles": { "admin": { "178204173316174381": "shop.example" } }
    /// let validation = Validation::new()
    ///     .roles_pointer("/urn:zitadel:iam:org:project:roles")
    ///     .roles_in_keys();
    /// ```
    pub fn roles_in_keys(mut self) -> Self {
        self.layout.roles.in_keys = true;
        self
    }

    /// Adds a check of all claims. It runs last, at each use of a token. The text of its error is logged,
    /// and not sent to the client.
    pub fn check<F>(mut self, check: F) -> Self
    where
        F: Fn(&Claims) -> Result<(), &'static str> + Send + Sync + 'static,
    {
        let check: Check = Arc::new(check);
        self.checks = self.checks.iter().cloned().chain([check]).collect();
        self
    }

    /// Treats a token without `auth_time` as if its user had been authenticated at `iat`, for
    /// [`Require::max_auth_age`](auth_core::Require::max_auth_age).
    ///
    /// An issuer writes a new `iat` at every refresh. With this option, anyone who holds a refresh token
    /// of that issuer passes every step-up.
    pub fn insecure_auth_time_from_iat(mut self) -> Self {
        self.auth_time_source = AuthTimeSource::IssuedAt;
        self
    }

    /// Also accepts tokens with the claims of an ID token (`nonce`, `at_hash`, `c_hash`), for issuers
    /// that put them into access tokens.
    ///
    /// An ID token tells one application who its user is. A service that accepts it as an access token
    /// lets that application act as its users.
    pub fn insecure_id_tokens(mut self) -> Self {
        self.id_token_marks = Rule::Accept;
        self
    }

    /// Also accepts tokens that are bound to a key of the client (`cnf`: RFC 7800, RFC 8705, RFC 9449).
    /// By default they are rejected, whatever kind of key they name, because this backend does not check
    /// the proof that the client has the key.
    ///
    /// With this option, anyone who gets hold of such a token can use it, which the binding is meant to
    /// prevent. Use it behind a proxy that checks the proof.
    pub fn insecure_bound_tokens(mut self) -> Self {
        self.bound_tokens = Rule::Accept;
        self
    }
}

auth_core::redacted_debug!(Validation { issuer, template, audience, profile });
