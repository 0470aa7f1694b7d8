//! Sends one request of the kind that the argument names, for `tests/request_files/run` to trace.
//!
//! The service is a function behind the layer, without a framework or a socket, and with a store in
//! memory. Requests that prepare the measured one come first. The measured one runs inside
//! [`measured`], and callgrind collects only that.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;

use auth_core::{Auth, Identity, Principal};
use auth_jwt::{JwtAuth, Key};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use http::{Request, Response, header};
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

type Service = BoxCloneSyncService<Request<()>, Response<String>, Infallible>;
type Answer = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>>>>;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let kind = std::env::args().nth(1).unwrap_or_default();
    let service = match kind.as_str() {
        "cookie" | "session" | "sign-in" => sessions(),
        "token" | "token-sign-in" => tokens()?,
        _ => {
            return Err(
                "the request must be cookie, session, token, sign-in or token-sign-in".into()
            );
        }
    };
    let (method, path) = match kind.as_str() {
        "cookie" | "token" => ("GET", "/identity"),
        "session" => ("GET", "/session"),
        _ => ("POST", "/login"),
    };

    let runtime = Builder::new_current_thread().enable_time().build()?;
    let credential = sign_in(&runtime, &service)?;
    let request = || {
        let request = Request::builder().method(method).uri(path);
        match (path, kind.as_str()) {
            ("/login", _) => request.body(()),
            (_, "token") => request.header(header::AUTHORIZATION, &credential).body(()),
            _ => request.header(header::COOKIE, &credential).body(()),
        }
    };
    runtime.block_on(answer(&service, request()?))?;
    let response = measured(&runtime, answer(&service, request()?))?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("the measured request got {}", response.status()).into())
    }
}

/// Runs the measured request. `tests/request_files/run` finds this function by its name.
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
    let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
    Ok(BoxCloneSyncService::new(auth.optional().layer(service_fn(handler))))
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
