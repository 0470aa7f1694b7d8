//! Sessions on plain hyper, without a framework: `cargo run -p examples --bin hyper`.
//!
//! ```text
//! curl -c jar -d '{"username":"alice","password":"wonderland"}' http://localhost:3000/login
//! curl -b jar http://localhost:3000/me
//! curl -b jar -c jar -X POST http://localhost:3000/visits
//! curl -b jar -c jar -X POST http://localhost:3000/logout
//! ```

#![allow(clippy::print_stdout)] // prints where it listens

use std::convert::Infallible;
use std::time::Duration;

use auth_core::{Auth, AuthContext, Identity, Refusal};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use examples::serve;
use examples::users::{Login, User, Users};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

type HttpResponse = Response<Full<Bytes>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // `insecure_http` is for development only: it allows the cookie without TLS.
    let auth = SessionAuth::new(MemoryStore::new()).insecure_http().claims::<User>().optional();
    let users = Users::demo();
    let routes = service_fn(move |request| route(users.clone(), request));
    let service = TowerToHyperService::new(auth.layer(routes));

    let listener = TcpListener::bind(serve::address()?).await?;
    println!("sessions on hyper at http://{}", listener.local_addr()?);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Usually the process has no free file descriptors. Connections that end free some.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()); // limits how long a client may take to send headers
        let connection = http1.serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection lost");
            }
        });
    }
}

/// Routes the request. Errors become responses, so that the connection stays open.
async fn route(users: Users, request: Request<Incoming>) -> Result<HttpResponse, Infallible> {
    let (head, body) = request.into_parts();
    let response = match (&head.method, head.uri.path()) {
        (&Method::POST, "/login") => login(&users, &head, body).await,
        (&Method::POST, "/logout") => logout(&head).await,
        (&Method::GET, "/me") => me(&head),
        (&Method::POST, "/visits") => visits(&head).await,
        _ => Ok(text(StatusCode::NOT_FOUND, "not found")),
    };
    Ok(response.unwrap_or_else(|refusal| refuse(&head, refusal)))
}

async fn login(users: &Users, head: &Parts, body: Incoming) -> Result<HttpResponse, Refusal> {
    let auth = Auth::<User>::of(head)?;
    let Ok(body) = Limited::new(body, 16 * 1024).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the body must be at most 16 KiB"));
    };
    let Ok(login) = serde_json::from_slice::<Login>(&body.to_bytes()) else {
        return Ok(text(
            StatusCode::BAD_REQUEST,
            "the body must be JSON with a username and a password",
        ));
    };
    let Ok(principal) = users.check(&login.username, &login.password).await else {
        return Err(Refusal::Unauthenticated(None));
    };
    let signed_in = auth.sign_in(principal).await?;
    Ok(text(StatusCode::OK, format!("signed in: {}", signed_in.sign_in)))
}

async fn logout(head: &Parts) -> Result<HttpResponse, Refusal> {
    Auth::<User>::of(head)?.sign_out().await?;
    Ok(text(StatusCode::OK, "signed out"))
}

fn me(head: &Parts) -> Result<HttpResponse, Refusal> {
    match Identity::<User>::of(&head.extensions)? {
        Some(me) => Ok(text(StatusCode::OK, format!("hello {}", me.subject()))),
        None => Err(Refusal::Unauthenticated(None)),
    }
}

/// Counts visits in the session's data. A visitor also has a session, and keeps the count at sign-in.
async fn visits(head: &Parts) -> Result<HttpResponse, Refusal> {
    let session = Session::of(&head.extensions)?;
    session.update("visits", |visits: &mut u32| *visits += 1)?;
    let visits: u32 = session.get("visits").await?.unwrap_or_default();
    Ok(text(StatusCode::OK, format!("{visits} visits")))
}

/// Answers a refusal as the layer does: with the challenges, and with a log event that has the reason.
fn refuse(head: &Parts, refusal: Refusal) -> HttpResponse {
    match AuthContext::of(&head.extensions, "this server") {
        Ok(context) => context.refuse(&head.headers, refusal),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn text(status: StatusCode, text: impl Into<String>) -> HttpResponse {
    let mut response = Response::new(Full::from(text.into() + "\n"));
    *response.status_mut() = status;
    response
}
