//! The handlers of the application, which both frameworks call.

use std::time::Duration;

use auth_core::{
    Auth, AuthError, AuthErrorKind, Identity, Lifetime, LoginRedirect, Persistence, Principal,
    Reauthenticate, RefreshTokenDelivery, Require, SignedIn, Timestamp,
};
use auth_store::Session;
use serde::de::DeserializeOwned;

use super::model::{Confirmation, DeviceEntry, Login, Me, Refresh, User};
use crate::harness::Gate;

/// Sends browsers to pages for the login. The tests read only the response, so there are no such pages.
pub(super) fn login_redirect() -> LoginRedirect {
    LoginRedirect::to("/login").unwrap().step_up("/confirm?why=old#form").unwrap()
}

pub(super) async fn login(auth: &Auth<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    let login: Login = parse(body)?;
    let mut sign_in = auth.sign_in(principal(&login));
    if login.token {
        sign_in = sign_in.as_tokens();
    }
    if let Some(remember) = login.remember {
        let persistence = if remember { Persistence::Persistent } else { Persistence::Session };
        sign_in = sign_in.persistence(persistence);
    }
    if let Some(label) = login.label {
        sign_in = sign_in.label(label);
    }
    if let Some(backend) = login.backend {
        let known = ["session", "jwt", "token"].into_iter().find(|name| *name == backend);
        sign_in = sign_in.backend(known.unwrap_or("unknown"));
    }
    if let Some((idle, absolute)) = login.lifetime {
        let lifetime = Lifetime::new(idle.map(Duration::from_secs), Duration::from_secs(absolute));
        sign_in = sign_in.lifetime(lifetime.unwrap());
    }
    if let Some(at) = login.authenticated_at {
        sign_in = sign_in.authenticated_at(Timestamp::from_secs(at));
    }
    if let Some(hash) = login.auth_hash {
        sign_in = sign_in.auth_hash(hash);
    }
    if login.pending {
        sign_in = sign_in.pending();
    }
    if let Some(provider) = login.provider {
        sign_in = sign_in.provider_session(provider.into());
    }
    if login.refresh_in_body {
        sign_in = sign_in.deliver(RefreshTokenDelivery::Body);
    }
    sign_in.await
}

fn principal(login: &Login) -> Principal<User> {
    let user = User { name: login.subject.to_uppercase() };
    let mut principal = Principal::new(&*login.subject).claims(user).amr("pwd");
    principal.roles = login.roles.iter().map(|role| (**role).into()).collect();
    principal.scopes = login.scopes.iter().map(|scope| (**scope).into()).collect();
    principal.acr = login.acr.as_deref().map(Into::into);
    principal
}

/// Acts for a user, as a page for the support does.
pub(super) async fn act_as(auth: &Auth<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    let login: Login = parse(body)?;
    let mut acting = auth.act_as(principal(&login));
    if let Some(hash) = login.auth_hash {
        acting = acting.auth_hash(hash);
    }
    acting.label("ticket 4711").await
}

/// Signs in, and stores something in the session in the same request.
pub(super) async fn login_and_add(
    auth: &Auth<User>,
    session: &Session,
    body: &[u8],
) -> Result<SignedIn, AuthError> {
    let signed_in = login(auth, body).await?;
    push(session, "welcome gift".to_owned())?;
    Ok(signed_in)
}

/// Authenticates the user again, as a page for a step-up does after it has checked the password or a code.
pub(super) async fn reauthenticate(auth: &Auth<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    confirm(auth.reauthenticate(), body).await
}

/// Finishes a pending sign-in, as the page for the second factor does after it has checked the code.
pub(super) async fn finish(auth: &Auth<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    confirm(auth.finish_sign_in(), body).await
}

/// Returns the user whose second factor is to be verified.
pub(super) async fn pending(auth: &Auth<User>) -> Result<String, AuthError> {
    Ok(auth.pending_subject().await?.map_or_else(|| "nobody".to_owned(), |user| user.to_string()))
}

async fn confirm(mut again: Reauthenticate<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    let Confirmation { acr, amr, at, auth_hash } = parse(body)?;
    if let Some(hash) = auth_hash {
        again = again.auth_hash(hash);
    }
    again = amr.into_iter().fold(again, Reauthenticate::amr);
    if let Some(acr) = acr {
        again = again.acr(acr);
    }
    if let Some(at) = at {
        again = again.authenticated_at(Timestamp::from_secs(at));
    }
    again.await
}

