//! [`Require`]: the authorization layer. The rules and their evaluation come first, the service after
//! them.
//!
//! Evaluation is synchronous. A rule that needs the store makes [`Require::enforce`] revalidate the identity
//! before it evaluates anything. A rule that has to wait interrupts the evaluation with a [`Question`], and the
//! evaluation begins again once it is answered.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::clock::{Clock, Timestamp};
use crate::context::{AuthContext, Authorized};
use crate::error::{BoxError, ConfigError};
use crate::future::{AuthFuture, BoxFuture};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::refusal::{self, Refusal};

/// A requirement on the identity of a request: a Tower layer inside of an authentication layer.
///
/// # Examples
///
/// Protect routes:
///
/// ```
/// use auth_core::Require;
/// use axum::{Router, routing::{get, post}};
///
/// let orders: Router = Router::new()
///     .route("/orders", get(|| async { "tea" }))
///     .route("/orders", post(|| async {}).route_layer(Require::scope("orders:write")))
///     .route_layer(Require::authenticated());
/// let admin: Router = Router::new()
///     .route("/users", get(|| async { "alice, bob" }))
///     .route_layer(Require::role("admin"));
/// ```
///
/// Combine requirements, and ask for a recent login:
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
/// Ask for a second factor, and for a sign-in that the store itself confirms:
///
/// ```
/// use auth_core::Require;
///
/// let payment = Require::all([Require::revalidated(), Require::amr(["otp", "hwk"])]);
/// ```
///
/// State a rule of your own:
///
/// ```
/// use auth_core::{Claims, Identity, Require};
///
/// let staff = Require::predicate(|user: &Identity<Claims>| user.subject().starts_with("staff-"));
/// ```
///
/// Check a requirement in a handler of another framework than axum:
///
/// ```
/// use auth_core::{AuthContext, Refusal, Require};
///
/// fn check<B>(request: &http::Request<B>) -> Result<(), Refusal> {
///     let context = AuthContext::of(request.extensions(), "check").map_err(Refusal::Config)?;
///     Require::role("admin").check(context)
/// }
/// ```
///
/// With axum, a handler can also take its requirement as an argument: see `Permitted`.
///
/// The guide in the repository has complete programs: `docs/guide/step-up.md` for the age and the method of an
/// authentication, `docs/guide/several-services.md` for scopes.
///
/// The response to a refused request is
///
/// - 401 if the request has no identity;
/// - 401, which names the required authentication, if that of the user is too old or too weak (RFC
///   9470), or 403 if no backend of the layer has a challenge for a step-up;
/// - 403 if the user does not meet another requirement;
/// - 503 if the store or an [`async_predicate`](Self::async_predicate) failed;
/// - 500 if there is no authentication layer.
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
    Amr(Box<[Box<str>]>),
    Issuer(Option<Box<str>>),
    NotActing,
    Predicate(Box<Predicate>),
    AsyncPredicate(Box<AsyncPredicate>),
    All(Box<[Require]>),
    Any(Box<[Require]>),
}

/// How far the clock of the node that authenticated the user may be ahead of this one.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

type Predicate = dyn Fn(&AuthContext) -> Result<bool, ConfigError> + Send + Sync;
type AsyncPredicate = dyn Fn(&AuthContext) -> Result<Answering, ConfigError> + Send + Sync;
type Answering = BoxFuture<Result<bool, BoxError>>;

/// Why an evaluation has not succeeded.
enum Unmet {
    Refused(Refusal),
    /// It is not known before this is answered.
    Unanswered(Question),
}

/// An asynchronous rule whose answer is not known.
struct Question {
    rule: usize,
    answering: Answering,
}

/// The answers of asynchronous rules, which are recognized by their addresses.
type Answers = Vec<(usize, bool)>;

impl From<Refusal> for Unmet {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Require {
    fn new(rule: Rule) -> Self {
        Self(Arc::new(rule))
    }

    /// Requires any identity.
    pub fn authenticated() -> Self {
        Self::new(Rule::Authenticated)
    }

