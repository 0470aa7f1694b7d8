//! Users of an application with actix-session stay signed in.

#[path = "../../checks.rs"]
mod checks;

use actix_web::cookie::{Cookie, Key};
use actix_web::{App, test};
use auth_session::{Clock, ManualClock};
use axum::Router;
use checks::after;
use checks::client::TestClient;
use from_actix_session::before;
use from_actix_session::switch::{self, END};

const KEY: &[u8] = &[7; 64];
const CART: (&str, &str) = ("/cart", "item=tea");
const LOGIN: (&str, &str) = ("/login", "name=alice&password=wonderland");

/// The new application with the old one's cookies.
fn app(clock: Clock) -> Router {
    checks::with_layer(switch::with_old_sessions(after::routes(), KEY, clock.clone()), clock)
}

/// Returns a browser with the cookie that the old application sets after these forms.
async fn browser(forms: &[(&str, &str)], app: &Router) -> TestClient {
    let old = App::new().wrap(before::sessions(Key::from(KEY))).configure(before::routes);
    let old = test::init_service(old).await;
    let mut cookie = Cookie::new(checks::OLD, "");
    for (path, form) in forms {
        let request = test::TestRequest::post()
            .uri(path)
            .cookie(cookie.clone())
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload((*form).to_owned());
        let response = test::call_service(&old, request.to_request()).await;
        assert_eq!(response.status(), 204);
        cookie = response.response().cookies().next().unwrap().into_owned();
    }
    let cookie = cookie.encoded().to_string();
    let (_, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    let mut browser = TestClient::new(app);
    browser.set_cookie(checks::OLD, value);
    browser
}

#[actix_web::test]
async fn users_stay_signed_in() {
    let app = app(checks::before(END));
    checks::users_stay_signed_in(&browser(&[CART, LOGIN], &app).await, &app).await;
    checks::users_can_log_out(&browser(&[CART, LOGIN], &app).await, &app).await;
    checks::users_can_log_in(&browser(&[CART, LOGIN], &app).await, &app).await;
    checks::visitors_keep_their_cart(&browser(&[CART], &app).await, &app).await;
}

#[actix_web::test]
async fn old_cookies_and_forged_ones_are_not_accepted() {
    let late = app(ManualClock::new(END).clock());
    checks::is_not_accepted(&browser(&[CART, LOGIN], &late).await, &late).await;

    let app = app(checks::before(END));
    let mut forged = TestClient::new(&app);
    forged.set_cookie(checks::OLD, r#"{"user":"\"alice\""}"#);
    checks::is_not_accepted(&forged, &app).await;
}
