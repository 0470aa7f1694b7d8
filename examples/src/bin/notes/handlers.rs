//! The pages, and the API of the mobile app.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use auth_session::{
    Auth, AuthError, AuthErrorKind, Claims, CrossOriginProtection, Identity, Lifetime, Persistence,
    Principal, RefreshTokenDelivery, RequestOrigin, ReturnPath, Revoke, Session, SignIn, SignInId,
    SignInInfo, SignedIn, TokenError,
};
use axum::extract::{ConnectInfo, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Redirect, Response, Result};
use axum::{Form, Json};
use examples::html;
use examples::html::{Html, form};
use futures_util::stream;
use http::request::Parts;
use http::{StatusCode, Uri};
use serde::Deserialize;

use crate::db::User;
use crate::{ADMIN, App};

/// What forms and the app send. Each form has some of these fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    #[serde(alias = "username")]
    name: String,
    password: String,
    new: String,
    text: String,
    remember: Option<String>,
    next: ReturnPath,
    id: Option<SignInId>,
    grant_type: String,
    refresh_token: Option<String>,
}

/// The lengths of texts, in bytes.
const NOTE: RangeInclusive<usize> = 1..=4096;
const NAME: RangeInclusive<usize> = 1..=32;
const PASSWORD: RangeInclusive<usize> = 12..=128;

/// A request of a user who is signed in, and of anyone.
type Mine = (State<App>, Identity, Auth);
type Anyone = (State<App>, Auth, ConnectInfo<SocketAddr>);

/// Anyone can write a draft. That of a visitor is still there after the login, because the session continues.
/// With `--auth jwt` there are no sessions of visitors, and a draft needs a login.
pub(crate) async fn home(
    app: State<App>,
    user: Option<Identity>,
    session: Result<Session, Response>,
) -> Result<Html> {
    let draft = match session {
        Ok(session) => session.get::<String>("draft").await?.unwrap_or_default(),
        Err(_) => String::new(),
    };
    let text = [("text", "text", &*draft)];
    let Some(user) = user else {
        let links = "<a href=/login>Log in</a> <a href=/signup>Sign up</a>";
        return Ok(html!("{}{}", form("/draft", &text, "Save the draft"), Html(links.to_owned())));
    };
    let notes = app.db.notes(user.subject()).await?;
    let acting = user.actor().map(|actor| {
        html!(
            "<p>You are {}, and act for this user.</p>{}",
            actor,
            form("/stop-acting", &[], "Stop")
        )
    });
    Ok(html!(
        "{}<h1>Notes of {}</h1>{}<ul>{}</ul><a href=/devices>Devices</a> <a href=/admin>Users</a> \
         <a href=/password>Password</a> <a href=/account/delete>Delete the account</a>{}",
        acting.into_iter().collect::<Html>(),
        user.subject(),
        form("/notes", &text, "Add"),
        notes.iter().map(|note| html!("<li>{}", note)).collect::<Html>(),
        form("/logout", &[], "Log out"),
    ))
}

/// Checks the length of a text, in bytes.
fn check(text: &str, length: RangeInclusive<usize>) -> Result<(), StatusCode> {
    if length.contains(&text.len()) { Ok(()) } else { Err(StatusCode::UNPROCESSABLE_ENTITY) }
}

pub(crate) async fn save_draft(session: Session, Form(note): Form<Fields>) -> Result<Redirect> {
    check(&note.text, NOTE)?;
    session.insert("draft", &note.text)?;
    Ok(Redirect::to("/"))
}

pub(crate) async fn add_note(
    (app, user, _): Mine,
    session: Session,
    Form(note): Form<Fields>,
) -> Result<Redirect> {
    check(&note.text, NOTE)?;
    app.db.add_note(user.subject(), &note.text).await?;
    session.remove("draft")?;
    Ok(Redirect::to("/"))
}

/// Sends one event when the sign-in ends, on any node and for any reason, and then ends.
pub(crate) async fn events(auth: Auth) -> impl IntoResponse {
    let ended = auth.ended();
    Sse::new(stream::once(async {
        Ok::<_, Infallible>(Event::default().event("ended").data(ended.await.as_str()))
    }))
}

impl App {
    /// Returns the user with this password. An unknown name, a wrong password and a disabled user look alike. After
    /// ten of them within ten minutes, further ones are refused without a look at the password. The guesses of anyone
    /// count by the client's address, too. Those of someone who is signed in have no address and count apart, so that
    /// no one else can keep a user from a step-up.
    async fn check(
        &self,
        auth: &Auth,
        client: Option<SocketAddr>,
        (name, password): (&str, &str),
    ) -> Result<User, AuthError> {
        let throttle = if client.is_some() { &self.logins } else { &self.confirmations };
        let attempt = throttle.attempt(name, client.map(|client| client.ip())).await?;
        let user = self.db.verify(name, password).await;
        if !matches!(user, Ok(None)) {
            attempt.take_back().await; // right, or not checked
        }
        user?.ok_or_else(|| auth.wrong_credentials("unknown user or wrong password"))
    }
}

