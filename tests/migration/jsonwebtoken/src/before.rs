use axum::extract::FromRequestParts;
use axum::http::{StatusCode, header, request::Parts};
use axum::{
    Form, Json, Router,
    routing::{get, post},
};
use jsonwebtoken::{
    DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp,
};
use serde_json::{Value, json};

/// In a real application, this is a secret, and comes from the environment.
pub const SECRET: &[u8] = b"an old secret of thirty-two byte";
const DAY: u64 = 24 * 3600;

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

struct User(String);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token =
            value.and_then(|it| it.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
        let key = DecodingKey::from_secret(SECRET);
        let token = decode::<Claims>(token, &key, &Validation::default());
        Ok(Self(token.map_err(|_| StatusCode::UNAUTHORIZED)?.claims.sub))
    }
}

async fn login(Form(login): Form<Login>) -> Result<Json<Value>, StatusCode> {
    if login.password != "wonderland" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let claims = Claims { sub: login.name, exp: get_current_timestamp() + DAY };
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET));
    let token = token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer" })))
}

/// The client deletes the token. A copy of it stays valid.
async fn logout(_: User) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn me(User(name): User) -> String {
    name
}

pub fn app() -> Router {
    Router::new().route("/login", post(login)).route("/logout", post(logout)).route("/me", get(me))
}
