//! The handle.

use std::fmt;
use std::sync::Arc;

use auth_core::{AuthContext, AuthError, AuthErrorKind, ConfigError, Refusal};
use http::Extensions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host;
use super::state::{SessionState, closed};
use crate::changes::{self, Change};
use crate::error::Undecodable;
use crate::manager::Repeats;
use crate::record::Record;
use crate::store::Peek;

/// The data of the sign-in that a request acts for, or of an anonymous visitor: values by key, at
/// most 64 KiB in all. The same under a cookie and under a token.
///
/// Changes are collected, and saved before the response leaves; a response whose changes cannot be
/// saved is replaced by 503. They are merged into the newest data key by key, so that concurrent
/// requests lose nothing: [`update`](Self::update) runs again on the newest value, and of two
/// [`insert`](Self::insert)s of one key the last one wins. A request that changes nothing costs no
/// store write, and a visitor for whom nothing is stored gets no cookie.
///
/// ```
/// # use auth_core::AuthError;
/// # use auth_store::Session;
/// async fn add_to_cart(session: Session) -> Result<String, AuthError> {
///     session.update("cart", |items: &mut u32| *items += 1)?;
///     let items: u32 = session.get("cart").await?.unwrap_or_default();
///     Ok(format!("{items} in the cart"))
/// }
/// ```
///
/// A clone is the same request. With the feature `axum` it is an extractor; elsewhere,
/// [`Session::of`].
#[derive(Clone)]
pub struct Session {
    context: AuthContext,
    state: Arc<SessionState>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Until the response leaves.
    Response,
    /// As long as the handle lives.
    Detached,
}

impl Session {
    /// The session of the request with these extensions.
    ///
    /// # Errors
    /// What to answer instead: 401 if the request's credential was rejected, or nobody is signed
    /// in and this backend keeps nothing for visitors; 500 if no backend with sessions saw the
    /// request. [`AuthContext::refuse`] makes a response of it.
    pub fn of(extensions: &Extensions) -> Result<Self, Refusal> {
        let context = AuthContext::of(extensions, "Session").map_err(Refusal::Config)?;
        if let Some(rejection) = context.rejection() {
            return Err(Refusal::Unauthenticated(Some(*rejection)));
        }
        let no_session = || Refusal::Config(ConfigError::NoSession);
        let host = host::of(context).ok_or_else(no_session)?;
        if context.state().sign_in().is_none() {
            if context.is_identified() {
                return Err(no_session()); // somebody, but not by a stored sign-in
            }
            if host.anonymous().is_none() {
                return Err(Refusal::Unauthenticated(None));
            }
        }
        let state = SessionState::of(context, host).ok_or_else(no_session)?;
        Ok(Self { context: context.clone(), state, reach: Reach::Response })
    }

    /// The value under this key, with the changes of this request.
    ///
    /// # Errors
    /// [`SessionData`](AuthErrorKind::Serialization) if it is no `T`; [`Unavailable`](AuthErrorKind::Unavailable)
    /// if the store did not answer.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, AuthError> {
        let record = self.record().await?;
        let empty = crate::data::SessionData::new();
        let data = record.as_ref().map_or(&empty, |record| &record.data);
        let json = changes::value(data, key, &self.state.pending()).map_err(undecodable)?;
        json.map(|json| serde_json::from_str(&json)).transpose().map_err(undecodable)
    }

    /// Puts a value under this key. Of two requests that do so at once, the last one wins.
    ///
    /// # Errors
    /// [`SessionData`](AuthErrorKind::Serialization) if it does not serialize; [`Closed`](AuthErrorKind::Closed)
    /// after the response.
    pub fn insert<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), AuthError> {
        let json = serde_json::to_string(value).map_err(undecodable)?;
        self.state.add(Change::set(key, Some(json.into())))
    }

    /// Takes this key out.
    ///
    /// # Errors
    /// [`Closed`](AuthErrorKind::Closed) after the response.
    pub fn remove(&self, key: &str) -> Result<(), AuthError> {
        self.state.add(Change::set(key, None))
    }

    /// Changes the value under this key, or the default one. `change` may run more than once: on
    /// the newest value, whenever another request was faster. Of many at once, none is lost.
    ///
    /// # Errors
    /// [`Closed`](AuthErrorKind::Closed) after the response. That the value is no `T` shows when it
    /// is read or saved.
    pub fn update<T, F>(&self, key: &str, change: F) -> Result<(), AuthError>
    where
        T: Serialize + DeserializeOwned + Default,
        F: Fn(&mut T) + Send + Sync + 'static,
    {
        self.state.add(Change::update(key, move |json| {
            let mut value = json.map(serde_json::from_str).transpose()?.unwrap_or_default();
            change(&mut value);
            Ok(serde_json::to_string(&value)?.into())
        }))
    }

    /// Saves now instead of before the response: before a long stream begins, or to know that it
    /// worked.
    ///
    /// What could not be saved is tried again, by the next `save` or with the response; so is what was
    /// given up, as by a timeout around this. What the
    /// store may have taken without an answer is not made twice: for that, such a save leaves a mark
    /// of some 24 bytes beside the data, under a key that begins with U+0001. Such keys are ours.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer, or if it cannot be
    /// known whether an earlier try was stored; after three seconds in line, or in which others were
    /// faster;
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the sign-in has ended;
    /// [`TooLarge`](AuthErrorKind::TooLarge) if there would be more than 64 KiB.
    pub async fn save(&self) -> Result<(), AuthError> {
        let sign_in = self.state.sign_in(self.context.state());
        if self.reach == Reach::Detached && sign_in.is_none() {
            return Err(closed()); // a visitor's cookie can leave with the response only
        }
        self.state.save(&self.context, Repeats::Perhaps).await
    }

    /// A handle for what goes on after the response has left, such as the body of a stream. It
    /// stays with the sign-in of this moment, and its changes are saved by [`save`](Self::save) and
    /// by nothing else.
    #[must_use]
    pub fn detach(&self) -> Self {
        let sign_in = self.context.state().sign_in();
        let state = SessionState::new(Arc::clone(&self.state.host), sign_in);
        Self { context: self.context.clone(), state, reach: Reach::Detached }
    }

    async fn record(&self) -> Result<Option<Arc<Record>>, AuthError> {
        let Some(sid) = self.state.sign_in(self.context.state()) else { return Ok(None) };
        let store = self.state.host.sign_ins().store();
        let mut at_once = None;
        store.peek(&sid, &mut |peek| match peek {
            Peek::Authoritative(record) => at_once = Some(record.cloned()),
            Peek::Cached(record) => at_once = Some(Some(Arc::clone(record))),
            Peek::Miss => {}
        });
        match at_once {
            Some(record) => Ok(record),
            None => Ok(store.load(&sid).await?),
        }
    }
}

fn undecodable(error: serde_json::Error) -> AuthError {
    AuthError::new(AuthErrorKind::Serialization, Undecodable::from(error))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("reach", &self.reach).finish_non_exhaustive()
    }
}