/// Returns the page with the form of this path.
fn page(path: &str, it: &Fields, why: &str) -> Html {
    let (name, password) = (("text", "name", ""), ("password", "password", ""));
    let (remember, next) = (("checkbox", "remember", "yes"), ("hidden", "next", it.next.as_str()));
    let (title, fields) = match path {
        "/signup" => ("Sign up", vec![name, password, remember, next]),
        "/login" => ("Log in", vec![name, password, remember, next]),
        "/password" => ("Change the password", vec![password, ("password", "new", "")]),
        "/confirm" => ("Enter your password again", vec![password, next]),
        _ => ("Delete the account and all notes", vec![]),
    };
    html!("<p>{}</p>{}", why, form(path, &fields, title))
}

/// Shows the form of a path. `Form` reads the query of a GET request.
pub(crate) async fn form_of(uri: Uri, Form(it): Form<Fields>) -> Html {
    page(uri.path(), &it, "")
}

/// Shows the form again if the password was wrong, or was not checked because there were too many wrong ones.
fn again(error: AuthError, path: &str, it: &Fields) -> Result<Response> {
    let why = match error.kind() {
        AuthErrorKind::WrongCredentials => "Wrong name or password",
        AuthErrorKind::TooManyAttempts => "Too many wrong passwords. Try again later",
        _ => return Err(error.into()),
    };
    let page = page(path, it, why);
    Ok((error.status(), error.headers().clone(), page).into_response())
}

pub(crate) async fn signup(
    (app, auth, client): Anyone,
    head: Parts,
    Form(it): Form<Fields>,
) -> Result<Response> {
    // The sign-in checks it as well, but only after the user was created.
    let origin = RequestOrigin::of(&head.method, &head.uri, &head.headers);
    CrossOriginProtection::STRICT.check(&origin).map_err(|_| StatusCode::FORBIDDEN)?;
    let is_name = it.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_name = is_name && it.name != ADMIN;
    let is_valid = is_name && check(&it.name, NAME).and(check(&it.password, PASSWORD)).is_ok();
    if !is_valid || !app.db.create(&it.name, &it.password, false).await? {
        let rules = "Choose another name of a-z and 0-9, and a password of 12 to 128 bytes";
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page("/signup", &it, rules)).into_response());
    }
    login((app, auth, client), Form(it)).await
}

fn principal(user: &User) -> Principal {
    let principal = Principal::new(&*user.name).amr("pwd");
    if user.is_admin { principal.role("admin") } else { principal }
}

/// Starts a sign-in that ends when the password changes.
pub(crate) fn sign_in(auth: &Auth, user: &User) -> SignIn<Claims> {
    auth.sign_in(principal(user)).auth_hash(user.auth_hash())
}

/// Signs in for 30 days if the user wants to be remembered. Otherwise, the default applies: the sign-in ends after
/// one day, after one hour without a request, and with the browser session.
pub(crate) async fn login(
    (app, auth, ConnectInfo(client)): Anyone,
    Form(it): Form<Fields>,
) -> Result<Response> {
    let user = match app.check(&auth, Some(client), (&it.name, &it.password)).await {
        Ok(user) => user,
        Err(error) => return again(error, "/login", &it),
    };
    let sign_in = sign_in(&auth, &user).address(client.ip());
    match it.remember {
        Some(_) => sign_in.persistence(Persistence::Persistent).lifetime(Lifetime::AAL1).await?,
        None => sign_in.await?,
    };
    Ok(Redirect::to(it.next.as_str()).into_response())
}

pub(crate) async fn logout(auth: Auth) -> Result<Redirect> {
    auth.sign_out().await?;
    Ok(Redirect::to("/"))
}

pub(crate) async fn devices(auth: Auth) -> Result<Html> {
    let entry = |device: &SignInInfo| {
        let name = device.label.as_deref().or(device.user_agent.as_deref()).unwrap_or("unknown");
        let current = if device.current { " (this one)" } else { "" };
        let actor = device.actor.as_ref().map(|actor| format!("{actor} acts for you: "));
        let name = actor.unwrap_or_default() + name;
        let end = form("/devices", &[("hidden", "id", &device.id.to_string())], "End");
        html!("<li>{}{}{}", name, current, end)
    };
    let devices = auth.sign_ins().await?;
    Ok(html!("<h1>Devices</h1><ul>{}</ul>", devices.iter().map(entry).collect::<Html>()))
}

/// Ends one of the user's own sign-ins. The answer does not tell whether another user has one with this id.
pub(crate) async fn end_device(auth: Auth, Form(it): Form<Fields>) -> Result<Redirect> {
    auth.revoke(it.id.ok_or(StatusCode::UNPROCESSABLE_ENTITY)?).await?;
    Ok(Redirect::to("/devices"))
}

