//! The routes: a login starts, comes back, and ends.
//!
//! Between the start and the callback, the visitor's session keeps what the response has to match, so that
//! only the browser that started a login can finish it. `Form` reads the query of a GET request.

use std::collections::VecDeque;
use std::sync::Arc;

use auth_core::{Auth, Identity, Principal, ProviderSession, ReturnPath, Timestamp};
use auth_store::Session;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::url::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::failure::Failure;
use super::provider::{Answer, Claims, Login, Provider, SignedIdToken};
use crate::users::User;

/// How many logins may be in progress in one browser, such as in several tabs. A further one replaces the
/// oldest.
const MAX_LOGINS: usize = 8;
/// The size limit of a response that the provider sends as a form, in bytes.
const MAX_FORM: usize = 16 * 1024;
/// The keys in the session's data.
const LOGINS: &str = "logins";
const ID_TOKEN: &str = "id_token";

#[derive(Deserialize)]
struct Start {
    /// The page to return to. Another site is refused with 400.
    #[serde(default)]
    next: ReturnPath,
}

/// Returns the routes that belong behind the authentication layer.
pub fn routes(provider: Arc<Provider>) -> Router {
    let pages = Router::new().route("/", get(home)).route("/me", get(me));
    let login = Router::new().route("/login", get(login)).route("/callback", get(callback));
    pages.merge(login).route("/logout", post(logout)).with_state(provider)
}

/// Returns the route that belongs outside of the authentication layer: the callback of a provider that sends
/// a form.
pub fn public_routes() -> Router {
    Router::new().route("/callback", post(form_post)).layer(DefaultBodyLimit::max(MAX_FORM))
}

async fn home(user: Option<Identity<User>>) -> Html<String> {
    Html(match user {
        Some(user) => format!(
            "<p>signed in as {}</p><form method=\"post\" action=\"/logout\"><button>log out</button></form>",
            user.subject()
        ),
        None => "<a href=\"/login\">log in</a>".to_owned(),
    })
}

async fn me(user: Identity<User>) -> Json<Value> {
    Json(json!({
        "subject": user.subject(),
        "name": user.claims().display_name,
        "authenticated_at": user.authentication().authenticated_at.map(Timestamp::as_secs),
    }))
}

/// Sends the browser to the provider.
async fn login(
    State(provider): State<Arc<Provider>>,
    session: Session,
    Form(Start { next }): Form<Start>,
) -> Result<Redirect, Failure> {
    let (url, login) = provider.start(next).await?;
    session.update(LOGINS, move |logins: &mut VecDeque<Login>| {
        logins.truncate(MAX_LOGINS - 1);
        logins.push_front(login.clone());
    })?;
    Ok(Redirect::to(url.as_str()))
}

/// Signs the user in when the browser comes back.
///
/// It is a GET request from another site, which the layer lets pass. The state binds it to the browser.
async fn callback(
    State(provider): State<Arc<Provider>>,
    auth: Auth<User>,
    session: Session,
    Form(answer): Form<Answer>,
) -> Result<Redirect, Failure> {
    let login = take_login(&session, &answer.state).await?;
    let next = login.next.clone();
    let (id_token, claims) = provider.finish(login, answer).await?;
    let signed_in = auth
        .sign_in(principal(&claims))
        .provider_session(provider_session(&claims))
        .authenticated_at(claims.auth_time().map_or(Timestamp::EPOCH, |at| time(at.timestamp())))
        .as_cookie();
    drop(signed_in.await?); // the layer adds the cookie to the response
    session.insert(ID_TOKEN, &id_token)?; // for the logout
    Ok(Redirect::to(next.as_str()))
}

/// Removes the login with this state from the session, so that its response is accepted only once.
async fn take_login(session: &Session, state: &str) -> Result<Login, Failure> {
    let logins: VecDeque<Login> = session.get(LOGINS).await?.unwrap_or_default();
    let is_it = |login: &Login| bool::from(login.state.as_bytes().ct_eq(state.as_bytes()));
    let login = logins.into_iter().find(is_it);
    let login = login.ok_or(Failure::rejected("this browser has not started this login\n"))?;
    let taken = login.state.clone();
    session.update(LOGINS, move |logins: &mut VecDeque<Login>| {
        logins.retain(|login| login.state != taken);
    })?;
    Ok(login)
}

/// Receives the response of a provider that sends it as a form, such as Apple.
///
/// The browser sends the form from the provider's page, which is another site, and so without the session's
/// cookie (`SameSite=Lax`). Redirected, it comes back with a GET request, and that has the cookie.
async fn form_post(Form(answer): Form<Answer>) -> Result<Response, Failure> {
    let mut url = Url::parse("http://this-site.invalid/callback").map_err(Failure::invalid)?;
    let answer = serde_json::to_value(&answer).map_err(Failure::invalid)?;
    for (name, value) in answer.as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Ok(Redirect::to(&format!("/callback?{}", url.query().unwrap_or_default())).into_response())
}

/// Signs the user out here, and sends the browser to the provider to sign out there.
async fn logout(
    State(provider): State<Arc<Provider>>,
    auth: Auth<User>,
    session: Session,
) -> Result<Redirect, Failure> {
    let id_token: Option<SignedIdToken> = session.get(ID_TOKEN).await?;
    auth.sign_out().await?;
    let url = provider.logout_url(id_token.as_ref()).await?;
    Ok(Redirect::to(url.as_ref().map_or("/", Url::as_str)))
}

/// Returns the provider's user as a user of this application.
fn principal(claims: &Claims) -> Principal<User> {
    let name = claims.name().and_then(|name| name.get(None));
    let user = User::named(name.map_or("user", |name| name.as_str()));
    let subject = local_subject(claims.issuer().as_str(), claims.subject().as_str());
    let mut principal = Principal::new(subject).claims(user);
    if let Some(acr) = claims.auth_context_ref() {
        principal = principal.acr(acr.as_str());
    }
    let methods = claims.auth_method_refs().into_iter().flatten();
    methods.fold(principal, |principal, method| principal.amr(method.as_str()))
}

/// Returns the local subject of a provider's user. It depends on the issuer as well, because another provider
/// may have a user with the same `sub`, and it equals no subject that this application gives by other means. An
/// application with a database keeps a table instead: issuer and subject, and the user.
fn local_subject(issuer: &str, subject: &str) -> String {
    let hash = Sha256::new()
        .chain_update((issuer.len() as u64).to_be_bytes())
        .chain_update(issuer)
        .chain_update(subject)
        .finalize();
    format!("oidc-{}", BASE64_URL_SAFE_NO_PAD.encode(&hash[..24]))
}

/// Returns the session at the provider, whose end also ends the sign-in.
fn provider_session(claims: &Claims) -> ProviderSession {
    let issued_at = time(claims.issue_time().timestamp());
    let (issuer, subject) = (claims.issuer().as_str(), claims.subject().as_str());
    let session = ProviderSession::new(issuer, subject, issued_at);
    match &claims.additional_claims().sid {
        Some(sid) => session.sid(&**sid),
        None => session,
    }
}

fn time(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_different_providers_are_different_users() {
        let users =
            [("https://a.example", "1"), ("https://a.example1", ""), ("https://b.example", "1")];
        let subjects = users.map(|(issuer, subject)| local_subject(issuer, subject));
        assert!(
            subjects[0] != subjects[1] && subjects[0] != subjects[2] && subjects[1] != subjects[2]
        );
        assert_eq!(subjects[0], local_subject("https://a.example", "1"));
    }
}
