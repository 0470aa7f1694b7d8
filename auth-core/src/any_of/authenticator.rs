//! Implements [`Authenticator`] for [`AnyOf`], and defines [`any_of`].
//!
//! The first member that finds its kind of credential decides about the request. A credential in a
//! header other than `Cookie` takes precedence over any cookie.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::authenticate::AuthLayer;
use crate::backend::{Attempt, Authenticator, Outcome, SignInBackend, TokenIssuers};
use crate::clock::Clock;
use crate::context::{MemberPath, SignInContext};
use crate::error::ConfigError;
use crate::future::AuthFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::rejection::ChallengeReason;

type Member<C> = Arc<dyn Authenticator<Claims = C>>;

/// Several backends, each for its own kind of credential. Created by [`any_of`].
pub struct AnyOf<C> {
    members: Arc<[Member<C>]>,
    vary: HeaderValue,
}

/// Combines several backends into one.
///
/// The first backend that finds its kind of credential decides, whatever its decision. Of several
/// backends for JSON Web Tokens, the one that trusts the token's issuer decides. A credential in a
/// header other than `Cookie` takes precedence over any cookie. New sign-ins go to the first backend
/// that starts sign-ins, unless [`SignIn::as_cookie`](crate::SignIn::as_cookie),
/// [`SignIn::as_tokens`](crate::SignIn::as_tokens) or [`SignIn::backend`](crate::SignIn::backend) chooses
/// another one.
///
/// ```
/// use auth_core::{AuthLayer, Authenticator, Claims, any_of};
///
/// fn layer(
///     sessions: impl Authenticator<Claims = Claims>,
///     tokens: impl Authenticator<Claims = Claims>,
/// ) -> AuthLayer<impl Authenticator<Claims = Claims>> {
///     any_of((sessions, tokens)).optional()
/// }
/// ```
///
/// # Panics
///
/// Panics if the list is empty, or if two backends verify the JSON Web Tokens of one issuer
/// ([`ConfigError::HiddenTokens`]).
pub fn any_of<L: IntoAuthenticators>(authenticators: L) -> AnyOf<L::Claims>
where
    L::Claims: Send + Sync + 'static,
{
    let members: Arc<[Member<L::Claims>]> = authenticators.into_list().into();
    assert!(!members.is_empty(), "any_of needs at least one backend");
    let issuers: Vec<_> = members.iter().map(Member::token_issuers).collect();
    let hidden = (1..issuers.len()).any(|at| issuers[..at].iter().any(|it| it.hides(&issuers[at])));
    assert!(!hidden, "{}", ConfigError::HiddenTokens);
    let mut vary: Vec<String> = Vec::new();
    for member in members.iter() {
        let names = member.vary();
        for name in names.to_str().unwrap_or("*").split(',').map(str::trim) {
            if !vary.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
                vary.push(name.to_owned());
            }
        }
    }
    let vary = HeaderValue::try_from(vary.join(", ")).expect("joined from header values");
    AnyOf { members, vary }
}

/// The argument of [`any_of`]: a tuple of two to four authenticators, or a list that was built at run
/// time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of backends",
    label = "expected a tuple of two to four backends",
    note = "all backends have the same type of claims; pass more than four as a `Vec`, each as `backend.erased()`"
)]
pub trait IntoAuthenticators {
    /// The claims type of all authenticators.
    type Claims;
    /// Returns the authenticators, in the order of preference for new sign-ins.
    fn into_list(self) -> Vec<Arc<dyn Authenticator<Claims = Self::Claims>>>;
}

impl<C> IntoAuthenticators for Vec<Member<C>> {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self
    }
}

impl<C, const N: usize> IntoAuthenticators for [Member<C>; N] {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self.into()
    }
}

macro_rules! impl_for_tuple {
    ($first:ident $(, $next:ident)+) => {
        impl<$first, $($next),+> IntoAuthenticators for ($first, $($next),+)
        where
            $first: Authenticator,
            $($next: Authenticator<Claims = $first::Claims>),+
        {
            type Claims = $first::Claims;
            #[allow(non_snake_case)]
            fn into_list(self) -> Vec<Member<$first::Claims>> {
                let ($first, $($next),+) = self;
                vec![$first.erased(), $($next.erased()),+]
            }
        }
    };
}
impl_for_tuple!(A, B);
impl_for_tuple!(A, B, D);
impl_for_tuple!(A, B, D, E);

