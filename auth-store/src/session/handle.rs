//! [`Session`], a request's handle on the data of its sign-in, and [`SessionBackend`], which a backend
//! implements to support it.
//!
//! The handle reads and changes values by key; `state` saves the changes.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use auth_core::{
    AuthContext, AuthError, ConfigError, CookiePolicy, CrossOriginProtection, Refusal,
    ResponseEffects,
};
use http::Extensions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::state::{SessionState, closed};
use crate::data::{self, Change};
use crate::error::InvalidValue;
use crate::manager::{IssuedSecret, Retry, SignInManager};
use crate::record::Record;
use crate::secret::SecretKind;
use crate::store::Peek;

/// The data of the sign-in that a request acts for, or of a visitor: values by key, at most 64 KiB in
/// total. It works with cookies and with tokens.
///
/// Changes are collected, and saved before the response is sent, whatever its status: a failed login
/// is counted, and a form that is shown again keeps what was entered. A handler whose changes must not
/// be saved calls [`discard`](Self::discard). If the inner service returns an error instead of a
/// response, nothing is saved. If the changes cannot be saved, a refusal with the status of the error
/// replaces the response, such as 503.
///
/// Changes are merged into the newest data key by key, so that concurrent requests do not lose them:
/// [`update`](Self::update) runs again on the newest value, and of two [`insert`](Self::insert)s of one
/// key the last one wins. A request that changes nothing writes nothing to the store, and a visitor
/// without data gets no cookie.
///
/// # Examples
///
/// Count, so that no concurrent request is lost:
///
/// ```
/// use auth_core::AuthError;
/// use auth_store::Session;
///
/// async fn add_to_cart(session: Session) -> Result<String, AuthError> {
///     session.update("cart", |items: &mut u32| *items += 1)?;
///     let items: u32 = session.get("cart").await?.unwrap_or_default();
///     Ok(format!("{items} in the cart"))
/// }
/// ```
///
/// Keep a value for the next request, and use it once:
///
/// ```
/// use auth_core::AuthError;
/// use auth_store::Session;
///
/// fn save_message(session: &Session, text: &str) -> Result<(), AuthError> {
///     session.insert("message", text)
/// }
///
/// async fn take_message(session: &Session) -> Result<Option<String>, AuthError> {
///     let text = session.get("message").await?;
///     session.remove("message")?;
///     Ok(text)
/// }
/// ```
///
/// Drop the changes of a handler that fails:
///
/// ```
/// use auth_core::AuthError;
/// use auth_store::Session;
///
/// async fn checkout(session: Session) -> Result<(), AuthError> {
///     session.remove("cart")?;
///     if !pay().await {
///         session.discard(); // the cart stays
///     }
///     Ok(())
/// }
/// # async fn pay() -> bool { false }
/// ```
///
/// Save changes while a stream is sent:
///
/// ```
/// use auth_core::AuthError;
/// use auth_store::Session;
///
/// async fn stream(session: Session) -> Result<(), AuthError> {
///     let session = session.detach();
///     for message in 1..=3_u32 {
///         // ... send it, and then:
///         session.insert("last", &message)?;
///         session.save().await?;
///     }
///     Ok(())
/// }
/// ```
///
/// The guide in the repository has a page about it, `docs/guide/session-data.md`, also about types that change
/// over deployments.
///
/// Clones belong to the same request. With the feature `axum`, `Session` is an extractor; without it,
/// use [`Session::of`].
#[derive(Clone)]
pub struct Session {
    context: AuthContext,
    state: Arc<SessionState>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Until the response is sent.
    Response,
    /// As long as the handle exists.
    Detached,
}

