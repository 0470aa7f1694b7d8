//! The cost of looking up the sign-in of an access token.
//!
//! The look-up is what makes a token revocable. The same tokens are verified with a store and without
//! one, and the difference is the price.

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

/// Returns the cases of access tokens of this many sign-ins, with a store and without one. The tokens are in
/// the cache of both, so the difference between the two is the look-up.
pub fn sign_in_cases(sign_ins: usize) -> [Case; 2] {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let public = key.public_key().clone();
    let with_store = JwtAuth::new(key)
        .audience(AUDIENCE)
        .cache_capacity(2 * sign_ins)
        .claims::<User>()
        .sign_in(Arc::new(MemoryStore::new()))
        .access_lifetime(Duration::from_secs(3600))
        .refresh_in_body();
    let without_store =
        JwtAuth::new(public).audience(AUDIENCE).cache_capacity(2 * sign_ins).claims::<User>();

    let issued = Issued::default();
    let sink = issued.clone();
    let signs_in = service_fn(move |request| signs_in(sink.clone(), request));
    let mut service = with_store.clone().optional().layer(signs_in);
    for number in 0..sign_ins {
        let request = Request::post("/").extension(number).body(Body::default()).unwrap();
        drop(poll_now(service.call(request)).unwrap());
    }
    let tokens = issued.lock().unwrap();
    let with_store = with_store.layer(service_fn(reads_subject));
    let without_store = without_store.layer(service_fn(reads_subject));
    [
        Case::new("ours: a hit, and its sign-in", with_store, "authorization", &tokens),
        Case::new("ours: the same hit, no store", without_store, "authorization", &tokens),
    ]
}

/// The `Authorization` headers of all users who signed in.
type Issued = Arc<Mutex<Vec<HeaderValue>>>;

async fn signs_in(issued: Issued, request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<User>::of(&request).unwrap();
    let user = User { name: format!("Ada Lovelace {number:07}") };
    let principal = Principal::new(format!("user-{number:07}")).role("buyer").claims(user);
    let signed_in = auth.sign_in(principal).await.unwrap();
    let token = signed_in.tokens.unwrap().access_token;
    issued.lock().unwrap().push(HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    ok()
}
