//! The application with plain hyper: `Identity::of`, `Auth::of`, `Session::of`, `Require::check`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Auth, AuthContext, AuthLayer, Authenticator, Identity, Refusal, Require, SignedIn,
};
use auth_store::Session;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

use super::handlers;
use super::model::{Me, User};
use crate::harness::Gate;

type Answer = Response<Full<Bytes>>;

pub(crate) async fn serve<A>(listener: TcpListener, layer: AuthLayer<A>, gate: Arc<Gate>)
where
    A: Authenticator<Claims = User>,
{
    let service = handlers::login_redirect().layer(layer.layer(service_fn(
        move |request: Request<Incoming>| {
            let gate = Arc::clone(&gate);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let answer = respond(&head, &body, &gate)
                    .await
                    .unwrap_or_else(|refusal| refuse(&head, refusal));
                Ok::<Answer, Infallible>(answer)
            }
        },
    )));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        let http = hyper::server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(head: &Parts, body: &Bytes, gate: &Gate) -> Result<Answer, Refusal> {
    let auth = || Auth::<User>::of(head);
    let session = || Session::of(&head.extensions);
    if let (&Method::GET, Some(require)) = (&head.method, required(head.uri.path())) {
        return page(head, &require);
    }
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => Ok(text("welcome")),
        (&Method::POST, "/login") => signed_in(handlers::login(&auth()?, body).await?),
        (&Method::POST, "/login-and-add") => {
            signed_in(handlers::login_and_add(&auth()?, &session()?, body).await?)
        }
        (&Method::POST, "/refresh") => signed_in(handlers::refresh(&auth()?, body).await?),
        (&Method::POST, "/reauthenticate") => {
            signed_in(handlers::reauthenticate(&auth()?, body).await?)
        }
        (&Method::POST, "/act-as") => signed_in(handlers::act_as(&auth()?, body).await?),
        (&Method::POST, "/stop-acting") => signed_in(auth()?.stop_acting().await?),
        (&Method::GET, "/second-factor") => Ok(text(handlers::pending(&auth()?).await?)),
        (&Method::POST, "/second-factor") => signed_in(handlers::finish(&auth()?, body).await?),
        (&Method::GET, "/me") => me(head),
        (&Method::GET, "/maybe") => maybe(head),
        (&Method::GET, "/who") => Ok(text(handlers::who(&auth()?))),
        (&Method::GET, "/cart") => Ok(json(&handlers::cart(&session()?).await?)),
        (&Method::POST, "/cart") => Ok(json(&handlers::add(&session()?, body).await?)),
        (&Method::POST, "/slow-cart") => {
            Ok(json(&handlers::slow_add(&session()?, gate, body).await?))
        }
        (&Method::GET, "/devices") => Ok(json(&handlers::devices(&auth()?).await?)),
        (&Method::DELETE, path) if path.starts_with("/devices/") => {
            let Ok(id) = path["/devices/".len()..].parse() else {
                return Ok(status(StatusCode::BAD_REQUEST));
            };
            let ended = auth()?.revoke(id).await?;
            Ok(status(if ended { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }))
        }
        (&Method::POST, "/logout") => {
            auth()?.sign_out().await?;
            Ok(status(StatusCode::NO_CONTENT))
        }
        (&Method::POST, "/logout-others") => Ok(text(auth()?.revoke_others().await?.to_string())),
        (&Method::POST, "/logout-everywhere") => Ok(text(auth()?.revoke_all().await?.to_string())),
        (&Method::GET, "/ended") => Ok(text(handlers::ended(auth()?).await)),
        (&Method::GET, "/revalidated") => Ok(json(&handlers::revalidated(&auth()?).await?)),
        (&Method::GET, "/payments") => {
            auth()?.revalidate().await?;
            page(head, &handlers::payments())
        }
        (&Method::GET, "/on-duty") => {
            handlers::on_duty().enforce(head).await?;
            Ok(text("welcome"))
        }
        (&Method::GET, "/editors") => {
            handlers::editors().enforce(head).await?;
            maybe(head)
        }
        _ => Ok(status(StatusCode::NOT_FOUND)),
    }
}

/// Returns the requirement of a page that can be checked without waiting.
fn required(path: &str) -> Option<Require> {
    Some(match path {
        "/admin" => Require::role("admin"),
        "/reports" => Require::scope("reports"),
        "/strong" => Require::acr(["aal2", "aal3"]),
        "/otp" => Require::amr(["otp", "hwk"]),
        "/ours" => Require::issuer(None),
        "/theirs" => Require::issuer("https://idp.example"),
        "/step-up" => Require::max_auth_age(Duration::from_secs(300)),
        "/consent" => Require::not_acting(),
        _ => return None,
    })
}

fn page(head: &Parts, require: &Require) -> Result<Answer, Refusal> {
    require.check(AuthContext::of(&head.extensions, "the shop")?)?;
    Ok(text("welcome"))
}

fn identity(head: &Parts) -> Result<Option<&Identity<User>>, Refusal> {
    Identity::<User>::of(&head.extensions)
}

fn me(head: &Parts) -> Result<Answer, Refusal> {
    let identity = identity(head)?.ok_or(Refusal::Unauthenticated(None))?;
    Ok(json(&Me::from(identity)))
}

fn maybe(head: &Parts) -> Result<Answer, Refusal> {
    let subject = identity(head)?.map_or("anonymous", Identity::subject);
    Ok(text(subject))
}

fn refuse(head: &Parts, refusal: Refusal) -> Answer {
    match AuthContext::of(&head.extensions, "the shop") {
        Ok(context) => context.refuse(&head.headers, refusal),
        Err(error) => text(error.to_string()),
    }
}

fn signed_in(signed_in: SignedIn) -> Result<Answer, Refusal> {
    Ok(match signed_in.tokens {
        Some(tokens) => json(&tokens),
        None => status(StatusCode::NO_CONTENT),
    })
}

fn status(code: StatusCode) -> Answer {
    let mut response = Answer::default();
    *response.status_mut() = code;
    response
}

fn text(text: impl Into<String>) -> Answer {
    Response::new(Full::from(text.into()))
}

fn json(value: &impl Serialize) -> Answer {
    Response::new(Full::from(serde_json::to_vec(value).unwrap()))
}