impl Session {
    /// Returns the session of the request with these extensions.
    ///
    /// # Errors
    ///
    /// Returns why the request must be refused: 401 if its [explicit](auth_core::Transport::Explicit)
    /// credential was rejected, or if it has no valid credential and the backend keeps no data of
    /// visitors; 500 if no backend with sessions handled the request. [`AuthContext::refuse`] turns it
    /// into a response.
    pub fn of(extensions: &Extensions) -> Result<Self, Refusal> {
        let context = AuthContext::of(extensions, "Session").map_err(Refusal::Config)?;
        if let Some(rejection) = context.rejection() {
            return Err(Refusal::Unauthenticated(Some(*rejection)));
        }
        let no_session = || Refusal::Config(ConfigError::NoSession);
        let backend = session_backend(context).ok_or_else(no_session)?;
        if context.state().sign_in().is_none() {
            if context.is_identified() {
                return Err(no_session()); // authenticated, but not by a stored sign-in
            }
            if backend.anonymous().is_none() {
                return Err(Refusal::Unauthenticated(None));
            }
        }
        let state = SessionState::of(context).ok_or_else(no_session)?;
        Ok(Self { context: context.clone(), state, reach: Reach::Response })
    }

    /// Returns the value of a key, with the changes of this request.
    ///
    /// # Errors
    ///
    /// Returns [`Serialization`](auth_core::AuthErrorKind::Serialization) if it cannot be read as a `T`;
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, AuthError> {
        let record = self.record().await?;
        let empty = data::SessionData::new();
        let data = record.as_ref().map_or(&empty, |record| &record.data);
        let read = |json: &str| serde_json::from_str(json);
        let value = data::read_value(data, key, &self.state.pending(), read)?.transpose();
        Ok(value.map_err(|error| InvalidValue::new(key, type_name::<T>(), &error))?)
    }

    /// Sets the value of a key. Of two concurrent requests that do so, the last one wins.
    ///
    /// # Errors
    ///
    /// Returns [`Serialization`](auth_core::AuthErrorKind::Serialization) if it cannot be serialized;
    /// [`Closed`](auth_core::AuthErrorKind::Closed) after the response.
    pub fn insert<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), AuthError> {
        let json = serde_json::to_string(value);
        let json = json.map_err(|error| InvalidValue::new(key, type_name::<T>(), &error))?;
        self.state.add(Change::set(key, Some(json.into())))
    }

    /// Removes a key.
    ///
    /// # Errors
    ///
    /// Returns [`Closed`](auth_core::AuthErrorKind::Closed) after the response.
    pub fn remove(&self, key: &str) -> Result<(), AuthError> {
        self.state.add(Change::set(key, None))
    }

    /// Changes the value of a key, which starts as the default of `T`. `change` may run more than once:
    /// it runs again on the newest value if another request was faster. Of concurrent updates, none is
    /// lost.
    ///
    /// # Errors
    ///
    /// Returns [`Closed`](auth_core::AuthErrorKind::Closed) after the response. If the value cannot be read as
    /// a `T`, [`get`](Self::get) and [`save`](Self::save) return the error.
    pub fn update<T, F>(&self, key: &str, change: F) -> Result<(), AuthError>
    where
        T: Serialize + DeserializeOwned + Default,
        F: Fn(&mut T) + Send + Sync + 'static,
    {
        self.state.add(Change::update::<T>(key, move |json| {
            let mut value = json.map(serde_json::from_str).transpose()?.unwrap_or_default();
            change(&mut value);
            Ok(serde_json::to_string(&value)?.into())
        }))
    }

    /// Saves now instead of before the response: before a long stream begins, or to know whether saving
    /// succeeded.
    ///
    /// Changes that could not be saved are saved by the next `save`, or with the response; so are those
    /// of a `save` that was dropped, for example by a timeout. A change that the store may have made
    /// without answering is not made twice: to detect that, such a save adds a mark of about 24 bytes
    /// to the data. Keys that begin with U+0001 are reserved for it.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer, if it
    /// cannot be known whether an earlier attempt was stored, or after three seconds of waiting for
    /// other writers; [`Unauthenticated`](auth_core::AuthErrorKind::Unauthenticated) if the sign-in has ended;
    /// [`TooLarge`](auth_core::AuthErrorKind::TooLarge) if there would be more than 64 KiB;
    /// [`Serialization`](auth_core::AuthErrorKind::Serialization) if an [`update`](Self::update) cannot read its
    /// value. For the first data of a visitor, also [`CrossOrigin`](auth_core::AuthErrorKind::CrossOrigin) if an
    /// unsafe request comes from another site, and [`Closed`](auth_core::AuthErrorKind::Closed) if the response can
    /// no longer carry the cookie.
    pub async fn save(&self) -> Result<(), AuthError> {
        let sign_in = self.state.sign_in(self.context.state());
        if self.reach == Reach::Detached && sign_in.is_none() {
            return Err(closed()); // only a response can deliver a visitor's cookie
        }
        self.state.save(&self.context, Retry::Marked).await
    }

    /// Discards the changes of this request that have not been saved, for a handler that fails. What
    /// [`save`](Self::save) has stored stays.
    pub fn discard(&self) {
        self.state.discard_changes();
    }

    /// Returns a handle for work that continues after the response, such as the body of a stream. It
    /// stays with the current sign-in, and only [`save`](Self::save) saves its changes.
    #[must_use]
    pub fn detach(&self) -> Self {
        let sign_in = self.context.state().sign_in();
        let backend = self.state.backend(&self.context);
        let state = SessionState::new(backend.ok().cloned(), sign_in);
        Self { context: self.context.clone(), state, reach: Reach::Detached }
    }

    async fn record(&self) -> Result<Option<Arc<Record>>, AuthError> {
        let Some(id) = self.state.sign_in(self.context.state()) else { return Ok(None) };
        let backend = self.state.backend(&self.context)?;
        let sign_ins = backend.sign_ins();
        let mut cached = None;
        sign_ins.peek(&id, &mut |peek| match peek {
            Peek::Authoritative(record) => cached = Some(record.cloned()),
            Peek::Cached(record) => cached = Some(Some(Arc::clone(record))),
            Peek::Miss => {}
        });
        match cached {
            Some(record) => Ok(record),
            None => Ok(sign_ins.store().load(&id).await?),
        }
    }
}

