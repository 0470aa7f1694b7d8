//! Sends one request of the kind that the argument names, for callgrind to trace, and prints how many
//! allocations it made and how many bytes they had.
//!
//! The service is a function behind the layer, without a framework or a socket, and with a store in
//! memory. Requests that prepare the measured one come first. The measured one runs inside
//! [`measured`], and callgrind collects only that.

#![allow(clippy::print_stdout)] // prints what was counted

use std::alloc::System;
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;

use auth_core::{Auth, Clock, Identity, Principal};
use auth_jwt::{JwtAuth, Key};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use http::{Request, Response, header};
use jsonwebtoken::EncodingKey;
use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

type Service = BoxCloneSyncService<Request<()>, Response<String>, Infallible>;
type Answer = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>>>>;
type Failure = Box<dyn Error + Send + Sync>;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SHARED_KEY: [u8; 32] = [7; 32];

fn main() -> Result<(), Failure> {
    let kind = std::env::args().nth(1).unwrap_or_default();
    let service = match kind.as_str() {
        "anonymous" | "cookie" | "value" | "session" | "sign-in" => sessions(),
        "token" | "token-sign-in" => tokens()?,
        "foreign-token" => foreign_tokens()?,
        _ => return Err("the first argument must be the kind of the request".into()),
    };
    let (method, path) = match kind.as_str() {
        "anonymous" => ("GET", "/"),
        "value" => ("GET", "/value"),
        "session" => ("GET", "/session"),
        "sign-in" | "token-sign-in" => ("POST", "/login"),
        _ => ("GET", "/identity"),
    };

    let runtime = Builder::new_current_thread().enable_time().build()?;
    let signed_in = if kind == "foreign-token" { None } else { Some(sign_in(&runtime, &service)?) };
    let request = |path, number| {
        let mut request = Request::builder().method(method).uri(path);
        if !matches!(path, "/" | "/login") {
            let credential = match &signed_in {
                Some(credential) => credential.clone(),
                None => foreign_token(number)?,
            };
            let is_token = credential.starts_with("Bearer ");
            let name = if is_token { header::AUTHORIZATION } else { header::COOKIE };
            request = request.header(name, credential);
        }
        Ok::<_, Failure>(request.body(())?)
    };
    let prepared = if path == "/value" { "/session" } else { path }; // which stores the value
    runtime.block_on(answer(&service, request(prepared, 1)?))?;
    let answer = answer(&service, request(path, 2)?);
    let region = Region::new(COUNTED);
    let response = measured(&runtime, answer)?;
    let counted = region.change();
    if response.status().is_success() {
        let allocations = counted.allocations + counted.reallocations;
        println!("{allocations} {}", counted.bytes_allocated);
        Ok(())
    } else {
        Err(format!("the measured request got {}", response.status()).into())
    }
}

/// Runs the measured request. Those who trace it find this function by its name.
#[inline(never)]
fn measured(runtime: &Runtime, answer: Answer) -> Result<Response<String>, Infallible> {
    runtime.block_on(answer)
}

/// Returns the future of the response, which does not start before it is awaited.
fn answer(service: &Service, request: Request<()>) -> Answer {
    let service = service.clone();
    Box::pin(async move { service.oneshot(request).await })
}

/// Signs in and returns the value of the header that carries the sign-in.
fn sign_in(runtime: &Runtime, service: &Service) -> Result<String, Failure> {
    let response = runtime.block_on(answer(service, Request::post("/login").body(())?))?;
    if !response.body().is_empty() {
        return Ok(format!("Bearer {}", response.body()));
    }
    let cookie = response.headers().get(header::SET_COOKIE).ok_or("no cookie was set")?;
    let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
    Ok(pair.to_owned())
}

fn sessions() -> Service {
    let auth = SessionAuth::new(MemoryStore::new());
    BoxCloneSyncService::new(auth.optional().layer(service_fn(handler)))
}

/// Uses HS256, whose signatures are verified on every request, even of cached tokens.
fn tokens() -> Result<Service, Failure> {
    let auth = JwtAuth::new(Key::hs256(SHARED_KEY)?).audience("shop").sign_in(MemoryStore::new());
    Ok(BoxCloneSyncService::new(auth.optional().layer(service_fn(handler))))
}

/// Verifies tokens of another issuer, with the default claims. It keeps no tokens, so that it verifies each.
fn foreign_tokens() -> Result<Service, Failure> {
    let auth =
        JwtAuth::new(Key::hs256(SHARED_KEY)?).issuer(ISSUER).audience("shop").cache_capacity(0);
    Ok(BoxCloneSyncService::new(auth.optional().layer(service_fn(handler))))
}

const ISSUER: &str = "https://issuer.example";

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    sub: &'static str,
    aud: &'static str,
    exp: u64,
    iat: u64,
    jti: String,
    scope: &'static str,
}

/// Returns the header with a token that no other number has.
fn foreign_token(number: u64) -> Result<String, Failure> {
    let iat = Clock::system().now().as_secs();
    let scope = "orders:read orders:write";
    let (sub, aud, exp) = ("alice", "shop", iat + 3600);
    let claims = Claims { iss: ISSUER, sub, aud, exp, iat, jti: number.to_string(), scope };
    let key = EncodingKey::from_secret(&SHARED_KEY);
    Ok(format!("Bearer {}", jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key)?))
}

async fn handler(request: Request<()>) -> Result<Response<String>, Infallible> {
    let mut response = Response::default();
    match handle(&request).await {
        Ok(body) => *response.body_mut() = body,
        Err(_) => *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}

/// Returns the body: the access token if a sign-in issued one, and otherwise an empty string.
async fn handle(request: &Request<()>) -> Result<String, Failure> {
    match request.uri().path() {
        "/login" => {
            let signed_in = Auth::of(request)?.sign_in(Principal::new("alice")).await?;
            return Ok(signed_in.tokens.map_or(String::new(), |tokens| tokens.access_token.into()));
        }
        "/" => {}
        "/value" => {
            let session = Session::of(request.extensions())?;
            let _: Option<u32> = session.get("visits").await?;
        }
        "/session" => {
            let session = Session::of(request.extensions())?;
            session.update("visits", |visits: &mut u32| *visits += 1)?;
        }
        _ => {
            let identity: Option<&Identity> = Identity::of(request.extensions())?;
            return Ok(identity.ok_or("no identity")?.subject().to_owned());
        }
    }
    Ok(String::new())
}
