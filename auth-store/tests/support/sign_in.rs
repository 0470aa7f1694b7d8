//! Sign-ins to store.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, SignInId, Timestamp};
use auth_store::{
    Deadlines, Lifetime, Record, Rotation, Secret, SecretDigests, SecretKind, SessionData, Store,
    encode,
};

pub(crate) const KIND: SecretKind = SecretKind::Cookie;

pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

/// Returns a sign-in that is not stored yet, and its secret. It is anonymous without a subject.
pub(crate) fn draft(store: &dyn Store, subject: Option<&str>) -> (Secret, Record) {
    let id = store.new_id(subject).expect("randomness");
    let secret = Secret::generate(id).expect("randomness");
    let day = Duration::from_secs(86_400);
    let deadlines =
        Deadlines::starting(Lifetime::new(Some(day), 30 * day).expect("long enough"), now());
    let digests = secret.digests(KIND);
    let mut record = Record::new(id, KIND, digests, subject.map(Arc::from), deadlines, now());
    if subject.is_some() {
        let claims = "the claims of one user";
        record.set_principal(encode(&["reader".into()], &claims).expect("it is text"));
    }
    (secret, record)
}

/// Stores a sign-in of this subject, and returns its id.
pub(crate) async fn sign_in(store: &dyn Store, subject: &str) -> SignInId {
    secret_of_sign_in(store, subject).await.id()
}

/// Stores a sign-in of this subject, and returns its secret.
pub(crate) async fn secret_of_sign_in(store: &dyn Store, subject: &str) -> Secret {
    let (secret, record) = draft(store, Some(subject));
    store.create(record, None).await.expect("the server runs");
    secret
}

/// Returns session data with this value under its only key.
pub(crate) fn data(json: &str) -> SessionData {
    SessionData::from_iter([("cart", json)])
}

/// Returns the rotation of a refresh, which keeps everything but the secret.
pub(crate) fn rotation(digests: SecretDigests) -> Rotation {
    Rotation { kind: KIND, digests, grace: None, reauthentication: None }
}
