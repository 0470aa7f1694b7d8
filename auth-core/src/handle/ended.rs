//! Waiting for the end of a request's sign-in.

use super::auth::Auth;
use crate::context::Erased;
use crate::ended::EndReason;
use crate::future::BoxFuture;
use crate::identity::Identity;

impl<C: Send + Sync + 'static> Auth<C> {
    /// Waits until the sign-in has ended for which this request acts, and says how: signed out or
    /// revoked on any node, idle or absolute limit. It is for what outlives the request's head, such
    /// as a WebSocket, server-sent events or a long download:
    ///
    /// ```
    /// # use auth_core::Auth;
    /// # async fn next_message() -> Option<String> { None }
    /// # async fn send(_: String) {}
    /// async fn messages(auth: Auth) {
    ///     let mut ended = auth.ended();
    ///     loop {
    ///         tokio::select! {
    ///             _ = &mut ended => break, // say goodbye
    ///             Some(message) = next_message() => send(message).await,
    ///             else => break,
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// - A sign-in goes on while its secret is refreshed, and so does what waits for its end. Signing
    ///   in anew ends it: what was opened with the old secret is not the new one's.
    /// - To wait is no use: a stream that is open, and nothing else, does not keep an idle sign-in
    ///   alive.
    /// - An access token that belongs to a stored sign-in ends with it, not at its own `exp`. A
    ///   credential without a stored sign-in, such as a token of another issuer, ends when it
    ///   [expires](crate::Identity::expires_at), be it never.
    /// - With nobody signed in, the answer is there at once: [`EndReason::NotSignedIn`].
    /// - While the store does not answer it is asked again. After ten seconds of that the answer is
    ///   [`EndReason::Unconfirmed`].
    ///
    /// A store that tells of changes is not asked while there are none: others are asked about once a
    /// second. The future keeps the store alive, and nothing of the request. It can be dropped at any
    /// time.
    ///
    /// # Panics
    /// When it is awaited outside of a tokio runtime that keeps time, unless the answer is there.
    #[must_use = "it waits only while it is polled"]
    pub fn ended(&self) -> BoxFuture<EndReason> {
        let (state, identity) = (&self.0.context.state, self.identity());
        let own = identity.and_then(Identity::sign_in);
        match (state.sign_in(), self.0.context.auth.sign_ins(), identity) {
            (Some(sign_in), Some(any), _) => {
                // A sign-in of this very request has another beginning than its identity says.
                let found = identity
                    .filter(|_| own == Some(sign_in) && state.new_sign_in() != Some(sign_in));
                let decided = found.and_then(|_| self.0.context.decider().sign_ins());
                let authenticated_at = found.map(Identity::authenticated_at);
                decided.unwrap_or(any).ended(sign_in, authenticated_at)
            }
            (None, _, Some(_)) if own.is_some() => Box::pin(async { EndReason::Revoked }),
            (_, _, Some(identity)) => {
                let expired = self.0.context.clock().sleep_until(identity.expires_at());
                Box::pin(async {
                    expired.await;
                    EndReason::Expired
                })
            }
            (_, _, None) => Box::pin(async { EndReason::NotSignedIn }),
        }
    }
}