auth_core::redacted_debug!(Session { reach });

/// Refuses requests as the layer does: see [`Session::of`].
#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::FromRequestParts<S> for Session {
    type Rejection = axum_core::response::Response;
    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions).map_err(|refusal| refusal.into_extractor_response(parts))
    }
}

/// What a backend supplies for [`Session`](crate::Session): its sign-ins, and a way to deliver the
/// secret of a visitor. [`SignInBackend::session_backend`](auth_core::SignInBackend::session_backend)
/// returns a reference to an `Arc<dyn SessionBackend>`.
pub trait SessionBackend: Send + Sync {
    /// Returns the backend's sign-ins.
    fn sign_ins(&self) -> &SignInManager;

    /// Returns the kind of secret that a visitor gets, or `None` if this backend keeps no data of
    /// visitors. Defaults to `None`.
    fn anonymous(&self) -> Option<SecretKind> {
        None
    }

    /// Returns the cookie that carries a visitor's secret, if one does. A visitor's cookie
    /// replaces a cookie of this name only if the store shows that it is no longer valid. Defaults to none.
    fn anonymous_cookie(&self) -> Option<&CookiePolicy> {
        None
    }

    /// Returns which cross-origin requests may get a visitor's secret. Defaults to
    /// [`CrossOriginProtection::STRICT`].
    fn cross_site(&self) -> &CrossOriginProtection {
        &CrossOriginProtection::STRICT
    }

    /// Adds a visitor's secret to the response. Called only if [`anonymous`](Self::anonymous) returns a
    /// kind. The default returns an error.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret cannot be written.
    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError> {
        let _ = (issued, effects);
        Err(ConfigError::NoSession.into())
    }
}

impl fmt::Debug for dyn SessionBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBackend")
            .field("anonymous", &self.anonymous())
            .finish_non_exhaustive()
    }
}

/// Returns the session backend of the backend that decided who sent the request.
pub(super) fn session_backend(context: &AuthContext) -> Option<&Arc<dyn SessionBackend>> {
    let backend: &dyn Any = context.session_backend()?;
    backend.downcast_ref()
}
