//! Signing in and out by several backends.

use std::any::Any;
use std::future::poll_fn;
use std::task::Poll;

use async_trait::async_trait;

use super::any_of::AnyOf;
use crate::clock::Timestamp;
use crate::effects::ResponseEffects;
use crate::ended::EndReason;
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::future::{AuthFuture, BoxFuture};
use crate::identity::Identity;
use crate::outcome::Outcome;
use crate::principal::Principal;
use crate::sign_in_context::SignInContext;
use crate::sign_in_id::SignInId;
use crate::sign_ins::{RefreshOptions, Revoke, SignInBackend, SignInInfo, SignInOptions};
use crate::signed_in::SignedIn;
use crate::transport::Transport;

#[async_trait]
impl<C: Send + Sync + 'static> SignInBackend<C> for AnyOf<C> {
    fn supports_transport(&self, transport: Transport) -> bool {
        self.sign_in_halves().any(|half| half.supports_transport(transport))
    }

    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError> {
        let fits = |half: &dyn SignInBackend<C>| {
            options.transport.is_none_or(|transport| half.supports_transport(transport))
        };
        let chosen = self
            .each(context)
            .position(|(half, _)| fits(half))
            .ok_or(ConfigError::UnsupportedTransport)?;
        let old = context.state().sign_in();
        let halves: Vec<_> = self.each(context).collect();
        let (half, seen) = halves[chosen];
        let subject = principal.subject.clone();
        let signed_in = half.sign_in(seen, principal, options).await?;
        for (index, (other, seen)) in halves.iter().enumerate() {
            if index == chosen {
                continue;
            }
            if let Err(error) = other.on_superseded(*seen, old).await {
                // The old credential may still be good, so the new one is not given out.
                context.state().effects(ResponseEffects::clear);
                context.state().undo_sign_in(old);
                let undone = half.revoke(&subject, Revoke::One(signed_in.sign_in)).await;
                if undone.is_err() {
                    tracing::error!(sign_in = %signed_in.sign_in, "a sign-in could not be taken back");
                }
                return Err(error);
            }
        }
        Ok(signed_in)
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        for (half, context) in self.each(context) {
            half.on_superseded(context, old).await?;
        }
        Ok(())
    }

    /// The backend that decided renews its own credential. If it cannot, the token or a cookie that
    /// renews may belong to any other.
    async fn refresh(
        &self,
        context: SignInContext<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError> {
        let mut last = AuthError::from(ConfigError::NoSignIns);
        let mut halves: Vec<_> = self.each(context).collect();
        halves.sort_by_key(|(_, seen)| seen.member().is_none());
        for (half, seen) in halves {
            match half.refresh(seen, options).await {
                Err(error) if error.kind() == AuthErrorKind::Unauthenticated => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.each(context).try_for_each(|(half, context)| half.check_sign_out(context))
    }

    /// Every backend ends what it can name in the request, also if another one fails; none does if
    /// one refuses the request.
    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.check_sign_out(context)?;
        let mut ended = Ok(());
        for (half, context) in self.each(context) {
            ended = ended.and(half.sign_out(context).await);
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

    /// A sign-in of this request may belong to any member: those that do not know it answer at once
    /// that it has ended, so the last answer counts.
    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
    ) -> BoxFuture<EndReason> {
        let halves = self.sign_in_halves();
        let mut waiting: Vec<_> =
            halves.map(|half| half.ended(sign_in, authenticated_at)).collect();
        let mut last = EndReason::NotSignedIn;
        Box::pin(poll_fn(move |cx| {
            waiting.retain_mut(|half| match half.as_mut().poll(cx) {
                Poll::Ready(ended) => {
                    last = ended;
                    false
                }
                Poll::Pending => true,
            });
            if waiting.is_empty() { Poll::Ready(last) } else { Poll::Pending }
        }))
    }

    /// The backend that decided knows.
    fn revalidate(
        &self,
        context: SignInContext<'_>,
        identity: &Identity<C>,
    ) -> AuthFuture<Outcome<C>> {
        match self.each(context).find(|(_, seen)| seen.member().is_some()) {
            Some((half, seen)) => half.revalidate(seen, identity),
            None => Outcome::Authenticated(identity.clone()).into(),
        }
    }

    /// The member that keeps the data of visitors, for requests of which no member found a
    /// credential.
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        let keeper = self.sign_in_halves().find(|half| half.supports_anonymous());
        keeper.or_else(|| self.sign_in_halves().next())?.session_backend()
    }

    fn supports_anonymous(&self) -> bool {
        self.sign_in_halves().any(SignInBackend::supports_anonymous)
    }
}
