use axum::http::StatusCode;
use axum::{
    Form, Json, Router,
    routing::{get, post},
};
use axum_session::{SessionLayer, SessionNullPool, SessionStore};

/// A real application names its database here, such as `SessionPgPool`.
pub type Session = axum_session::Session<SessionNullPool>;
pub type Store = SessionStore<SessionNullPool>;

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct Add {
    item: String,
}

async fn login(session: Session, Form(login): Form<Login>) -> StatusCode {
    if login.password != "wonderland" {
        return StatusCode::UNAUTHORIZED;
    }
    session.renew(); // against session fixation
    session.set("user", login.name);
    StatusCode::NO_CONTENT
}

async fn logout(session: Session) -> StatusCode {
    session.destroy();
    StatusCode::NO_CONTENT
}

async fn me(session: Session) -> Result<String, StatusCode> {
    session.get("user").ok_or(StatusCode::UNAUTHORIZED)
}

async fn add(session: Session, Form(add): Form<Add>) -> StatusCode {
    let mut cart: Vec<String> = session.get("cart").unwrap_or_default();
    cart.push(add.item);
    session.set("cart", cart);
    StatusCode::NO_CONTENT
}

async fn cart(session: Session) -> Json<Vec<String>> {
    Json(session.get("cart").unwrap_or_default())
}

pub fn app(store: Store) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .route("/cart", get(cart).post(add))
        .layer(SessionLayer::new(store))
}