/// Changes the password, which ends all other sign-ins: at once, and if that fails at their next check, because
/// their `auth_hash` is no longer that of the user.
pub(crate) async fn password((app, user, auth): Mine, Form(it): Form<Fields>) -> Result<Response> {
    if let Err(error) = app.check(&auth, None, (user.subject(), &it.password)).await {
        return again(error, "/password", &it);
    }
    if check(&it.new, PASSWORD).is_err() {
        let page = page("/password", &it, "Choose a password of 12 to 128 bytes");
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    app.db.set_password(user.subject(), &it.new).await?;
    let changed = app.db.user(user.subject()).await?.ok_or(StatusCode::NOT_FOUND)?;
    auth.reauthenticate().amr("pwd").auth_hash(changed.auth_hash()).await?;
    auth.revoke_others().await?;
    Ok(Redirect::to("/devices").into_response())
}

/// The step-up. Everything else about the sign-in stays as it is.
pub(crate) async fn confirm((app, user, auth): Mine, Form(it): Form<Fields>) -> Result<Response> {
    if let Err(error) = app.check(&auth, None, (user.subject(), &it.password)).await {
        return again(error, "/confirm", &it);
    }
    auth.reauthenticate().amr("pwd").await?;
    Ok(Redirect::to(it.next.as_str()).into_response())
}

/// Deletes the user first, so that a login that is under way fails.
pub(crate) async fn delete((app, user, auth): Mine) -> Result<Redirect> {
    app.db.delete(user.subject()).await?;
    auth.revoke_all().await?;
    Ok(Redirect::to("/"))
}

pub(crate) async fn users(app: State<App>) -> Result<Html> {
    let entry = |user: &User| {
        let state = if user.is_active { "active" } else { "disabled" };
        let name = [("hidden", "name", &*user.name)];
        let disable = form("/admin/disable", &name, "Disable");
        html!("<li>{} ({}){}{}", user.name, state, disable, form("/admin/act-as", &name, "Act as"))
    };
    let users = app.db.users().await?;
    Ok(html!("<h1>Users</h1><ul>{}</ul>", users.iter().map(entry).collect::<Html>()))
}

/// Disables a user, and then ends the user's sign-ins. A login that is under way fails, because the user is
/// checked after the sign-in is stored.
pub(crate) async fn disable(app: State<App>, Form(user): Form<Fields>) -> Result<Redirect> {
    app.db.disable(&user.name).await?;
    if let Some(backend) = app.auth.sign_ins() {
        backend.stored_sign_ins().revoke(&user.name, Revoke::All).await?;
    }
    Ok(Redirect::to("/admin"))
}

/// Lets an administrator see and do what a user can. It ends with the administrator's sign-in, and when the user's
/// password changes. Administrators do not act for each other.
pub(crate) async fn act_as((app, _, auth): Mine, Form(it): Form<Fields>) -> Result<Redirect> {
    let user = app.db.user(&it.name).await?.filter(|user| user.is_active && !user.is_admin);
    let user = user.ok_or(StatusCode::NOT_FOUND)?;
    auth.act_as(principal(&user)).auth_hash(user.auth_hash()).await?;
    Ok(Redirect::to("/"))
}

/// Returns to the administrator's own sign-in.
pub(crate) async fn stop_acting(auth: Auth) -> Result<Redirect> {
    auth.stop_acting().await?;
    Ok(Redirect::to("/admin"))
}

/// Issues tokens for a password or a refresh token, and errors that OAuth clients understand.
pub(crate) async fn token(
    (app, auth, ConnectInfo(client)): Anyone,
    Form(it): Form<Fields>,
) -> Result<SignedIn, TokenError> {
    match (&*it.grant_type, it.refresh_token) {
        ("password", _) => {
            let user = app.check(&auth, Some(client), (&it.name, &it.password)).await?;
            let sign_in = sign_in(&auth, &user).as_tokens().deliver(RefreshTokenDelivery::Body);
            Ok(sign_in.lifetime(Lifetime::AAL1).label("the app").await?)
        }
        ("refresh_token", Some(token)) => Ok(auth.refresh().token(token).await?),
        ("refresh_token", None) => Err(TokenError::new("invalid_request")),
        _ => Err(TokenError::new("unsupported_grant_type")),
    }
}

pub(crate) async fn api_notes(app: State<App>, user: Identity) -> Result<Json<Vec<String>>> {
    Ok(Json(app.db.notes(user.subject()).await?))
}

pub(crate) async fn api_add(app: State<App>, user: Identity, note: String) -> Result<StatusCode> {
    check(&note, NOTE)?;
    app.db.add_note(user.subject(), &note).await?;
    Ok(StatusCode::CREATED)
}