impl<C: Send + Sync + 'static> AnyOf<C> {
    /// Returns a layer that lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }

    /// Returns the number of members.
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    /// Iterates over the members that start sign-ins, each with its index and its own view of the
    /// context.
    pub(super) fn each<'a>(
        &'a self,
        context: SignInContext<'a>,
    ) -> impl Iterator<Item = (usize, &'a dyn SignInBackend<C>, SignInContext<'a>)> {
        let decider = context.member().map(|path| path.split(self.members.len()));
        self.members.iter().enumerate().filter_map(move |(index, member)| {
            let seen = decider.filter(|(decided, _)| *decided == index).map(|(_, rest)| rest);
            Some((index, member.sign_ins()?, context.seen_by(seen)))
        })
    }

    /// Returns the member that found the credential and its index, with its own view of the context.
    pub(super) fn decider<'a>(
        &'a self,
        context: SignInContext<'a>,
    ) -> Option<(usize, &'a dyn SignInBackend<C>, SignInContext<'a>)> {
        self.each(context).find(|(_, _, seen)| seen.member().is_some())
    }

    pub(super) fn sign_in_backends(&self) -> impl Iterator<Item = &dyn SignInBackend<C>> {
        self.members.iter().filter_map(|member| member.sign_ins())
    }
}

impl<C: Send + Sync + 'static> Authenticator for AnyOf<C> {
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let count = self.members.len();
        // Members that find a header are asked first, without cookies: a cookie beside the header does not
        // decide, so it must not be verified.
        let (mut best, without_cookies) = (None::<(usize, Attempt<C>)>, head.without_cookies());
        for (index, member) in self.members.iter().enumerate() {
            let Some(attempt) = member.authenticate(&without_cookies) else { continue };
            if best.as_ref().is_none_or(|(_, best)| best.rank() < attempt.rank()) {
                let decides = attempt.in_header() && !attempt.is_tentative();
                best = Some((index, attempt));
                if decides {
                    break;
                }
            }
        }
        if let Some((index, attempt)) = best.take_if(|(_, best)| best.in_header()) {
            return Some(attempt.found_by(index, count));
        }
        let decided = best.as_ref().filter(|(_, attempt)| !attempt.is_tentative());
        let asked = decided.map_or(count, |(index, _)| *index);
        for (index, member) in self.members[..asked].iter().enumerate() {
            match member.authenticate(head) {
                Some(attempt) if !attempt.is_tentative() => {
                    return Some(attempt.found_by(index, count));
                }
                attempt => best = best.or(attempt.map(|attempt| (index, attempt))),
            }
        }
        best.map(|(index, attempt)| attempt.found_by(index, count))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        for member in self.members.iter() {
            member.challenge(reason, headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        self.vary.clone()
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        self.sign_in_backends().next().is_some().then_some(self)
    }

    /// Lets the member that found the credential verify it again.
    fn revalidate(
        &self,
        context: SignInContext<'_>,
        identity: &Identity<C>,
    ) -> AuthFuture<Outcome<C>> {
        let Some(path) = context.member() else {
            return Outcome::Authenticated(identity.clone()).into();
        };
        let (index, rest) = path.split(self.members.len());
        self.members[index].revalidate(context.seen_by(Some(rest)), identity)
    }

    /// Returns the clock of the first member, for requests in which no member found a credential.
    fn clock(&self) -> &Clock {
        self.members[0].clock()
    }

    fn token_issuers(&self) -> TokenIssuers {
        self.members.iter().map(Member::token_issuers).fold(TokenIssuers::None, TokenIssuers::and)
    }

    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = C>> {
        let (index, rest) = path.split(self.members.len());
        let member = &*self.members[index];
        member.member(rest).or(Some(member))
    }

    fn named(&self, name: &str) -> Option<MemberPath> {
        let mut members = self.members.iter().enumerate();
        members
            .find_map(|(index, member)| Some(member.named(name)?.within(index, self.members.len())))
    }
}

crate::backend_layer!(AnyOf<C>);

impl<C> Clone for AnyOf<C> {
    fn clone(&self) -> Self {
        Self { members: Arc::clone(&self.members), vary: self.vary.clone() }
    }
}

impl<C> fmt::Debug for AnyOf<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyOf").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    /// Finds no credential, and depends on this header.
    struct Absent(&'static str);

    impl Authenticator for Absent {
        type Claims = Claims;
        fn authenticate(&self, _: &RequestHead<'_>) -> Option<Attempt<Claims>> {
            None
        }
        fn challenge(&self, _: &ChallengeReason<'_>, _: &mut HeaderMap) {}
        fn vary(&self) -> HeaderValue {
            HeaderValue::from_static(self.0)
        }
    }

    #[test]
    fn vary_lists_each_header_once() {
        let auth = any_of((Absent("authorization, cookie"), Absent("Cookie"), Absent("x-api-key")));
        assert_eq!(auth.vary(), "authorization, cookie, x-api-key");
    }

    #[test]
    fn members_that_only_verify_start_no_sign_ins() {
        let list: Vec<Member<Claims>> = vec![Absent("cookie").erased()];
        assert!(any_of(list).sign_ins().is_none());
    }

    #[test]
    #[should_panic(expected = "any_of needs at least one backend")]
    fn an_empty_list_panics() {
        any_of(Vec::<Member<Claims>>::new());
    }
}