    /// Requires that the store itself confirms the sign-in, bypassing every cache on this node: by
    /// default, a near cache may be two seconds behind. Wherever this appears in a requirement, the
    /// identity is revalidated first. The other rules then see its current roles and claims:
    ///
    /// ```
    /// use auth_core::Require;
    ///
    /// let payment = Require::all([Require::revalidated(), Require::role("accountant")]);
    /// ```
    ///
    /// The response is 401 if the sign-in has ended or the cookie was replaced, even by a refresh a moment
    /// ago, and 503 if the store does not answer. Every request reads from the store, so use it for
    /// sensitive routes only. See [`Auth::revalidate`](crate::Auth::revalidate).
    pub fn revalidated() -> Self {
        Self::new(Rule::Revalidated)
    }

    /// Requires this role.
    pub fn role(role: impl Into<Box<str>>) -> Self {
        Self::new(Rule::Role(role.into()))
    }

    /// Requires this scope. The refusal names it (RFC 6750 section 3.1).
    pub fn scope(scope: impl Into<Box<str>>) -> Self {
        Self::new(Rule::Scope(scope.into()))
    }

    /// Requires that the user authenticated at most this long ago. An identity without a time of
    /// authentication, such as that of an API key or of a token without `auth_time`, never meets this. A time
    /// that is more than one minute in the future does not count.
    pub fn max_auth_age(max_age: Duration) -> Self {
        Self::new(Rule::MaxAuthAge(max_age))
    }

    /// Requires one of these authentication context classes.
    pub fn acr<T: Into<Box<str>>>(classes: impl IntoIterator<Item = T>) -> Self {
        Self::new(Rule::Acr(classes.into_iter().map(Into::into).collect()))
    }

    /// Requires that the user was authenticated by one of these methods (RFC 8176), such as `otp`. For several
    /// methods together, combine requirements by [`all`](Self::all). The refusal asks for a step-up.
    pub fn amr<T: Into<Box<str>>>(methods: impl IntoIterator<Item = T>) -> Self {
        Self::new(Rule::Amr(methods.into_iter().map(Into::into).collect()))
    }

    /// Requires an identity of this issuer: `Require::issuer("https://login.example")`. `Require::issuer(None)`
    /// requires a user of this application, for whom [`Identity::local_subject`] is `Some`. Without such a
    /// requirement, every trusted issuer decides who passes, and which roles its users have.
    pub fn issuer<'a>(issuer: impl Into<Option<&'a str>>) -> Self {
        Self::new(Rule::Issuer(issuer.into().map(Into::into)))
    }

    /// Requires that no other user [acts](crate::Auth::act_as) for the user: for routes on which an administrator
    /// must not stand in for a user, such as those for passwords, payments and consent. The response is 403.
    ///
    /// Without it, an administrator who acts for a user passes as this user. Only requirements about the
    /// authentication, such as [`max_auth_age`](Self::max_auth_age), [`acr`](Self::acr) and [`amr`](Self::amr), are
    /// never met.
    pub fn not_acting() -> Self {
        Self::new(Rule::NotActing)
    }

    /// Requires that `predicate` returns `true` for the identity.
    pub fn predicate<C, F>(predicate: F) -> Self
    where
        C: Send + Sync + 'static,
        F: Fn(&Identity<C>) -> bool + Send + Sync + 'static,
    {
        let evaluate =
            move |context: &AuthContext| Ok(Identity::in_context(context)?.is_some_and(&predicate));
        Self::new(Rule::Predicate(Box::new(evaluate)))
    }

