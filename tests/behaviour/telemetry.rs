//! Metrics of decisions, and what the layer adds to the spans of the application.

use std::io;
use std::sync::Arc;

use auth_core::{Auth, AuthContext, AuthError, AuthLayer, Require, Transport, any_of};
use auth_store::Store;
use http::Response;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use parking_lot::Mutex;
use tracing::Instrument;
use tracing::field::Empty;

use crate::app::{Login, User};
use crate::harness::{Credential, Fault, MINUTE, World};

suite!(every on one_thread:
    decisions_are_counted_by_reason_and_backend,
    sign_ins_and_their_ends_are_counted,
    acting_for_another_is_counted,
    a_span_gets_the_user_only_if_the_layer_is_told_to,
);

/// Counts on this thread, until it is dropped.
struct Counters {
    recorded: Snapshotter,
    /// The names and lines that were not taken yet: a snapshot resets all counters.
    pending: Mutex<Vec<(String, String)>>,
    _guard: metrics::LocalRecorderGuard<'static>,
}

impl Counters {
    fn start() -> Self {
        let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
        let recorded = recorder.snapshotter();
        let guard = metrics::set_default_local_recorder(recorder);
        Self { recorded, pending: Mutex::default(), _guard: guard }
    }

    /// Returns the counters of this name since the last call, sorted: their labels and their values.
    fn take(&self, name: &str) -> Vec<String> {
        let counted = self.recorded.snapshot().into_vec().into_iter();
        let counted = counted.filter_map(|(key, _, _, value)| match value {
            DebugValue::Counter(count) if count > 0 => {
                let labels: Vec<_> = key.key().labels().map(metrics::Label::value).collect();
                let line = format!("{} {count}", labels.join("|"));
                Some((key.key().name().to_owned(), line))
            }
            _ => None,
        });
        let mut pending = self.pending.lock();
        pending.extend(counted);
        let (taken, rest) = std::mem::take(&mut *pending).into_iter().partition(|it| it.0 == name);
        *pending = rest;
        let mut lines: Vec<_> = taken.into_iter().map(|(_, line)| line).collect();
        lines.sort();
        lines
    }
}

const ALLOWED: &str = "auth_requests_allowed_total";
const REFUSED: &str = "auth_requests_refused_total";

async fn decisions_are_counted_by_reason_and_backend(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let scheme = scheme(&world, &credential).await;
    let counters = Counters::start();
    for path in ["/me", "/", "/admin", "/reports", "/strong"] {
        client.get(path).await;
    }
    assert_eq!(counters.take(ALLOWED), [format!("user|{scheme} 5")]);
    let refused = ["forbidden", "insufficient scope", "step-up"];
    let refused = refused.map(|reason| format!("{reason}|{scheme} 1"));
    assert_eq!(counters.take(REFUSED), refused);

    for path in ["/", "/me"] {
        world.client().get(path).await;
    }
    assert_eq!(counters.take(ALLOWED), ["none| 2"]);
    assert_eq!(counters.take(REFUSED), ["no credential| 1"]);

    let forged = world.client_with(&credential.forged()).get("/me").await;
    assert_eq!(forged.status, 401);
    let [refused] = &counters.take(REFUSED)[..] else { panic!("one is refused") };
    if world.transport() == Transport::Explicit {
        let ends = [format!("|{scheme} 1"), "|bearer 1".to_owned()]; // that of RFC 6750
        assert!(ends.iter().any(|end| refused.ends_with(end)), "{refused}");
        assert!(counters.take(ALLOWED)[0].starts_with("rejected|"));
    } else {
        assert_eq!(refused, "no credential| 1", "an invalid cookie counts as none");
        client.post("/cart").header("sec-fetch-site", "cross-site").await;
        assert_eq!(counters.take(REFUSED), ["cross-origin| 1"]);
    }
    world.store.set_all(Fault::Fails);
    client.get("/me").await;
    assert_eq!(counters.take(REFUSED), ["unavailable| 1"]);
}

/// Returns the scheme of the identity that a credential proves.
async fn scheme(world: &World, credential: &Credential) -> &'static str {
    let scheme = Mutex::new("");
    let handler = async |head: http::request::Parts| {
        *scheme.lock() = Auth::<User>::of(&head).unwrap().identity().unwrap().scheme();
        Response::default()
    };
    world.handle(Some(credential), handler).await;
    scheme.into_inner()
}

