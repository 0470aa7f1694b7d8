//! The new application, as the pages about session crates show it.

use auth_session::{Auth, AuthError, Identity, Principal, Require, Session, SignedIn};
use axum::{
    Form, Json, Router,
    routing::{get, post},
};

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct Add {
    item: String,
}

async fn login(auth: Auth, Form(login): Form<Login>) -> Result<SignedIn, AuthError> {
    if login.password != "wonderland" {
        return Err(auth.wrong_credentials("wrong password"));
    }
    auth.sign_in(Principal::new(login.name)).await
}

async fn logout(auth: Auth) -> Result<(), AuthError> {
    auth.sign_out().await
}

async fn me(user: Identity) -> String {
    user.subject().to_owned()
}

async fn add(session: Session, Form(add): Form<Add>) -> Result<(), AuthError> {
    session.update("cart", move |cart: &mut Vec<String>| cart.push(add.item.clone()))
}

async fn cart(session: Session) -> Result<Json<Vec<String>>, AuthError> {
    Ok(Json(session.get("cart").await?.unwrap_or_default()))
}

pub fn routes() -> Router {
    let recent = Require::max_auth_age(std::time::Duration::from_secs(24 * 3600));
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .route("/cart", get(cart).post(add))
        .route("/password", post(me).route_layer(recent))
}
