use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{Error, HttpResponse, error, web};

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct Add {
    item: String,
}

async fn login(session: Session, login: web::Form<Login>) -> Result<HttpResponse, Error> {
    if login.password != "wonderland" {
        return Err(error::ErrorUnauthorized("wrong password"));
    }
    session.renew(); // against session fixation
    session.insert("user", &login.name)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn logout(session: Session) -> HttpResponse {
    session.purge();
    HttpResponse::NoContent().finish()
}

async fn me(session: Session) -> Result<String, Error> {
    session.get("user")?.ok_or_else(|| error::ErrorUnauthorized("log in first"))
}

async fn add(session: Session, add: web::Form<Add>) -> Result<HttpResponse, Error> {
    let mut cart: Vec<String> = session.get("cart")?.unwrap_or_default();
    cart.push(add.item.clone());
    session.insert("cart", cart)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn cart(session: Session) -> Result<web::Json<Vec<String>>, Error> {
    Ok(web::Json(session.get("cart")?.unwrap_or_default()))
}

/// For `App::new().wrap(sessions(key)).configure(routes)`.
pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/login", web::post().to(login))
        .route("/logout", web::post().to(logout))
        .route("/me", web::get().to(me))
        .route("/cart", web::get().to(cart))
        .route("/cart", web::post().to(add));
}

pub fn sessions(key: Key) -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::new(CookieSessionStore::default(), key)
}