    /// Requires that `predicate` resolves to `true` for the identity, for permissions that are in a database. It is
    /// called for each request, and only after the rules before it in [`all`](Self::all) are met, or those before
    /// it in [`any`](Self::any) are not. If it returns an error, the response is 503.
    ///
    /// ```
    /// use auth_core::{Claims, Identity, Require};
    ///
    /// # async fn is_on_duty(_: &str) -> Result<bool, std::io::Error> { Ok(true) }
    /// let on_duty = Require::async_predicate(|user: Identity<Claims>| async move {
    ///     Ok(is_on_duty(user.subject()).await?)
    /// });
    /// let ward = Require::all([Require::role("nurse"), on_duty]);
    /// ```
    ///
    /// [`check`](Self::check) cannot await it. Use the requirement as a layer, or [`enforce`](Self::enforce).
    pub fn async_predicate<C, F, A>(predicate: F) -> Self
    where
        C: Send + Sync + 'static,
        F: Fn(Identity<C>) -> A + Send + Sync + 'static,
        A: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        let evaluate = move |context: &AuthContext| -> Result<Answering, ConfigError> {
            Ok(match Identity::in_context(context)? {
                Some(identity) => Box::pin(predicate(identity.clone())),
                None => Box::pin(async { Ok(false) }),
            })
        };
        Self::new(Rule::AsyncPredicate(Box::new(evaluate)))
    }

    /// Requires all of these. The response is that of the first one that fails. If a scope is missing, the
    /// response names all scopes in the list, so that the client can ask for them at once. Every identity meets an
    /// empty list.
    pub fn all(rules: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Rule::All(rules.into_iter().collect()))
    }

    /// Requires at least one of these. If all fail, the response is that of the last one. An empty list
    /// always fails.
    pub fn any(rules: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Rule::Any(rules.into_iter().collect()))
    }

    /// Evaluates the requirement for a request, without a layer. It awaits nothing: for a requirement with
    /// [`revalidated`](Self::revalidated) or [`async_predicate`](Self::async_predicate), use
    /// [`enforce`](Self::enforce).
    ///
    /// # Errors
    ///
    /// Returns why the request must be refused.
    pub fn check(&self, context: &AuthContext) -> Result<(), Refusal> {
        let unanswered = |_| Err(Refusal::Config(ConfigError::AsyncRequirement));
        self.try_check(context, &Answers::new()).unwrap_or_else(unanswered)
    }

    /// Evaluates the requirement for a request, as its layer does: revalidates the identity if the requirement
    /// [demands it](Self::revalidated), and awaits each [`async_predicate`](Self::async_predicate).
    ///
    /// ```
    /// use auth_core::{Refusal, Require};
    /// use http::Request;
    ///
    /// async fn delete_everything<B>(request: &Request<B>) -> Result<(), Refusal> {
    ///     Require::all([Require::revalidated(), Require::role("admin")]).enforce(request).await?;
    ///     // ...
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Resolves to the reason for which the request must be refused.
    pub fn enforce<'a>(&self, head: impl Into<RequestHead<'a>>) -> AuthFuture<Result<(), Refusal>> {
        let head = head.into();
        let context = match AuthContext::of(head.extensions(), "Require") {
            Ok(context) => context,
            Err(error) => return Err(Refusal::Config(error)).into(),
        };
        let revalidated = match self.needs_revalidation() && context.is_identified() {
            true => Arc::clone(context.erased()).revalidate(&context.erased().snapshot(&head)),
            false => Ok(()).into(),
        };
        let (revalidated, question) = match revalidated.into_ready() {
            Ok(Ok(())) => match self.try_check(context, &Answers::new()) {
                Ok(result) => return result.into(),
                Err(question) => (None, Some(question)),
            },
            Ok(refused) => return refused.into(),
            Err(revalidating) => (Some(revalidating), None),
        };
        let (require, context) = (self.clone(), context.clone());
        AuthFuture::boxed(async move {
            if let Some(revalidating) = revalidated {
                revalidating.await?;
            }
            require.check_awaiting(&context, question).await
        })
    }

    async fn check_awaiting(
        &self,
        context: &AuthContext,
        mut question: Option<Question>,
    ) -> Result<(), Refusal> {
        let mut answers = Answers::new();
        loop {
            if let Some(Question { rule, answering }) = question {
                answers.push((rule, answering.await.map_err(Refusal::Unavailable)?));
            }
            match self.try_check(context, &answers) {
                Ok(result) => return result,
                Err(next) => question = Some(next),
            }
        }
    }

    /// Evaluates the requirement by these answers. Returns the first question that they leave open.
    fn try_check(
        &self,
        context: &AuthContext,
        answers: &Answers,
    ) -> Result<Result<(), Refusal>, Question> {
        let erased = context.erased();
        let Some(identity) = erased.authorized() else {
            return Ok(Err(Refusal::Unauthenticated(erased.rejection().copied())));
        };
        match self.evaluate(context, &identity, answers) {
            Ok(()) => Ok(Ok(())),
            Err(Unmet::Unanswered(question)) => Err(question),
            Err(Unmet::Refused(refusal)) => {
                tracing::info!(subject = identity.subject, require = ?self, "not authorized");
                Ok(Err(refusal))
            }
        }
    }

    /// Returns whether the identity has to be revalidated first.
    fn needs_revalidation(&self) -> bool {
        match &*self.0 {
            Rule::Revalidated => true,
            Rule::All(rules) | Rule::Any(rules) => rules.iter().any(Self::needs_revalidation),
            _ => false,
        }
    }

    fn evaluate(
        &self,
        context: &AuthContext,
        identity: &Authorized<'_>,
        answers: &Answers,
    ) -> Result<(), Unmet> {
        let granted_if = |granted: bool| if granted { Ok(()) } else { Err(Refusal::Forbidden) };
        let result = match &*self.0 {
            Rule::Authenticated => Ok(()),
            Rule::Revalidated if context.erased().is_revalidated() => Ok(()),
            Rule::Revalidated => Err(Refusal::Config(ConfigError::NotRevalidated)),
            Rule::Role(role) => granted_if(identity.roles.contains(role)),
            Rule::Scope(scope) if identity.scopes.contains(scope) => Ok(()),
            Rule::Scope(scope) => Err(Refusal::InsufficientScope(scope.clone())),
            Rule::MaxAuthAge(age) => check_age(identity, *age, context.erased().clock().now()),
            Rule::Acr(classes) => match identity.acr {
                Some(own) if classes.iter().any(|class| **class == *own) => Ok(()),
                _ => Err(Refusal::StepUp { acr: classes.clone(), max_age: None }),
            },
            Rule::Amr(methods) if identity.amr.iter().any(|own| methods.contains(own)) => Ok(()),
            Rule::Amr(_) => Err(Refusal::StepUp { acr: Box::default(), max_age: None }),
            Rule::Issuer(None) => granted_if(identity.is_local),
            Rule::Issuer(issuer) => granted_if(identity.issuer == issuer.as_deref()),
            Rule::NotActing => granted_if(!identity.has_actor),
            Rule::Predicate(predicate) => {
                predicate(context).map_err(Refusal::Config).and_then(granted_if)
            }
            Rule::AsyncPredicate(predicate) => {
                let rule = Arc::as_ptr(&self.0) as usize;
                match answers.iter().find(|(answered, _)| *answered == rule) {
                    Some((_, granted)) => granted_if(*granted),
                    None => {
                        let answering = predicate(context).map_err(Refusal::Config)?;
                        return Err(Unmet::Unanswered(Question { rule, answering }));
                    }
                }
            }
            Rule::All(rules) => {
                let mut rules = rules.iter();
                return rules
                    .try_for_each(|rule| rule.evaluate(context, identity, answers))
                    .map_err(|unmet| match unmet {
                        Unmet::Refused(refusal) => self.with_all_scopes(refusal).into(),
                        unanswered @ Unmet::Unanswered(_) => unanswered,
                    });
            }
            Rule::Any(rules) => {
                let mut last = Refusal::Forbidden;
                for rule in rules {
                    match rule.evaluate(context, identity, answers) {
                        Err(Unmet::Refused(refusal)) => last = refusal,
                        decided => return decided,
                    }
                }
                Err(last)
            }
        };
        result.map_err(Unmet::from)
    }
}

