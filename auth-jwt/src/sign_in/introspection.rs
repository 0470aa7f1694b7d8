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
use crate::revocation_list::Freshness;
use crate::verifier::TokenSubject;

impl<C: Serialize + DeserializeOwned + Send + Sync + 'static> JwtAuth<C, WithSignIn> {
    /// Returns a service that tells these clients what an access token proves (RFC 7662). It answers a POST
    /// with the parameter `token`.
    ///
    /// A token that was issued here and whose sign-in has not ended is active. The answer has its registered
    /// claims, with the roles and the scopes of the stored sign-in: what was taken away since the token was
    /// issued is not in the answer. The application's own claims are left out, except for those that
    /// [`introspected_claim`](Self::introspected_claim) names. Introspection is a use of the sign-in, which
    /// extends its idle timeout.
    ///
    /// Every other token is `{"active":false}`, without a reason. That includes tokens of other issuers, whose
    /// keys are not fetched for it, and refresh tokens: a service that asks about the credential of a request
    /// must not accept one.
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

    /// Adds this claim of the application to the answers of
    /// [introspection](Self::introspection_service). Call it again for further claims. Defaults to none, because
    /// each client learns the claims of every token that it gets.
    pub fn introspected_claim(self, name: impl Into<Box<str>>) -> Self {
        self.change_issuer(|issuer| issuer.introspected_claims.push(name.into()))
    }

    /// Returns the claims of a token that is active.
    async fn introspect(&self, token: &[u8]) -> Result<Option<Map<String, Value>>, EndpointError> {
        let (now, max_bytes) = (self.base().clock.now(), self.base().max_token_bytes());
        let Ok(compact) = Compact::split(token, max_bytes) else { return Ok(None) };
        // Unlike `verify`, this fetches no keys of other issuers.
        let Ok(verified) = self.verified(&compact, now) else { return Ok(None) };
        if matches!(verified.subject, TokenSubject::Foreign(_)) {
            return Ok(None);
        }
        let identity = match self.conclude(verified, now, Freshness::Cached).await {
            Outcome::Authenticated(identity) => identity,
            Outcome::Unavailable(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "introspection failed");
                return Err(EndpointError::Unavailable);
            }
            _ => return Ok(None),
        };
        let mut buffer = jws::Buffer::new();
        let claims = buffer.decode(compact.payload).ok();
        let claims = claims.and_then(|json| serde_json::from_str(json).ok());
        let shown = &self.mode.issuer.introspected_claims;
        Ok(claims.map(|claims| current(claims, &identity, shown)))
    }
}

/// Returns the registered claims of a token with what its sign-in proves now, and these claims of the
/// application's.
fn current<C: Serialize>(
    mut claims: Map<String, Value>,
    identity: &Identity<C>,
    shown: &[Box<str>],
) -> Map<String, Value> {
    let principal = identity.principal();
    claims.retain(|name, _| is_reserved(name) && !["fam", "scope", "roles"].contains(&&**name));
    if let Ok(Value::Object(own)) = serde_json::to_value(&principal.claims) {
        let is_shown = |name: &String| shown.iter().any(|it| **it == **name) && !is_reserved(name);
        claims.extend(own.into_iter().filter(|(name, _)| is_shown(name)));
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