async fn sign_ins_and_their_ends_are_counted(world: World) {
    let counters = Counters::start();
    let (client, _) = world.sign_in("alice").await;
    let [started] = &counters.take("auth_sign_ins_total")[..] else { panic!("one has started") };
    let kind = world.store.records().await[0].info().kind;
    assert_eq!(*started, format!("{kind} 1"));
    client.refreshed().await;
    assert!(counters.take("auth_sign_ins_total").is_empty(), "a refresh is no sign-in");

    const ENDED: &str = "auth_sign_ins_ended_total";
    client.post("/logout").await;
    assert_eq!(counters.take(ENDED), ["signed out 1"]);
    client.post("/logout").await;
    assert!(counters.take(ENDED).is_empty(), "it had ended");

    for _ in 0..3 {
        world.sign_in("alice").await;
    }
    let (client, _) = world.sign_in("alice").await;
    client.post("/logout-others").await;
    assert_eq!(counters.take(ENDED), ["revoked 3"]);

    let full = world.with_limit(1, auth_store::OverflowPolicy::EvictOldest).await;
    let (_, last) = full.sign_in("alice").await;
    assert_eq!(counters.take(ENDED), ["evicted 1"]);
    world.advance(60 * MINUTE);
    assert_eq!(world.status_of(&last).await, 401);
    world.store.records().await; // it is deleted in the background
    assert_eq!(counters.take(ENDED), ["expired 1"]);
}

/// As many sign-ins end as have started.
async fn acting_for_another_is_counted(world: World) {
    let counters = Counters::start();
    let (started, ended) = ("auth_sign_ins_total", "auth_sign_ins_ended_total");
    let (client, own) = world.sign_in("root").await;
    let [of_own] = &counters.take(started)[..] else { panic!("one has started") };
    let act = async || {
        let reply = client.post("/act-as").json(&Login::from("alice")).await;
        assert!(reply.status.is_success(), "{reply:?}");
        assert_eq!(counters.take(started), std::slice::from_ref(of_own), "of the same kind");
    };
    act().await;
    client.post("/stop-acting").await;
    assert_eq!(counters.take(started).len(), 0, "it has continued");
    assert_eq!(counters.take(ended), ["stopped acting 1"]);
    act().await;
    client.post("/logout").await;
    assert_eq!(counters.take(ended), ["signed out 2"]);

    client.signed_in("root").await;
    counters.take(started);
    act().await;
    client.signed_in("bob").await;
    assert_eq!(counters.take(ended), ["replaced 2"]);
    assert_eq!(world.status_of(&own).await, 401);

    client.signed_in("root").await;
    counters.take(started);
    counters.take(ended);
    act().await;
    world.store.revoke_subject("root").await.unwrap();
    assert_eq!(client.get("/me").await.status, 401);
    world.store.records().await; // it is deleted in the background
    assert_eq!(counters.take(ended), ["actor 1"]);
}

/// What the subscriber has written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().extend(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn a_span_gets_the_user_only_if_the_layer_is_told_to(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let handle = async |layer: AuthLayer<_>, credential: Option<&Credential>| {
        let span = tracing::info_span!("request", enduser.id = Empty, error.type = Empty);
        let handler = async |head: http::request::Parts| {
            let context = AuthContext::of(&head.extensions, "the test").unwrap();
            let refused = Require::role("admin").check(context).unwrap_err();
            let response = context.refuse(&head.headers, refused);
            tracing::info!("the handler has run");
            response
        };
        world.handle_behind(layer, credential, handler).instrument(span).await;
        let text = String::from_utf8(std::mem::take(&mut *written.0.lock())).unwrap();
        let line = text.lines().find(|line| line.contains("the handler has run"));
        line.unwrap().to_owned()
    };
    let layer = || any_of([world.auth()]).optional();
    let line = handle(layer(), Some(&credential)).await;
    assert!(line.contains(r#"request{error.type="forbidden"}"#), "{line}");
    let line = handle(layer().record_user_id(), Some(&credential)).await;
    assert!(line.contains(r#"enduser.id="alice""#), "{line}");
    let line = handle(layer().record_user_id(), None).await;
    assert!(line.contains(r#"request{error.type="no credential"}"#), "{line}");
}

/// The error of an operation, as the response of a handler.
#[tokio::test]
async fn the_error_of_an_operation_is_counted() {
    use axum::response::IntoResponse;
    let counters = Counters::start();
    let error = AuthError::new(auth_core::AuthErrorKind::WrongCredentials, "wrong password");
    drop(error.into_response());
    assert_eq!(counters.take(REFUSED), ["wrong credentials| 1"]);
    drop(auth_core::TokenError::new("invalid_grant").into_response());
    assert_eq!(counters.take(REFUSED), ["invalid_grant| 1"]);
}
