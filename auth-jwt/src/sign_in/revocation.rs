//! The revocation endpoint (RFC 7009): a client ends its sign-in by a token.

use auth_store::SecretKind;
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::backend::refresh_secret;
use super::issuer::WithSignIn;
use crate::endpoint::{EndpointError, EndpointService, respond};
use crate::jws::Compact;
use crate::jwt_auth::JwtAuth;

impl<C: DeserializeOwned + Send + Sync + 'static> JwtAuth<C, WithSignIn> {
    /// Returns a service that revokes tokens (RFC 7009). It answers a POST with the parameter `token`.
    ///
    /// The token is a refresh token or an access token that was issued here. Its sign-in ends, and with it all
    /// of its tokens. A token that has expired or was replaced still names its sign-in. Every other token is
    /// answered with 200 as well, and changes nothing.
    ///
    /// A client needs nothing but the token, because browsers and apps cannot keep a secret of their own. Set
    /// [`clients`](EndpointService::clients) if only services with a secret may call it.
    ///
    /// The tokens of one backend are all issued to the same client, its `client_id`. So the check of RFC 7009
    /// section 2.1 that a token was issued to the client which revokes it does not distinguish the
    /// [`clients`](EndpointService::clients): each of them can revoke every token that it holds. It cannot
    /// revoke a token that it does not hold, and learns nothing about a token from the answer.
    ///
    /// ```
    /// use auth_jwt::{JwtAuth, Key};
    /// use auth_store::MemoryStore;
    ///
    /// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
    /// // with axum: `router.route_service("/revoke", auth.revocation_service())`
    /// let service = auth.revocation_service();
    /// # let _ = service;
    /// # Ok::<(), auth_jwt::InvalidKey>(())
    /// ```
    #[must_use]
    pub fn revocation_service(&self) -> EndpointService {
        let auth = self.clone();
        EndpointService::new(self.base().max_token_bytes(), move |form| {
            let auth = auth.clone();
            async move {
                auth.revoke_token(form.require("token")?.as_bytes()).await?;
                Ok(respond(StatusCode::OK, None))
            }
        })
    }

    /// Ends the sign-in that a token names.
    async fn revoke_token(&self, token: &[u8]) -> Result<(), EndpointError> {
        let sign_ins = &self.mode.sign_ins;
        let named = match refresh_secret(token) {
            Some(secret) => sign_ins.resolve(&secret, SecretKind::Refresh).await?,
            None => {
                let token = Compact::split(token, self.base().max_token_bytes());
                match token.ok().and_then(|token| self.own_token(&token)) {
                    Some(token) => sign_ins.sign_in_of(&token).await?,
                    None => None,
                }
            }
        };
        if let Some(id) = named {
            sign_ins.end(&id).await?;
        }
        Ok(())
    }
}
