//! The requirements, and how they are judged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::context::AuthContext;
use crate::error::ConfigError;
use crate::identity::{Identity, Traits};
use crate::refusal::Refusal;

/// What an identity must be for a request to pass: a Tower layer, inside of an authentication
/// layer.
///
/// ```
/// use std::time::Duration;
/// use auth_core::Require;
///
/// let delete_account = Require::all([
///     Require::any([Require::role("owner"), Require::role("admin")]),
///     Require::max_auth_age(Duration::from_secs(300)),
/// ]);
/// ```
///
/// Nobody: 401. Somebody who may not: 403. Somebody whose authentication is too old or too weak:
/// 401 with what would do (RFC 9470). No authentication layer at all: 500.
#[derive(Clone)]
#[must_use]
pub struct Require(Arc<Rule>);

enum Rule {
    Authenticated,
    Revalidated,
    Role(Box<str>),
    Scope(Box<str>),
    MaxAuthAge(Duration),
    Acr(Box<[Box<str>]>),
    Predicate(Box<Predicate>),
    All(Box<[Require]>),
    Any(Box<[Require]>),
}

type Predicate = dyn Fn(&AuthContext) -> Result<bool, ConfigError> + Send + Sync;

impl Require {
    fn new(rule: Rule) -> Self {
        Self(Arc::new(rule))
    }

    /// Somebody, whoever it is.
    pub fn authenticated() -> Self {
        Self::new(Rule::Authenticated)
    }

    /// Somebody of whom the store itself says so, past every copy that this node keeps: a near cache
    /// may be two seconds late. Wherever in a requirement it stands, the store is asked first, and
    /// the rest is judged by what it says, roles and claims included:
    ///
    /// ```
    /// use auth_core::Require;
    ///
    /// let payment = Require::all([Require::revalidated(), Require::role("accountant")]);
    /// ```
    ///
    /// A sign-in that has ended is refused with 401; a store that does not answer makes 503. It costs
    /// a look into the store for each request, so it is for routes that change what matters. See
    /// [`Auth::revalidate`](crate::Auth::revalidate).
    pub fn revalidated() -> Self {
        Self::new(Rule::Revalidated)
    }

    /// Somebody with this role.
    pub fn role(role: impl Into<Box<str>>) -> Self {
        Self::new(Rule::Role(role.into()))
    }

    /// A client with this scope; the refusal names it (RFC 6750 section 3.1).
    pub fn scope(scope: impl Into<Box<str>>) -> Self {
        Self::new(Rule::Scope(scope.into()))
    }

    /// Somebody who proved who they are at most so long ago.
    pub fn max_auth_age(max_age: Duration) -> Self {
        Self::new(Rule::MaxAuthAge(max_age))
    }

    /// Somebody authenticated by one of these context classes.
    pub fn acr<T: Into<Box<str>>>(classes: impl IntoIterator<Item = T>) -> Self {
        Self::new(Rule::Acr(classes.into_iter().map(Into::into).collect()))
    }

    /// Somebody of whom `predicate` is true.
    pub fn predicate<C, F>(predicate: F) -> Self
    where
        C: Send + Sync + 'static,
        F: Fn(&Identity<C>) -> bool + Send + Sync + 'static,
    {
        let judge = move |context: &AuthContext| {
            Ok(context.typed::<C>()?.identity().is_some_and(&predicate))
        };
        Self::new(Rule::Predicate(Box::new(judge)))
    }

    /// All of these. The first that fails is the one that the client hears of.
    pub fn all(rules: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Rule::All(rules.into_iter().collect()))
    }

    /// At least one of these; none of an empty list. If all fail, the client hears of the last.
    pub fn any(rules: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Rule::Any(rules.into_iter().collect()))
    }

    /// Judges a request, without a layer. It asks nobody: where the identity has to be
    /// [`confirmed`](Self::confirmed), await [`Auth::revalidate`](crate::Auth::revalidate) before.
    ///
    /// # Errors
    /// Why it may not pass.
    pub fn check(&self, context: &AuthContext) -> Result<(), Refusal> {
        let erased = context.erased();
        match erased.traits() {
            Some(traits) => {
                let verdict = self.judge(context, &traits);
                if verdict.is_err() {
                    tracing::info!(subject = traits.subject, require = ?self, "not authorized");
                }
                verdict
            }
            None => Err(Refusal::Unauthenticated(erased.rejection().copied())),
        }
    }

    /// Whether the store has to be asked first.
    pub(super) fn asks(&self) -> bool {
        match &*self.0 {
            Rule::Revalidated => true,
            Rule::All(rules) | Rule::Any(rules) => rules.iter().any(Self::asks),
            _ => false,
        }
    }

    fn judge(&self, context: &AuthContext, traits: &Traits<'_>) -> Result<(), Refusal> {
        let is = |granted: bool| if granted { Ok(()) } else { Err(Refusal::Forbidden) };
        match &*self.0 {
            Rule::Authenticated => Ok(()),
            Rule::Revalidated if context.erased().is_revalidated() => Ok(()),
            Rule::Revalidated => Err(Refusal::Config(ConfigError::NotRevalidated)),
            Rule::Role(role) => is(traits.roles.contains(role)),
            Rule::Scope(scope) if traits.scopes.contains(scope) => Ok(()),
            Rule::Scope(scope) => Err(Refusal::InsufficientScope(scope.clone())),
            Rule::MaxAuthAge(age) => fresh(traits, *age, context.erased().clock().now()),
            Rule::Acr(classes) => match traits.acr {
                Some(own) if classes.iter().any(|class| **class == *own) => Ok(()),
                _ => Err(Refusal::StepUp { acr: classes.clone(), max_age: None }),
            },
            Rule::Predicate(predicate) => predicate(context).map_err(Refusal::Config).and_then(is),
            Rule::All(rules) => rules.iter().try_for_each(|rule| rule.judge(context, traits)),
            Rule::Any(rules) => {
                let mut verdict = Err(Refusal::Forbidden);
                for rule in rules {
                    verdict = verdict.or_else(|_| rule.judge(context, traits));
                }
                verdict
            }
        }
    }
}

fn fresh(traits: &Traits<'_>, max_age: Duration, now: Timestamp) -> Result<(), Refusal> {
    if now.since(traits.authentication.authenticated_at) <= max_age {
        return Ok(());
    }
    Err(Refusal::StepUp { acr: Box::default(), max_age: Some(max_age) })
}

impl fmt::Debug for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Rule::Authenticated => f.write_str("authenticated"),
            Rule::Revalidated => f.write_str("confirmed"),
            Rule::Role(role) => write!(f, "role({role})"),
            Rule::Scope(scope) => write!(f, "scope({scope})"),
            Rule::MaxAuthAge(age) => write!(f, "fresh({age:?})"),
            Rule::Acr(classes) => write!(f, "acr({})", classes.join(" ")),
            Rule::Predicate(_) => f.write_str("predicate"),
            Rule::All(rules) => f.debug_tuple("all").field(rules).finish(),
            Rule::Any(rules) => f.debug_tuple("any").field(rules).finish(),
        }
    }
}
