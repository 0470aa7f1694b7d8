//! A node of an application, called without a socket.
//!
//! Several of them share a store, as the nodes of a service do. The session of a client is a cart.

use auth_core::{Auth, Principal};
use auth_session::SessionAuth;
use auth_store::{IntoStore, Session};
use http::request::Parts;
use http::{Request, Response, header};

use crate::call::call;

/// A node, whose sessions hold a cart.
#[derive(Clone)]
pub(crate) struct Node(SessionAuth);

impl Node {
    pub(crate) fn new(store: impl IntoStore) -> Self {
        Self(SessionAuth::new(store))
    }

    /// Sends a request with this cookie through the layer, and returns the response to the handler's answer.
    pub(crate) async fn inside(
        &self,
        cookie: Option<&str>,
        handler: impl AsyncFn(Parts) -> Response<String>,
    ) -> Response<String> {
        let mut request = Request::post("/").body(()).unwrap();
        if let Some(cookie) = cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        call(self.0.clone().optional(), request, handler).await
    }

    /// Signs in, and returns the cookie.
    pub(crate) async fn sign_in(&self) -> String {
        let sign_in = async |head: Parts| {
            let auth = Auth::of(&head).unwrap();
            let _cookie_only = auth.sign_in(Principal::new("ada")).await.unwrap();
            Response::default()
        };
        let response = self.inside(None, sign_in).await;
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Returns the number of items in the cart.
    pub(crate) async fn items(&self, cookie: &str) -> u32 {
        let show = async |head: Parts| {
            let items: Option<u32> = session(&head).get("items").await.unwrap();
            Response::new(items.unwrap_or_default().to_string())
        };
        self.inside(Some(cookie), show).await.body().parse().unwrap()
    }
}

/// Returns the request's session.
pub(crate) fn session(head: &Parts) -> Session {
    Session::of(&head.extensions).unwrap()
}

/// Adds an item to the cart, without saving it.
pub(crate) fn add(head: &Parts) -> Session {
    let session = session(head);
    session.update("items", |items: &mut u32| *items += 1).unwrap();
    session
}
