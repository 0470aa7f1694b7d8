//! Several backends as one.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use tower_layer::Layer;

use crate::authenticate::{AuthLayer, AuthService, Policy};
use crate::authenticator::{Attempt, Authenticator, Backend, Carrier};
use crate::clock::Clock;
use crate::cross_site::CrossSite;
use crate::error::{AuthError, AuthErrorKind, Misuse};
use crate::head::Head;
use crate::principal::Principal;
use crate::rejection::Demand;
use crate::sign_in_id::SignInId;
use crate::sign_ins::{Revoke, SignInInfo, SignInOptions, SignIns, SignedIn};
use crate::visit::Visit;

type Member<C> = Arc<dyn Authenticator<Claims = C>>;

/// Several backends, each for its own kind of credential: made by [`any_of`].
pub struct AnyOf<C> {
    members: Arc<[Member<C>]>,
    vary: HeaderValue,
}

/// What [`any_of`] takes: a tuple of two to four authenticators, or a list made at run time.
pub trait Several {
    /// The claims of all of them.
    type Claims;
    /// The authenticators, in the order of preference for new sign-ins.
    fn into_list(self) -> Vec<Arc<dyn Authenticator<Claims = Self::Claims>>>;
}

impl<C> Several for Vec<Member<C>> {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self
    }
}

impl<C, const N: usize> Several for [Member<C>; N] {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self.into()
    }
}

macro_rules! several {
    ($first:ident $(, $next:ident)+) => {
        impl<$first, $($next),+> Several for ($first, $($next),+)
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
several!(A, B);
several!(A, B, D);
several!(A, B, D, E);

/// Asks several backends. The first that finds its kind of credential decides, whatever it
/// decides; explicit credentials are looked for before ambient ones. New sign-ins go to the first
/// backend that has them, unless [`SignIn::via`](crate::SignIn::via) asks for a carrier.
///
/// # Panics
/// If the list is empty.
pub fn any_of<L: Several>(several: L) -> AnyOf<L::Claims>
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
    fn each<'a>(
        &'a self,
        visit: Visit<'a>,
    ) -> impl Iterator<Item = (&'a dyn SignIns<C>, Visit<'a>)> {
        let decider = visit.backend().map(|backend| backend.split(self.members.len()));
        self.members.iter().enumerate().filter_map(move |(index, member)| {
            let seen = decider.filter(|(decided, _)| *decided == index).map(|(_, rest)| rest);
            Some((member.sign_ins()?, visit.seen_by(seen)))
        })
    }

    fn sign_in_halves(&self) -> impl Iterator<Item = &dyn SignIns<C>> {
        self.members.iter().filter_map(|member| member.sign_ins())
    }
}

impl<C: Send + Sync + 'static> Authenticator for AnyOf<C> {
    type Claims = C;

    fn authenticate(&self, head: &Head<'_>) -> Option<Attempt<C>> {
        let mut ambient = None;
        for (index, member) in self.members.iter().enumerate() {
            match member.authenticate(head) {
                None => {}
                Some(attempt) if attempt.carrier() == Carrier::Explicit => {
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

    fn challenge(&self, demand: &Demand<'_>, headers: &mut HeaderMap) {
        for member in self.members.iter() {
            member.challenge(demand, headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        self.vary.clone()
    }

    fn sign_ins(&self) -> Option<&dyn SignIns<C>> {
        self.sign_in_halves().next().is_some().then_some(self)
    }

    fn cross_site(&self, backend: Backend) -> &CrossSite {
        let (index, rest) = backend.split(self.members.len());
        self.members[index].cross_site(rest)
    }

    fn clock(&self) -> &Clock {
        self.members[0].clock()
    }
}

#[async_trait]
impl<C: Send + Sync + 'static> SignIns<C> for AnyOf<C> {
    fn issues(&self, carrier: Carrier) -> bool {
        self.sign_in_halves().any(|half| half.issues(carrier))
    }

    async fn sign_in(
        &self,
        visit: Visit<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let fits = |half: &dyn SignIns<C>| options.via.is_none_or(|carrier| half.issues(carrier));
        let chosen = self.each(visit).position(|(half, _)| fits(half)).ok_or(Misuse::NoCarrier)?;
        let old = visit.turn().sign_in();
        let halves: Vec<_> = self.each(visit).collect();
        let (half, seen) = halves[chosen];
        let signed_in = half.sign_in(seen, principal, options).await?;
        for (index, (half, seen)) in halves.into_iter().enumerate() {
            if index != chosen {
                half.superseded(seen, old).await?;
            }
        }
        Ok(signed_in)
    }

    async fn superseded(&self, visit: Visit<'_>, old: Option<SignInId>) -> Result<(), AuthError> {
        for (half, visit) in self.each(visit) {
            half.superseded(visit, old).await?;
        }
        Ok(())
    }

    /// The backend that decided renews its own credential. If none did, the token or a cookie that
    /// renews may belong to any of them.
    async fn refresh(&self, visit: Visit<'_>, token: Option<&str>) -> Result<SignedIn, AuthError> {
        let decided = visit.backend().is_some();
        let mut last = AuthError::from(Misuse::NoSignIns);
        for (half, seen) in self.each(visit) {
            if decided && token.is_none() && seen.backend().is_none() {
                continue;
            }
            match half.refresh(seen, token).await {
                Err(error) if error.kind() == AuthErrorKind::Unauthenticated => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Every backend ends what it can name in the request, also if another one fails.
    async fn sign_out(&self, visit: Visit<'_>) -> Result<(), AuthError> {
        let mut ended = Ok(());
        for (half, visit) in self.each(visit) {
            ended = ended.and(half.sign_out(visit).await);
        }
        ended
    }

    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let mut all: Vec<SignInInfo> = Vec::new();
        for half in self.sign_in_halves() {
            for info in half.list(subject).await? {
                if !all.iter().any(|listed| listed.id == info.id) {
                    all.push(info); // backends may share one store
                }
            }
        }
        all.sort_by_key(|info| info.created_at);
        Ok(all)
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        let mut ended = 0;
        for half in self.sign_in_halves() {
            ended += half.revoke(subject, which).await?;
        }
        Ok(ended)
    }

    fn session_host(&self, backend: Option<Backend>) -> Option<&(dyn Any + Send + Sync)> {
        match backend.map(|backend| backend.split(self.members.len())) {
            Some((index, rest)) => self.members[index].sign_ins()?.session_host(Some(rest)),
            None => self.sign_in_halves().find_map(|half| half.session_host(None)),
        }
    }
}

/// As a layer: refuses every request without an identity.
impl<C: Send + Sync + 'static, S> Layer<S> for AnyOf<C> {
    type Service = AuthService<Self, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(self.clone(), Policy::Required, inner)
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
