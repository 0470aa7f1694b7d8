//! Keys that are fetched: what they cost, and how long a flood of tokens with made-up keys delays others.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use auth_jwt::{JwtAuth, RemoteKeys};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response, StatusCode};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::drive::{Body, Case};
use crate::jwt::ours::{case, reads_subject};
use crate::jwt::tokens::{AUDIENCE, ISSUER, Tokens};
use crate::ours::User;

/// Keys are fetched in its tasks.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Returns a layer whose keys come from a client in memory, and the number of fetches.
fn remote(tokens: &Tokens, cooldown: Duration) -> (JwtAuth<User>, Arc<AtomicUsize>) {
    let fetches = Arc::new(AtomicUsize::new(0));
    let (counted, set) =
        (Arc::clone(&fetches), json!({ "keys": [tokens.issuer.jwk()] }).to_string());
    let client = service_fn(move |_: Request<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let response = Response::builder().header("content-type", "application/json");
        std::future::ready(Ok::<_, Infallible>(response.body(set.clone()).unwrap()))
    });
    let keys = RemoteKeys::jwks("https://id.example.com/keys").client(client).cooldown(cooldown);
    let keys = keys.build().unwrap();
    RUNTIME.block_on(keys.ready()).unwrap();
    (JwtAuth::new(keys).issuer(ISSUER).audience(AUDIENCE).claims::<User>(), fetches)
}

/// Every token is in the cache, and its key was fetched.
pub fn hit_with_remote_keys(tokens: &Tokens) -> Case {
    let _runtime = RUNTIME.enter();
    case("ours: a hit, remote keys", remote(tokens, Duration::from_secs(60)).0, tokens)
}

/// The times of requests with good tokens, and what came beside them.
#[derive(Clone, Copy, Debug)]
pub struct UnknownKeys {
    pub p50: Duration,
    pub p99: Duration,
    pub longest: Duration,
    /// How many tokens of the flood were refused.
    pub refused: usize,
    /// How many times the keys were fetched, the first time included.
    pub fetches: usize,
    pub took: Duration,
}

/// Sends this many requests with good tokens that were verified before, one after the other, with a pause of half
/// a millisecond. Beside them, a flood sends tokens with another made-up key each, as fast as they are refused.
pub fn unknown_keys(tokens: &Tokens, requests: usize, is_flooded: bool) -> UnknownKeys {
    let (auth, fetches) = remote(tokens, Duration::from_secs(1));
    let mut service = auth.layer(service_fn(reads_subject));
    let (ends, refused) = (Arc::new(AtomicBool::new(!is_flooded)), Arc::new(AtomicUsize::new(0)));
    let flood = {
        let (mut service, ends, refused) =
            (service.clone(), Arc::clone(&ends), Arc::clone(&refused));
        let template = tokens.texts()[0].clone();
        async move {
            while !ends.load(Ordering::Relaxed) {
                let number = refused.fetch_add(1, Ordering::Relaxed);
                let status = send(&mut service, &with_kid(&template, number)).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED);
            }
        }
    };
    let measured = async move {
        let mut times = Vec::with_capacity(requests);
        for token in tokens.texts() {
            assert_eq!(send(&mut service, token).await, StatusCode::OK);
        }
        for token in tokens.texts().iter().cycle().take(requests) {
            let start = Instant::now();
            assert_eq!(send(&mut service, token).await, StatusCode::OK);
            times.push(start.elapsed());
            sleep(Duration::from_micros(500)).await;
        }
        times
    };
    let start = Instant::now();
    let flood = RUNTIME.spawn(flood);
    let mut times = RUNTIME.block_on(measured);
    let took = start.elapsed();
    ends.store(true, Ordering::Relaxed);
    RUNTIME.block_on(flood).unwrap();
    times.sort_unstable();
    UnknownKeys {
        p50: times[requests / 2],
        p99: times[requests * 99 / 100],
        longest: times[requests - 1],
        refused: refused.load(Ordering::Relaxed),
        fetches: fetches.load(Ordering::Relaxed),
        took,
    }
}

async fn send<S>(service: &mut S, token: &str) -> StatusCode
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::default()).unwrap();
    service.ready().await.unwrap().call(request).await.unwrap().status()
}

/// Returns the token with the name of another key.
fn with_kid(token: &str, number: usize) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": format!("made-up-{number}") });
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}