/// Refreshes the token in the body, or else the request's own credential.
pub(super) async fn refresh(auth: &Auth<User>, body: &[u8]) -> Result<SignedIn, AuthError> {
    let Refresh { refresh_token, scope } = match body {
        [] => Refresh::default(),
        json => parse(json)?,
    };
    let mut refresh = auth.refresh();
    if let Some(token) = refresh_token {
        refresh = refresh.token(token);
    }
    for scope in scope.iter().flat_map(|scopes| scopes.split(' ')) {
        refresh = refresh.scope(scope);
    }
    refresh.await
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, AuthError> {
    serde_json::from_slice(json)
        .map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))
}

pub(super) async fn cart(session: &Session) -> Result<Vec<String>, AuthError> {
    Ok(session.get("cart").await?.unwrap_or_default())
}

pub(super) async fn add(session: &Session, item: &[u8]) -> Result<Vec<String>, AuthError> {
    push(session, String::from_utf8_lossy(item).into_owned())?;
    cart(session).await
}

/// Reads the cart, waits at the gate, and then adds an item.
pub(super) async fn slow_add(
    session: &Session,
    gate: &Gate,
    item: &[u8],
) -> Result<Vec<String>, AuthError> {
    cart(session).await?;
    gate.pass().await;
    add(session, item).await
}

fn push(session: &Session, item: String) -> Result<(), AuthError> {
    session.update("cart", move |cart: &mut Vec<String>| cart.push(item.clone()))
}

pub(super) async fn devices(auth: &Auth<User>) -> Result<Vec<DeviceEntry>, AuthError> {
    let sign_ins = auth.sign_ins().await?;
    let entry = |info: auth_core::SignInInfo| DeviceEntry {
        id: info.id,
        current: info.current,
        label: info.label.map(Into::into),
        actor: info.actor.map(Into::into),
        last_seen_at: info.last_seen_at.as_secs(),
    };
    Ok(sign_ins.into_iter().map(entry).collect())
}

/// The requirement of a page that must be closed at once after a sign-out or a change of roles.
pub(super) fn payments() -> Require {
    Require::all([Require::revalidated(), Require::role("admin")])
}

/// The requirement of a page for editors, whose handler names it.
pub(super) fn editors() -> Require {
    let reviewer = Require::all([Require::revalidated(), Require::role("reviewer")]);
    Require::any([Require::role("editor"), reviewer])
}

/// The requirement of a page for those on duty, by a list that has to be awaited. It cannot be read for `down`, and
/// must not be read for users without the role.
pub(super) fn on_duty() -> Require {
    let is_listed = Require::async_predicate(|user: Identity<User>| async move {
        tokio::task::yield_now().await;
        assert!(user.has_role("nurse"), "the role is checked first");
        match user.subject() {
            "down" => Err("the list does not answer".into()),
            name => Ok(name.starts_with('a')),
        }
    });
    Require::any([
        Require::role("admin"),
        Require::all([Require::role("nurse"), is_listed, Require::amr(["pwd"])]),
    ])
}

/// Waits for the end of the request's sign-in. The wait borrows nothing from the request.
pub(super) async fn ended(auth: Auth<User>) -> String {
    let ended = auth.ended();
    drop(auth);
    tokio::spawn(ended).await.unwrap().to_string()
}

/// Revalidates the identity, and checks that the request now has the revalidated one.
pub(super) async fn revalidated(auth: &Auth<User>) -> Result<Me, AuthError> {
    let revalidated = Me::from(&auth.revalidate().await?);
    assert_eq!(auth.identity().map(Me::from).as_ref(), Some(&revalidated));
    Ok(revalidated)
}

/// Returns the subject of the request, or whether its credential was rejected.
pub(super) fn who(auth: &Auth<User>) -> String {
    match (auth.identity(), auth.rejection()) {
        (Some(identity), _) => identity.subject().to_owned(),
        (None, Some(_)) => "rejected".to_owned(),
        (None, None) => "anonymous".to_owned(),
    }
}
