//! The first backend that finds its kind of credential decides.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use tower_layer::Layer;

use super::several::{IntoAuthenticators, Member};
use crate::authenticate::{AuthLayer, AuthService};
use crate::authenticator::{Attempt, Authenticator};
use crate::clock::Clock;
use crate::head::RequestHead;
use crate::rejection::ChallengeReason;
use crate::sign_in_context::SignInContext;
use crate::sign_ins::SignInBackend;
use crate::transport::MemberPath;

/// Several backends, each for its own kind of credential: made by [`any_of`].
pub struct AnyOf<C> {
    pub(super) members: Arc<[Member<C>]>,
    vary: HeaderValue,
}

/// Asks several backends. The first that finds its kind of credential decides, whatever it
/// decides; explicit credentials are looked for before ambient ones. New sign-ins go to the first
/// backend that has them, unless [`SignIn::as_cookie`](crate::SignIn::as_cookie) or
/// [`SignIn::as_tokens`](crate::SignIn::as_tokens) asks for a transport.
///
/// # Panics
/// If the list is empty.
pub fn any_of<L: IntoAuthenticators>(several: L) -> AnyOf<L::Claims>
where
    L::Claims: Send + Sync + 'static,
{
    let members: Arc<[Member<L::Claims>]> = several.into_list().into();
    assert!(!members.is_empty(), "any_of needs at least one backend");
    let mut vary: Vec<String> = Vec::new();
    for member in members.iter() {
        let names = member.vary();
        for name in names.to_str().unwrap_or("*").split(',').map(str::trim) {
            if !vary.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
                vary.push(name.to_owned());
            }
        }
    }
    let vary = HeaderValue::try_from(vary.join(", ")).expect("made of header values");
    AnyOf { members, vary }
}

impl<C: Send + Sync + 'static> AnyOf<C> {
    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }

    /// Every backend with sign-ins, and the visit as it sees it.
    pub(super) fn each<'a>(
        &'a self,
        context: SignInContext<'a>,
    ) -> impl Iterator<Item = (&'a dyn SignInBackend<C>, SignInContext<'a>)> {
        let decider = context.member().map(|path| path.split(self.members.len()));
        self.members.iter().enumerate().filter_map(move |(index, member)| {
            let seen = decider.filter(|(decided, _)| *decided == index).map(|(_, rest)| rest);
            Some((member.sign_ins()?, context.seen_by(seen)))
        })
    }

    pub(super) fn sign_in_halves(&self) -> impl Iterator<Item = &dyn SignInBackend<C>> {
        self.members.iter().filter_map(|member| member.sign_ins())
    }
}

impl<C: Send + Sync + 'static> Authenticator for AnyOf<C> {
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let mut ambient = None;
        for (index, member) in self.members.iter().enumerate() {
            match member.authenticate(head) {
                None => {}
                Some(attempt) if attempt.in_header() => {
                    return Some(attempt.found_by(index, self.members.len()));
                }
                Some(attempt) if ambient.is_none() => {
                    ambient = Some(attempt.found_by(index, self.members.len()));
                }
                Some(_) => {}
            }
        }
        ambient
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
        self.sign_in_halves().next().is_some().then_some(self)
    }

    /// The clock of the first member, for requests of which no member found a credential.
    fn clock(&self) -> &Clock {
        self.members[0].clock()
    }

    fn member(&self, path: MemberPath) -> Option<&dyn Authenticator<Claims = C>> {
        let (index, rest) = path.split(self.members.len());
        let member = &*self.members[index];
        member.member(rest).or(Some(member))
    }
}

/// As a layer: refuses every request without an identity.
impl<C: Send + Sync + 'static, S> Layer<S> for AnyOf<C> {
    type Service = AuthService<Self, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(self.clone(), inner)
    }
}

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
