//! Streams of events that end with the sign-in or the token of their request.
//!
//! If the store does not answer, a stream ends after ten seconds, because the sign-in may have ended. An open
//! stream does not count as a use of its sign-in, which ends after its idle timeout unless requests use it.

use std::time::Duration;

use auth_core::{Auth, AuthErrorKind};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use http::{HeaderMap, header};
use tokio::time::{Instant, sleep, timeout_at};

/// How often the token of a provider is verified again while a stream is open.
const REVALIDATION: Duration = Duration::from_secs(1);
/// How long a stream goes on while nothing can tell whether the token is revoked: as long as
/// [`Auth::ended`] waits for the store of a sign-in.
const UNCONFIRMED: Duration = Duration::from_secs(10);

/// Ends a response that is a stream of events as soon as its credential is not valid any more. The layer goes
/// inside of the authentication layer.
pub async fn end_with_sign_in(auth: Auth, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if !is_event_stream(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = body.into_data_stream().take_until(Box::pin(ended(auth)));
    Response::from_parts(parts, Body::from_stream(body))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type
        .is_some_and(|it| it.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

/// Waits until the credential is not valid any more, or cannot be verified for too long.
async fn ended(auth: Auth) {
    let end = auth.ended();
    // A stored sign-in ends its streams at once. Verifying it again would be a use, so that an open stream would
    // keep the sign-in alive.
    if auth.identity().is_some_and(|user| user.sign_in().is_some()) {
        end.await;
        return;
    }
    tokio::select! {
        _ = end => {}
        () = revoked(&auth) => {}
    }
}

/// Waits until a token of a provider is revoked. Only a new verification notices that.
async fn revoked(auth: &Auth) {
    let mut confirmed_until = Instant::now() + UNCONFIRMED;
    loop {
        sleep(REVALIDATION).await;
        match timeout_at(confirmed_until, auth.revalidate()).await {
            Ok(Ok(_)) => confirmed_until = Instant::now() + UNCONFIRMED,
            Ok(Err(error)) if error.kind() == AuthErrorKind::Unauthenticated => return,
            Ok(Err(_)) if Instant::now() < confirmed_until => {} // the store does not answer
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use async_trait::async_trait;
    use auth_core::{Claims, Clock, Principal, RefreshTokenDelivery, SignInId};
    use auth_jwt::{HmacKey, JwtAuth, Key, Revocations};
    use auth_store::{MemoryStore, Peek, Record, Store, StoreError, forward_store};
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::{get, post};
    use serde_json::json;
    use tokio::time::timeout;
    use tower::ServiceExt;

    use super::*;

    const ISSUER: &str = "https://login.example";

    /// A store that counts its loads, and fails on request.
    #[derive(Default)]
    struct Counting {
        inner: MemoryStore,
        loads: AtomicUsize,
        is_down: AtomicBool,
    }

    #[async_trait]
    impl Store for Counting {
        forward_store!(self => self.inner, except: [load, peek]);

        async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
            self.loads.fetch_add(1, Ordering::SeqCst);
            if self.is_down.load(Ordering::SeqCst) {
                return Err(StoreError::unavailable("down"));
            }
            self.inner.load(id).await
        }

        fn peek(&self, _: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
            see(Peek::Miss);
        }
    }

    fn key() -> HmacKey {
        Key::hs256([7; 32]).unwrap()
    }

    /// Returns a token of the provider that is valid for an hour.
    fn token() -> String {
        let now = Clock::system().now().as_secs();
        let claims =
            json!({ "iss": ISSUER, "sub": "alice", "aud": "mcp", "jti": "1", "exp": now + 3600 });
        key().sign("JWT", &claims).unwrap()
    }

    /// A route with a stream without events that never ends by itself.
    fn stream() -> Router {
        let endless = async || {
            let body =
                Body::from_stream(futures_util::stream::pending::<Result<&str, Infallible>>());
            ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body)
        };
        Router::new().route("/", get(endless)).layer(from_fn(end_with_sign_in))
    }

    /// Opens the stream. The result is ready when it ends, and is how long that took.
    async fn open(app: Router, token: &str) -> tokio::task::JoinHandle<Duration> {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let since = Instant::now();
        tokio::spawn(async move {
            let ended = axum::body::to_bytes(response.into_body(), 1).await;
            assert!(ended.unwrap().is_empty());
            since.elapsed()
        })
    }

    fn of_provider(store: &Arc<Counting>) -> (Router, Revocations) {
        let revocations = Revocations::new(Arc::clone(store));
        let auth = JwtAuth::new(key()).verify_only().issuer(ISSUER).audience("mcp");
        (stream().layer(auth.revocations(revocations.clone())), revocations)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_a_providers_token_ends_when_the_token_is_revoked() {
        let (app, revocations) = of_provider(&Arc::default());
        let mut open = open(app, &token()).await;
        assert!(timeout(Duration::from_secs(60), &mut open).await.is_err(), "it goes on");
        revocations.revoke_token(ISSUER, "1").await.unwrap();
        let ended = timeout(Duration::from_secs(2), open).await;
        ended.expect("it ends within two seconds").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_if_its_token_cannot_be_verified_for_ten_seconds() {
        let store = Arc::<Counting>::default();
        let (app, _) = of_provider(&store);
        let mut open = open(app, &token()).await;
        for is_down in [true, false] {
            store.is_down.store(is_down, Ordering::SeqCst);
            assert!(timeout(Duration::from_secs(8), &mut open).await.is_err(), "it goes on");
        }
        store.is_down.store(true, Ordering::SeqCst);
        let ended = timeout(Duration::from_secs(12), open).await;
        let open_for = ended.expect("the store is away for too long").unwrap();
        assert!(open_for >= Duration::from_secs(16 + 8), "{open_for:?}");
    }

    /// Each load for a new verification was a use of the sign-in, which extends its idle timeout.
    #[tokio::test(start_paused = true)]
    async fn a_stream_does_not_use_its_sign_in() {
        let store = Arc::<Counting>::default();
        let auth = JwtAuth::new(key()).audience("mcp").sign_in(Arc::clone(&store));
        let login = post(async |auth: Auth| -> Result<String, auth_core::AuthError> {
            let alice = auth.sign_in(Principal::<Claims>::new("alice")).as_tokens();
            let signed_in = alice.deliver(RefreshTokenDelivery::Body).await?;
            Ok(signed_in.tokens.map(|tokens| tokens.access_token.into()).unwrap_or_default())
        });
        let app = Router::new().route("/login", login).layer(auth.clone().optional());
        let request = Request::post("/login").body(Body::empty()).unwrap();
        let token = app.oneshot(request).await.unwrap().into_body();
        let token = axum::body::to_bytes(token, 4096).await.unwrap();
        let mut open =
            open(stream().layer(auth.clone()), std::str::from_utf8(&token).unwrap()).await;
        let before = store.loads.load(Ordering::SeqCst);
        assert!(timeout(Duration::from_secs(60), &mut open).await.is_err(), "it goes on");
        assert!(store.loads.load(Ordering::SeqCst) - before <= 1, "the store reports an end");
        auth.sign_in_manager().revoke("alice", auth_core::Revoke::All).await.unwrap();
        let ended = timeout(Duration::from_secs(1), open).await;
        ended.expect("it ends at once").unwrap();
    }
}
