//! The application with plain hyper: `Identity::of`, `Auth::of`, `Session::of`, `Require::check`.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Auth, AuthError, AuthErrorKind, AuthLayer, Authenticator, Exchange, Identity, Misuse, Refusal,
    Require, SignedIn,
};
use auth_store::Session;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

use super::deeds;
use super::model::{Me, User};
use crate::harness::Gate;

type Answer = Response<Full<Bytes>>;

pub(crate) async fn serve<A>(listener: TcpListener, layer: AuthLayer<A>, gate: Arc<Gate>)
where
    A: Authenticator<Claims = User>,
{
    let service = layer.layer(service_fn(move |request: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let answer = respond(&head, &body, &gate).await.unwrap_or_else(|error| error.0);
            Ok::<Answer, Infallible>(answer)
        }
    }));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        let http = hyper::server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(head: &Parts, body: &Bytes, gate: &Gate) -> Result<Answer, Refused> {
    let auth = || Auth::<User>::of(head);
    let session = || Session::of(&head.extensions).map_err(|refusal| refuse(head, refusal));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => Ok(text("welcome")),
        (&Method::POST, "/login") => signed_in(deeds::login(&auth()?, body).await?),
        (&Method::POST, "/login-and-add") => {
            signed_in(deeds::login_and_add(&auth()?, &session()?, body).await?)
        }
        (&Method::POST, "/refresh") => signed_in(deeds::refresh(&auth()?, body).await?),
        (&Method::GET, "/me") => Ok(json(&Me::from(identity(head)?))),
        (&Method::GET, "/maybe") => Ok(text(maybe(head)?)),
        (&Method::GET, "/who") => Ok(text(deeds::who(&auth()?))),
        (&Method::GET, "/cart") => Ok(json(&deeds::cart(&session()?).await?)),
        (&Method::POST, "/cart") => Ok(json(&deeds::add(&session()?, body).await?)),
        (&Method::POST, "/slow-cart") => Ok(json(&deeds::slow_add(&session()?, gate, body).await?)),
        (&Method::GET, "/devices") => Ok(json(&deeds::devices(&auth()?).await?)),
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
        (&Method::GET, "/admin") => page(head, &Require::role("admin")),
        (&Method::GET, "/reports") => page(head, &Require::scope("reports")),
        (&Method::GET, "/strong") => page(head, &Require::acr(["aal2", "aal3"])),
        (&Method::GET, "/step-up") => page(head, &Require::fresh(minutes(5))),
        _ => Ok(status(StatusCode::NOT_FOUND)),
    }
}

fn page(head: &Parts, require: &Require) -> Result<Answer, Refused> {
    require.check(exchange(head)?).map_err(|refusal| refuse(head, refusal))?;
    Ok(text("welcome"))
}

fn identity(head: &Parts) -> Result<&Identity<User>, Refused> {
    page(head, &Require::authenticated())?;
    Identity::<User>::of(&head.extensions)?.ok_or_else(|| Refused(status(StatusCode::UNAUTHORIZED)))
}

/// A rejected credential is not nobody: whoever asks who it is has to refuse it.
fn maybe(head: &Parts) -> Result<String, Refused> {
    if let Some(rejection) = exchange(head)?.rejection() {
        return Err(refuse(head, Refusal::Unauthenticated(Some(*rejection))));
    }
    let identity = Identity::<User>::of(&head.extensions)?;
    Ok(identity.map_or_else(|| "nobody".to_owned(), |identity| identity.subject().to_owned()))
}

fn exchange(head: &Parts) -> Result<&Exchange, Refused> {
    Ok(Exchange::of(&head.extensions, "the shop")?)
}

fn refuse(head: &Parts, refusal: Refusal) -> Refused {
    match Exchange::of(&head.extensions, "the shop") {
        Ok(exchange) => Refused(exchange.refuse(&head.headers, refusal)),
        Err(misuse) => misuse.into(),
    }
}

/// The response in the place of the one that was asked for.
struct Refused(Answer);

impl From<Misuse> for Refused {
    fn from(misuse: Misuse) -> Self {
        let mut response = text(misuse.to_string());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Self(response)
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        let code = match error.kind() {
            AuthErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            AuthErrorKind::CrossSite | AuthErrorKind::LimitReached => StatusCode::FORBIDDEN,
            AuthErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            AuthErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::info!(%code, source = error.source(), "{error}");
        let mut response = status(code);
        response.headers_mut().extend(error.challenges().clone());
        if code == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, 1.into());
        }
        Self(response)
    }
}

fn signed_in(signed_in: SignedIn) -> Result<Answer, Refused> {
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
