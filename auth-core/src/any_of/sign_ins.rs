//! Implements [`SignInBackend`] for [`AnyOf`]: signs in and out across all members.
//!
//! One member issues the new credential. Every member ends the sign-ins that it finds in the
//! request.

use std::any::Any;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;

use super::authenticator::AnyOf;
use crate::backend::{
    Authenticator, EndReason, Outcome, ReauthenticateOptions, RefreshOptions, Revoke,
    SignInBackend, SignInInfo, SignInOptions, SignInResult, StoredSignIns,
};
use crate::clock::Timestamp;
use crate::context::{SignInContext, Transport};
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::future::{AuthFuture, BoxFuture};
use crate::identity::Identity;
use crate::sign_in_id::SignInId;

#[async_trait]
impl<C: Send + Sync + 'static> SignInBackend<C> for AnyOf<C> {
    fn supports_transport(&self, transport: Transport) -> bool {
        self.sign_in_backends().any(|backend| backend.supports_transport(transport))
    }

    fn supports_pending(&self) -> bool {
        self.sign_in_backends().any(SignInBackend::supports_pending)
    }

    fn supports_acting(&self) -> bool {
        self.sign_in_backends().any(SignInBackend::supports_acting)
    }

    async fn sign_in(&self, context: SignInContext<'_>, options: SignInOptions<C>) -> SignInResult {
        if options.acting {
            // The backend of the actor's sign-in, which continues.
            let decider = self.decider(context).filter(|(_, it, _)| it.supports_acting());
            let (index, backend, seen) = decider.ok_or(ConfigError::NoActing)?;
            let signed_in = backend.sign_in(seen, options).await?;
            context.state().done_by(index, self.count());
            return Ok(signed_in);
        }
        let fits = |backend: &dyn SignInBackend<C>| {
            options.transport.is_none_or(|transport| backend.supports_transport(transport))
        };
        let chosen = self.each(context).find(|(_, backend, _)| fits(*backend));
        let (chosen, backend, seen) = chosen.ok_or(ConfigError::UnsupportedTransport)?;
        if options.pending && !backend.supports_pending() {
            return Err(ConfigError::NoPendingSignIns.into());
        }
        let old = context.state().sign_in();
        let signed_in = backend.sign_in(seen, options).await?;
        context.state().done_by(chosen, self.count());
        for (index, other, seen) in self.each(context) {
            if index != chosen {
                // If this fails, the old credential may still be valid, so the new one is rolled back:
                // there must never be two.
                other.on_superseded(seen, old).await?;
            }
        }
        Ok(signed_in)
    }

    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        for (_, backend, context) in self.each(context) {
            backend.on_superseded(context, old).await?;
        }
        Ok(())
    }

    /// Lets the backend of the sign-in for which the request acts authenticate the user again.
    async fn reauthenticate(
        &self,
        context: SignInContext<'_>,
        options: &ReauthenticateOptions,
    ) -> SignInResult {
        let decider = self.decider(context);
        let (index, backend, seen) = decider.ok_or(ConfigError::NoSignIns)?;
        let signed_in = backend.reauthenticate(seen, options).await?;
        context.state().done_by(index, self.count());
        Ok(signed_in)
    }

    /// Lets the backend that decided refresh its own credential first. If it cannot, the refresh token may
    /// belong to any other backend.
    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        let mut last = AuthError::from(ConfigError::NoSignIns);
        let mut backends: Vec<_> = self.each(context).collect();
        backends.sort_by_key(|(_, _, seen)| seen.member().is_none());
        for (index, backend, seen) in backends {
            match backend.refresh(seen, options).await {
                Err(error) if error.kind() == AuthErrorKind::Unauthenticated => last = error,
                answer => {
                    context.state().done_by(index, self.count());
                    return answer;
                }
            }
        }
        Err(last)
    }

    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.each(context).try_for_each(|(_, backend, context)| backend.check_sign_out(context))
    }

    /// Lets every backend end the sign-ins that it finds in the request, even if another one fails. If one
    /// refuses the request, nothing ends.
    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        self.check_sign_out(context)?;
        let mut ended = Ok(());
        for (_, backend, context) in self.each(context) {
            ended = ended.and(backend.sign_out(context).await);
        }
        ended
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        self
    }

    fn revalidate(&self, context: SignInContext<'_>, user: &Identity<C>) -> AuthFuture<Outcome<C>> {
        Authenticator::revalidate(self, context, user)
    }

    /// Lets the backend that decided renew its credential.
    async fn renew(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        match self.decider(context) {
            Some((_, backend, seen)) => backend.renew(seen).await,
            None => Ok(()),
        }
    }

    /// Returns what the first member with data for visitors provides, for requests in which no member
    /// found a credential.
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        let keeper = self.sign_in_backends().find(|backend| backend.supports_anonymous());
        keeper.or_else(|| self.sign_in_backends().next())?.session_backend()
    }

    fn supports_anonymous(&self) -> bool {
        self.sign_in_backends().any(SignInBackend::supports_anonymous)
    }
}

#[async_trait]
impl<C: Send + Sync + 'static> StoredSignIns for AnyOf<C> {
    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let mut all: Vec<SignInInfo> = Vec::new();
        for backend in self.sign_in_backends() {
            for info in backend.stored_sign_ins().list(subject).await? {
                if !all.iter().any(|listed| listed.id == info.id) {
                    all.push(info); // backends may share a store
                }
            }
        }
        all.sort_by_key(|info| info.created_at);
        Ok(all)
    }

    async fn pending_subject(&self, sign_in: SignInId) -> Result<Option<Arc<str>>, AuthError> {
        for backend in self.sign_in_backends() {
            if let Some(subject) = backend.stored_sign_ins().pending_subject(sign_in).await? {
                return Ok(Some(subject));
            }
        }
        Ok(None)
    }

    /// Revokes in every backend, even if another one fails.
    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        let mut ended = Ok(0);
        for backend in self.sign_in_backends() {
            let of_backend = backend.stored_sign_ins().revoke(subject, which).await;
            ended = ended.and_then(|ended| of_backend.map(|count| ended + count));
        }
        ended
    }

    /// Waits for every member, because a sign-in of this request may belong to any of them. A
    /// member that does not store it eventually reports that it was revoked, so any other reason takes
    /// precedence.
    fn ended(
        &self,
        sign_in: SignInId,
        authenticated_at: Option<Timestamp>,
    ) -> BoxFuture<EndReason> {
        let backends = self.sign_in_backends();
        let mut waiting: Vec<_> = backends
            .map(|backend| backend.stored_sign_ins().ended(sign_in, authenticated_at))
            .collect();
        let mut reason = EndReason::NotSignedIn;
        Box::pin(poll_fn(move |cx| {
            waiting.retain_mut(|backend| match backend.as_mut().poll(cx) {
                Poll::Ready(ended) => {
                    let says_more = !matches!(ended, EndReason::Revoked | EndReason::NotSignedIn);
                    if says_more || reason == EndReason::NotSignedIn {
                        reason = ended;
                    }
                    false
                }
                Poll::Pending => true,
            });
            if waiting.is_empty() { Poll::Ready(reason) } else { Poll::Pending }
        }))
    }
}
