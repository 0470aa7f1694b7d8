use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::{
    Form, Router,
    routing::{get, post},
};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId, login_required};
use tower_sessions::{MemoryStore, SessionManagerLayer};

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub password_hash: String,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes() // another password ends the sessions
    }
}

/// Stands for the table of users. A real one has hashes of argon2.
#[derive(Clone, Debug, Default)]
pub struct Users(pub Arc<Mutex<HashMap<String, String>>>);

impl Users {
    pub fn find(&self, name: &str) -> Option<User> {
        let password_hash = self.0.lock().unwrap().get(name)?.clone();
        Some(User { name: name.to_owned(), password_hash })
    }
}

#[derive(Clone, serde::Deserialize)]
pub struct Login {
    name: String,
    password: String,
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Login;
    type Error = Infallible;

    async fn authenticate(&self, login: Login) -> Result<Option<User>, Infallible> {
        let user = self.find(&login.name);
        Ok(user.filter(|user| user.password_hash == format!("hash of {}", login.password)))
    }

    async fn get_user(&self, name: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.find(name))
    }
}

type AuthSession = axum_login::AuthSession<Users>;

async fn login(mut auth: AuthSession, Form(login): Form<Login>) -> StatusCode {
    match auth.authenticate(login).await {
        Ok(Some(user)) => match auth.login(&user).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
        Ok(None) => StatusCode::UNAUTHORIZED,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn logout(mut auth: AuthSession) -> StatusCode {
    match auth.logout().await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn me(auth: AuthSession) -> Result<String, StatusCode> {
    auth.user.map(|user| user.name).ok_or(StatusCode::UNAUTHORIZED)
}

pub fn app(users: Users, store: MemoryStore) -> Router {
    let auth = AuthManagerLayerBuilder::new(users, SessionManagerLayer::new(store)).build();
    Router::new()
        .route("/orders", get(|| async { "tea" }))
        .route_layer(login_required!(Users, login_url = "/login"))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .layer(auth)
}
