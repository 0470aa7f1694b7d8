//! A node of the application: a backend with a near cache over the shared store.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Auth, AuthContext, AuthLayer, Authenticator, BoxFuture, Clock, Identity, Principal, Refusal,
    SignInId, SignedIn,
};
use auth_jwt::{JwtAuth, Key};
use auth_session::SessionAuth;
use auth_store::near_cache::NearCache;
use auth_store::{Lifetime, Peek, Record, Secret, Session, Store};
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{Request, Response, request::Parts};
use tower::{Layer, ServiceExt, service_fn};

use crate::shared_store::SharedStore;

pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(2);

/// How clients prove their sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// By a session cookie.
    Cookie,
    /// By an access token, and a refresh token in the body.
    Tokens,
}

/// What a client holds.
#[derive(Clone)]
pub(crate) struct Credential {
    /// The text of the cookie or of the refresh token.
    pub(crate) secret: String,
    /// The access token, or none for a cookie.
    access: Option<String>,
}

impl Credential {
    pub(crate) fn parsed(&self) -> Secret {
        let start = self.secret.len() - Secret::TEXT_LEN;
        Secret::parse(&self.secret.as_bytes()[start..]).expect("the server issued it")
    }
}

/// What a node is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    SignIn,
    Me,
    /// Stores something under this key of the session.
    Save(&'static str),
    Refresh,
    SignOut,
    SignOutEverywhere,
}

/// What a node answered.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) credential: Option<Credential>,
}

type Serve = Arc<dyn Fn(Request<()>) -> BoxFuture<Response<String>> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Node {
    cache: Arc<NearCache<SharedStore>>,
    serve: Serve,
    backend: Backend,
}

impl Node {
    pub(crate) fn start(
        backend: Backend,
        lifetime: Lifetime,
        store: SharedStore,
        clock: Clock,
    ) -> Self {
        let cache = NearCache::<SharedStore>::builder().max_staleness(MAX_STALENESS);
        let cache = Arc::new(cache.max_entries(16).clock(clock.clone()).build(store));
        let store = Arc::clone(&cache);
        let serve = match backend {
            Backend::Cookie => {
                let auth = SessionAuth::new(store).claims::<()>();
                serve(&auth.clock(clock).lifetime(lifetime).optional())
            }
            Backend::Tokens => {
                let key = Key::hs256([7; 32]).expect("it is long enough");
                let auth = JwtAuth::new(key).audience("shop").sign_in(store).claims::<()>();
                let auth = auth.refresh_in_body().access_lifetime(lifetime.absolute());
                serve(&auth.clock(clock).lifetime(lifetime).optional())
            }
        };
        Self { cache, serve, backend }
    }

    pub(crate) async fn send(&self, ask: Ask, credential: Option<Credential>) -> Reply {
        let path = match ask {
            Ask::Save(key) => format!("/save/{key}"),
            ask => format!("/{ask:?}"),
        };
        let mut request = Request::post(path);
        if let Some(Credential { secret, access }) = &credential {
            request = match access {
                None => request.header(COOKIE, format!("__Host-session={secret}")),
                Some(access) if ask != Ask::Refresh => {
                    request.header(AUTHORIZATION, format!("Bearer {access}"))
                }
                Some(_) => request.header("refresh-token", secret),
            };
        }
        let request = request.body(()).expect("it is valid");
        self.read(&(self.serve)(request).await)
    }

    fn read(&self, response: &Response<String>) -> Reply {
        let status = response.status().as_u16();
        let credential = match self.backend {
            Backend::Cookie => response.headers().get(SET_COOKIE).and_then(|cookie| {
                let (value, _) = cookie.to_str().ok()?.split_once(';')?;
                let secret = value.strip_prefix("__Host-session=")?.to_owned();
                (!secret.is_empty()).then_some(Credential { secret, access: None })
            }),
            Backend::Tokens => response.body().split_once(' ').map(|(access, refresh)| {
                Credential { secret: refresh.to_owned(), access: Some(access.to_owned()) }
            }),
        };
        Reply { status, credential }
    }

    /// Loads the sign-in into the near cache.
    pub(crate) async fn warm(&self, id: &SignInId) {
        self.cache.load(id).await.expect("it is in memory");
    }

    /// Returns what the near cache shows of the sign-in, if it answers at all.
    pub(crate) fn cached(&self, id: &SignInId) -> Option<Arc<Record>> {
        let mut cached = None;
        self.cache.peek(id, &mut |peek| {
            if let Peek::Cached(record) = peek {
                cached = Some(Arc::clone(record));
            }
        });
        cached
    }

    /// Returns for how long the near cache may answer.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.cache.stats().lease
    }
}

fn serve<A: Authenticator<Claims = ()>>(layer: &AuthLayer<A>) -> Serve {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let (head, ()) = request.into_parts();
        let response = respond(&head).await.unwrap_or_else(|refusal| {
            let context = AuthContext::of(&head.extensions, "the model").expect("there is a layer");
            context.refuse(&head.headers, refusal)
        });
        Ok::<Response<String>, Infallible>(response)
    }));
    Arc::new(move |request| {
        let service = service.clone();
        Box::pin(async move { service.oneshot(request).await.expect("it is infallible") })
    })
}

async fn respond(head: &Parts) -> Result<Response<String>, Refusal> {
    let auth = Auth::<()>::of(head)?;
    let body = match head.uri.path() {
        "/SignIn" => tokens(&auth.sign_in(Principal::new("ada").claims(())).await?),
        "/Refresh" => {
            let mut refresh = auth.refresh();
            if let Some(token) = head.headers.get("refresh-token") {
                refresh = refresh.token(token.to_str().expect("it is a token"));
            }
            tokens(&refresh.await?)
        }
        "/SignOut" => {
            auth.sign_out().await?;
            String::new()
        }
        path => {
            Identity::<()>::of(&head.extensions)?.ok_or(Refusal::Unauthenticated(None))?;
            match path.strip_prefix("/save/") {
                Some(key) => Session::of(&head.extensions)?.insert(key, &true)?,
                None if path == "/SignOutEverywhere" => drop(auth.revoke_all().await?),
                None => {}
            }
            String::new()
        }
    };
    Ok(Response::new(body))
}

fn tokens(signed_in: &SignedIn) -> String {
    signed_in.tokens.as_ref().map_or_else(String::new, |tokens| {
        let refresh = tokens.refresh_token.as_deref().unwrap_or_default();
        format!("{} {refresh}", tokens.access_token)
    })
}
