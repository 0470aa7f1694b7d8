//! What it costs to ask whether the sign-in of a token still stands.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::{Auth, Principal};
use auth_jwt::{Algorithm, JwtAuth, SigningKey};
use auth_store::MemoryStore;
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service, service_fn};

use crate::drive::{Body, Case, ok, poll_now};
use crate::jwt::ours::reads_subject;
use crate::ours::User;

const AUDIENCE: &str = "shop";

/// The access tokens of so many sign-ins, with a store to ask and without one. The tokens are in
/// the cache of both: what is left between them is the question.
pub fn sign_in_cases(sign_ins: usize) -> [Case; 2] {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let public = key.public_key().clone();
    let asks = JwtAuth::new(key)
        .audience(AUDIENCE)
        .cache_capacity(2 * sign_ins)
        .claims::<User>()
        .sign_in(Arc::new(MemoryStore::new()))
        .access_lifetime(Duration::from_secs(3600))
        .refresh_in_body();
    let trusts =
        JwtAuth::new(public).audience(AUDIENCE).cache_capacity(2 * sign_ins).claims::<User>();

    let issued = Issued::default();
    let into = issued.clone();
    let enters = service_fn(move |request| enters(into.clone(), request));
    let mut service = asks.clone().optional().layer(enters);
    for number in 0..sign_ins {
        let request = Request::post("/").extension(number).body(Body::default()).unwrap();
        drop(poll_now(service.call(request)).unwrap());
    }
    let tokens = issued.lock().unwrap();
    let asks = asks.layer(service_fn(reads_subject));
    let trusts = trusts.layer(service_fn(reads_subject));
    [
        Case::new("ours: a hit, and its sign-in", asks, "authorization", &tokens),
        Case::new("ours: the same hit, no store", trusts, "authorization", &tokens),
    ]
}

/// The `Authorization` headers of everybody who signed in.
type Issued = Arc<Mutex<Vec<HeaderValue>>>;

async fn enters(issued: Issued, request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<User>::of(&request).unwrap();
    let user = User { name: format!("Ada Lovelace {number:07}") };
    let principal = Principal::new(format!("user-{number:07}")).role("buyer").claims(user);
    let signed_in = auth.sign_in(principal).await.unwrap();
    let token = signed_in.tokens.unwrap().access_token;
    issued.lock().unwrap().push(HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    ok()
}
