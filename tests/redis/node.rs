//! A node of an application, without its sockets.

use std::convert::Infallible;
use std::future::Future;

use auth_core::{Auth, Principal};
use auth_session::SessionAuth;
use auth_store::{IntoStore, Session};
use http::request::Parts;
use http::{Request, Response, header};
use tower::{Layer, ServiceExt, service_fn};

/// A node, with a cart.
#[derive(Clone)]
pub(crate) struct Node(SessionAuth);

impl Node {
    pub(crate) fn new(store: impl IntoStore) -> Self {
        Self(SessionAuth::new(store))
    }

    /// What the layer makes of a handler's answer to whoever holds this cookie.
    pub(crate) async fn inside<H, F>(&self, cookie: Option<&str>, handler: H) -> Response<String>
    where
        H: Fn(Parts) -> F + Clone,
        F: Future<Output = Response<String>>,
    {
        let service = service_fn(|request: Request<()>| {
            let answer = handler(request.into_parts().0);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let mut request = Request::post("/").body(()).unwrap();
        if let Some(cookie) = cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        self.0.clone().optional().layer(service).oneshot(request).await.unwrap()
    }

    /// The cookie of a new sign-in.
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

    /// How many items are in the cart.
    pub(crate) async fn items(&self, cookie: &str) -> u32 {
        let show = async |head: Parts| {
            let items: Option<u32> = session(&head).get("items").await.unwrap();
            Response::new(items.unwrap_or_default().to_string())
        };
        self.inside(Some(cookie), show).await.body().parse().unwrap()
    }
}

pub(crate) fn session(head: &Parts) -> Session {
    Session::of(&head.extensions).unwrap()
}

/// Means to put one more item into the cart.
pub(crate) fn add(head: &Parts) -> Session {
    let session = session(head);
    session.update("items", |items: &mut u32| *items += 1).unwrap();
    session
}
