use axum::http::StatusCode;
use axum::{
    Form, Json, Router,
    routing::{get, post},
};
use tower_sessions::cookie::time::Duration;
use tower_sessions::session::Error;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct Add {
    item: String,
}

fn failed(_: Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<StatusCode, StatusCode> {
    if login.password != "wonderland" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    session.cycle_id().await.map_err(failed)?; // against session fixation
    session.insert("user", login.name).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn logout(session: Session) -> Result<StatusCode, StatusCode> {
    session.flush().await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn me(session: Session) -> Result<String, StatusCode> {
    let user: Option<String> = session.get("user").await.map_err(failed)?;
    user.ok_or(StatusCode::UNAUTHORIZED)
}

async fn add(session: Session, Form(add): Form<Add>) -> Result<StatusCode, StatusCode> {
    let cart = session.get("cart").await.map_err(failed)?;
    let mut cart: Vec<String> = cart.unwrap_or_default();
    cart.push(add.item);
    session.insert("cart", cart).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cart(session: Session) -> Result<Json<Vec<String>>, StatusCode> {
    let cart = session.get("cart").await.map_err(failed)?;
    Ok(Json(cart.unwrap_or_default()))
}

pub fn app(store: MemoryStore) -> Router {
    let sessions =
        SessionManagerLayer::new(store).with_expiry(Expiry::OnInactivity(Duration::hours(1)));
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .route("/cart", get(cart).post(add))
        .layer(sessions)
}
