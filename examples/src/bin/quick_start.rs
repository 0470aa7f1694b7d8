//! Users sign in, stay signed in, and sign out.

use auth_session::{
    Auth, AuthError, Identity, MemoryStore, Principal, Require, SessionAuth, SignedIn,
};
use axum::routing::{get, post};
use axum::{Form, Router};

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

/// Stands for your own check: look up the user, and compare the hash of the password.
fn password_is_right(login: &Login) -> bool {
    login.password == "wonderland"
}

async fn login(auth: Auth, Form(login): Form<Login>) -> Result<SignedIn, AuthError> {
    if !password_is_right(&login) {
        return Err(auth.wrong_credentials("wrong password"));
    }
    auth.sign_in(Principal::new(login.name).role("buyer")).await
}

async fn logout(auth: Auth) -> Result<(), AuthError> {
    auth.sign_out().await
}

async fn me(user: Identity) -> String {
    format!("hello {}", user.subject())
}

fn app() -> Router {
    let auth = SessionAuth::new(MemoryStore::new());
    // The cookie needs HTTPS, except on your own machine.
    let auth = if cfg!(debug_assertions) { auth.insecure_http() } else { auth };
    Router::new()
        .route("/me", get(me))
        .route("/admin", get(|| async { "keys" }).route_layer(Require::role("admin")))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(auth.optional())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app()).await
}

#[cfg(test)]
mod tests {
    use examples::client::TestClient;

    use super::*;

    #[tokio::test]
    async fn it_answers_as_the_guide_says() {
        let mut browser = TestClient::new(&app());
        assert_eq!(browser.get("/me").await.status, 401);
        assert_eq!(browser.post("/login", "name=alice&password=guess").await.status, 401);

        assert_eq!(browser.post("/login", "name=alice&password=wonderland").await.status, 204);
        assert_eq!(browser.get("/me").await.body, "hello alice");
        assert_eq!(browser.get("/admin").await.status, 403);

        assert_eq!(browser.post("/logout", "").await.status, 200);
        assert_eq!(browser.get("/me").await.status, 401);
    }

    #[test]
    fn it_is_the_program_of_the_guide() {
        let (program, _) = include_str!("quick_start.rs").split_once("\n#[cfg(test)]").unwrap();
        let page = include_str!("../../../docs/guide/quick-start.md");
        assert!(page.contains(&format!("```rust,no_run\n{program}```")));
    }
}