impl Require {
    /// Names all scopes that are required, if one of them is missing.
    fn with_all_scopes(&self, refusal: Refusal) -> Refusal {
        let Refusal::InsufficientScope(lacking) = refusal else { return refusal };
        let mut scopes = Vec::new();
        self.collect_scopes(&mut scopes);
        scopes.extend(lacking.split(' '));
        let mut all: Vec<&str> = Vec::new();
        for scope in scopes {
            if !all.contains(&scope) {
                all.push(scope);
            }
        }
        Refusal::InsufficientScope(all.join(" ").into())
    }

    fn collect_scopes<'r>(&'r self, scopes: &mut Vec<&'r str>) {
        match &*self.0 {
            Rule::Scope(scope) => scopes.push(scope),
            Rule::All(rules) => rules.iter().for_each(|rule| rule.collect_scopes(scopes)),
            _ => {}
        }
    }
}

fn check_age(identity: &Authorized<'_>, max_age: Duration, now: Timestamp) -> Result<(), Refusal> {
    let is_recent = |at: Timestamp| now.since(at) <= max_age && at.since(now) <= CLOCK_SKEW;
    if identity.authenticated_at.is_some_and(is_recent) {
        return Ok(());
    }
    Err(Refusal::StepUp { acr: Box::default(), max_age: Some(max_age) })
}

