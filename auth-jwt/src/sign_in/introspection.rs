//! The introspection endpoint (RFC 7662): another service asks what an access token proves.

use auth_core::{Identity, Outcome};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::access_token::is_reserved;
use super::issuer::WithSignIn;
use crate::client_secrets::ClientSecrets;
use crate::endpoint::{EndpointError, EndpointService, respond};
use crate::jws::{self, Compact};
use crate::jwt_auth::JwtAuth;

impl<C: Serialize + DeserializeOwned + Send + Sync + 'static> JwtAuth<C, WithSignIn> {
    /// Returns a service that tells these clients what an access token proves (RFC 7662). It answers a POST
    /// with the parameter `token`.
    ///
    /// A token that was issued here and whose sign-in has not ended is active. The answer has its claims, with
    /// the roles, the scopes and the application's claims of the stored sign-in: what was taken away since the
    /// token was issued is not in the answer. Introspection is a use of the sign-in, which extends its idle
    /// timeout.
    ///
    /// Every other token is `{"active":false}`, without a reason. That includes tokens of other issuers, and
    /// refresh tokens: a service that asks about the credential of a request must not accept one.
    ///
    /// ```
    /// use auth_jwt::{ClientSecrets, JwtAuth, Key};
    /// use auth_store::MemoryStore;
    ///
    /// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
    /// let secret = "4hTyZ0vVnJ3sWm8qLx2bKd7RfGc5PaEu"; // from the configuration
    /// // with axum: `router.route_service("/introspect", service)`
    /// let service = auth.introspection_service(ClientSecrets::new().client("warehouse", secret));
    /// # let _ = service;
    /// # Ok::<(), auth_jwt::InvalidKey>(())
    /// ```
    #[must_use]
    pub fn introspection_service(&self, clients: ClientSecrets) -> EndpointService {
        let auth = self.clone();
        let service = EndpointService::new(self.base().max_token_bytes(), move |form| {
            let auth = auth.clone();
            async move {
                let claims = auth.introspect(form.require("token")?.as_bytes()).await?;
                let answer = claims.map_or(json!({ "active": false }), Value::Object);
                Ok(respond(StatusCode::OK, Some(&answer)))
            }
        });
        service.clients(clients)
    }

    /// Returns the claims of a token that is active.
    async fn introspect(&self, token: &[u8]) -> Result<Option<Map<String, Value>>, EndpointError> {
        let identity = match self.verify(token).await {
            Outcome::Authenticated(identity) => identity,
            Outcome::Unavailable(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "introspection failed");
                return Err(EndpointError::Unavailable);
            }
            _ => return Ok(None),
        };
        // A token of another issuer has no sign-in.
        let own = identity.sign_in().and_then(|_| self.claims_of(token));
        Ok(own.map(|claims| current(claims, &identity)))
    }

    /// Returns the claims of a token that was verified.
    fn claims_of(&self, token: &[u8]) -> Option<Map<String, Value>> {
        let token = Compact::split(token, self.base().max_token_bytes()).ok()?;
        let mut buffer = jws::Buffer::new();
        serde_json::from_str(buffer.decode(token.payload).ok()?).ok()
    }
}

/// Returns the claims of a token with what its sign-in proves now.
fn current<C: Serialize>(
    mut claims: Map<String, Value>,
    identity: &Identity<C>,
) -> Map<String, Value> {
    let principal = identity.principal();
    claims.retain(|name, _| is_reserved(name) && !["fam", "scope", "roles"].contains(&&**name));
    if let Ok(Value::Object(own)) = serde_json::to_value(&principal.claims) {
        claims.extend(own.into_iter().filter(|(name, _)| !is_reserved(name)));
    }
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    if !principal.scopes.is_empty() {
        set("scope", json!(principal.scopes.join(" ")));
    }
    if !principal.roles.is_empty() {
        set("roles", json!(principal.roles));
    }
    // The sign-in may end before the token does.
    set("exp", json!(identity.expires_at().as_secs()));
    set("active", json!(true));
    set("token_type", json!("Bearer"));
    claims
}
