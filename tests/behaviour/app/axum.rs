//! The application with axum: extractors and `Require` as a layer.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Auth, AuthError, AuthLayer, Authenticator, Identity, Permitted, Require, Requirement, SignInId,
    SignedIn,
};
use auth_store::Session;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;

use super::handlers;
use super::model::{DeviceEntry, Me, User};
use crate::harness::Gate;

pub(crate) async fn serve<A>(listener: TcpListener, layer: AuthLayer<A>, gate: Arc<Gate>)
where
    A: Authenticator<Claims = User>,
{
    let app = router(gate).layer(layer).layer(handlers::login_redirect());
    axum::serve(listener, app).await.unwrap();
}

fn router(gate: Arc<Gate>) -> Router {
    let page = || get(async || "welcome");
    Router::new()
        .route("/", page())
        .route("/login", post(login))
        .route("/login-and-add", post(login_and_add))
        .route("/refresh", post(refresh))
        .route("/reauthenticate", post(reauthenticate))
        .route("/second-factor", get(pending).post(finish))
        .route("/act-as", post(act_as))
        .route("/stop-acting", post(stop_acting))
        .route("/logout", post(logout))
        .route("/logout-others", post(logout_others))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/cart", get(cart).post(add))
        .route("/slow-cart", post(slow_add))
        .route("/devices", get(devices))
        .route("/devices/{id}", delete(end))
        .route("/admin", page().route_layer(Require::role("admin")))
        .route("/payments", page().route_layer(handlers::payments()))
        .route("/reports", page().route_layer(Require::scope("reports")))
        .route("/strong", page().route_layer(Require::acr(["aal2", "aal3"])))
        .route("/step-up", page().route_layer(Require::max_auth_age(Duration::from_secs(300))))
        .route("/otp", page().route_layer(Require::amr(["otp", "hwk"])))
        .route("/ours", page().route_layer(Require::issuer(None)))
        .route("/theirs", page().route_layer(Require::issuer("https://idp.example")))
        .route("/consent", page().route_layer(Require::not_acting()))
        .route("/on-duty", page().route_layer(handlers::on_duty()))
        .route("/editors", get(editors))
        .route("/me", get(me))
        .route("/maybe", get(maybe))
        .route("/who", get(who))
        .route("/ended", get(ended))
        .route("/revalidated", get(revalidated))
        .with_state(gate)
}

type Answer<T> = Result<T, AuthError>;

async fn login(auth: Auth<User>, body: Bytes) -> Answer<SignedIn> {
    handlers::login(&auth, &body).await
}

async fn login_and_add(auth: Auth<User>, session: Session, body: Bytes) -> Answer<SignedIn> {
    handlers::login_and_add(&auth, &session, &body).await
}

async fn refresh(auth: Auth<User>, body: Bytes) -> Answer<SignedIn> {
    handlers::refresh(&auth, &body).await
}

async fn reauthenticate(auth: Auth<User>, body: Bytes) -> Answer<SignedIn> {
    handlers::reauthenticate(&auth, &body).await
}

async fn act_as(auth: Auth<User>, body: Bytes) -> Answer<SignedIn> {
    handlers::act_as(&auth, &body).await
}

async fn stop_acting(auth: Auth<User>) -> Answer<SignedIn> {
    auth.stop_acting().await
}

async fn pending(auth: Auth<User>) -> Answer<String> {
    handlers::pending(&auth).await
}

async fn finish(auth: Auth<User>, body: Bytes) -> Answer<SignedIn> {
    handlers::finish(&auth, &body).await
}

struct Editor;

impl Requirement for Editor {
    fn require() -> Require {
        handlers::editors()
    }
}

async fn editors(editor: Permitted<Editor, User>) -> String {
    editor.subject().to_owned()
}

async fn me(identity: Identity<User>) -> Json<Me> {
    Json(Me::from(&identity))
}

async fn maybe(identity: Option<Identity<User>>) -> String {
    identity.map_or_else(|| "anonymous".to_owned(), |identity| identity.subject().to_owned())
}

async fn who(auth: Auth<User>) -> String {
    handlers::who(&auth)
}

async fn ended(auth: Auth<User>) -> String {
    handlers::ended(auth).await
}

async fn revalidated(auth: Auth<User>) -> Answer<Json<Me>> {
    handlers::revalidated(&auth).await.map(Json)
}

async fn cart(session: Session) -> Answer<Json<Vec<String>>> {
    handlers::cart(&session).await.map(Json)
}

async fn add(session: Session, item: Bytes) -> Answer<Json<Vec<String>>> {
    handlers::add(&session, &item).await.map(Json)
}

async fn slow_add(
    State(gate): State<Arc<Gate>>,
    session: Session,
    item: Bytes,
) -> Answer<Json<Vec<String>>> {
    handlers::slow_add(&session, &gate, &item).await.map(Json)
}

async fn devices(auth: Auth<User>) -> Answer<Json<Vec<DeviceEntry>>> {
    handlers::devices(&auth).await.map(Json)
}

async fn end(auth: Auth<User>, Path(id): Path<SignInId>) -> Answer<StatusCode> {
    let ended = auth.revoke(id).await?;
    Ok(if ended { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

async fn logout(auth: Auth<User>) -> Answer<StatusCode> {
    auth.sign_out().await.map(|()| StatusCode::NO_CONTENT)
}

async fn logout_others(auth: Auth<User>) -> Answer<String> {
    auth.revoke_others().await.map(|ended| ended.to_string())
}

async fn logout_everywhere(auth: Auth<User>) -> Answer<String> {
    auth.revoke_all().await.map(|ended| ended.to_string())
}