impl fmt::Debug for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Rule::Authenticated => f.write_str("authenticated"),
            Rule::Revalidated => f.write_str("revalidated"),
            Rule::Role(role) => write!(f, "role({role})"),
            Rule::Scope(scope) => write!(f, "scope({scope})"),
            Rule::MaxAuthAge(age) => write!(f, "max_auth_age({age:?})"),
            Rule::Acr(classes) => write!(f, "acr({})", classes.join(" ")),
            Rule::Amr(methods) => write!(f, "amr({})", methods.join(" ")),
            Rule::Issuer(issuer) => write!(f, "issuer({})", issuer.as_deref().unwrap_or("local")),
            Rule::NotActing => f.write_str("not_acting"),
            Rule::Predicate(_) => f.write_str("predicate"),
            Rule::AsyncPredicate(_) => f.write_str("async_predicate"),
            Rule::All(rules) => f.debug_tuple("all").field(rules).finish(),
            Rule::Any(rules) => f.debug_tuple("any").field(rules).finish(),
        }
    }
}

impl<S> Layer<S> for Require {
    type Service = RequireService<S>;
    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService::new(self.clone(), inner)
    }
}

/// Passes a request on if it meets a [`Require`], and refuses it if not.
#[derive(Clone, Debug)]
pub struct RequireService<S> {
    require: Require,
    inner: S,
}

impl<S> RequireService<S> {
    /// Creates a service that evaluates `require` for every request.
    #[must_use]
    pub fn new(require: Require, inner: S) -> Self {
        Self { require, inner }
    }
}

impl<S, B, R> Service<Request<B>> for RequireService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireFuture<S, B, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match self.require.enforce(&request).into_ready() {
            Ok(checked) => enter(checked, request, &mut self.inner),
            Err(checking) => {
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone); // the ready one
                State::Checking { checking, pending: Some(Box::new(Pending { request, inner })) }
            }
        };
        RequireFuture { state }
    }
}

type Checked = Result<(), Refusal>;

/// Calls the inner service, or refuses the request.
fn enter<S, B, R>(checked: Checked, request: Request<B>, inner: &mut S) -> State<S, B, S::Future, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default + 'static,
{
    let headers = request.headers();
    let refusal = match checked {
        Ok(()) => return State::Running { inner: inner.call(request) },
        Err(refusal) => refusal,
    };
    let response = match AuthContext::of(request.extensions(), "Require") {
        Ok(context) => context.refuse(headers, refusal),
        Err(_) => refusal.into_response(refusal::grpc(headers), None, &Clock::system(), &|_, _| {}),
    };
    State::Refused { response: Some(response) }
}

pin_project! {
    /// The response future of a [`RequireService`].
    pub struct RequireFuture<S, B, F, R> {
        #[pin]
        state: State<S, B, F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, R> {
        // Waits for the store or the application. What is needed to continue is boxed.
        Checking { checking: BoxFuture<Checked>, pending: Option<Box<Pending<S, B>>> },
        Running { #[pin] inner: F },
        Refused { response: Option<Response<R>> },
    }
}

struct Pending<S, B> {
    request: Request<B>,
    inner: S,
}

impl<S, B, R> Future for RequireFuture<S, B, S::Future, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default + 'static,
{
    type Output = Result<Response<R>, S::Error>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Checking { checking, pending } => {
                    let checked = ready!(checking.as_mut().poll(cx));
                    let Pending { request, mut inner } =
                        *pending.take().expect("polled after completion");
                    enter(checked, request, &mut inner)
                }
                StateProj::Running { inner } => return inner.poll(cx),
                StateProj::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
            };
            state.set(next);
        }
    }
}

impl<S, B, F, R> fmt::Debug for RequireFuture<S, B, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
