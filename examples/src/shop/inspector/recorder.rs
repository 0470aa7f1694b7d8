//! What is recorded while the shop answers one request.
//!
//! The record belongs to the task that answers the request. Work that the library finishes in the
//! background, such as the last-seen time of a sign-in, is not part of it.

use std::sync::Arc;

use axum::response::Response;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task_local;

task_local! {
    static RECORDER: Arc<Recorder>;
}

/// The record of one request.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Whether the store does not answer this request.
    store_is_paused: bool,
    records: Mutex<Records>,
}

/// What was recorded so far, as the report contains it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Records {
    /// What the authentication layer decided. `None` if it refused the request itself.
    pub(super) decision: Option<Decision>,
    /// Why a credential was rejected, or a refresh refused.
    pub(super) reason: Option<String>,
    pub(super) events: Vec<LogEvent>,
    /// Whether the store knew a sign-in without waiting, for each time that it was asked.
    pub(super) peeks: Vec<Peeked>,
    pub(super) calls: Vec<Call>,
}

/// Who sent the request.
#[derive(Debug, Serialize)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) subject: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) scheme: Option<&'static str>,
    pub(super) sign_in: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    User,
    Visitor,
    /// No credential, or a rejected cookie.
    Unidentified,
    /// A rejected token.
    Rejected,
}

/// An event that the library has logged.
#[derive(Debug, Serialize)]
pub(super) struct LogEvent {
    pub(super) level: &'static str,
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Peeked {
    Hit,
    Miss,
}

/// A call of the store.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    pub(super) op: &'static str,
    pub(super) micros: u64,
    /// The kind of the error, if the call failed.
    pub(super) error: Option<String>,
}

/// Runs `answer` with a new record, and returns the response with what was recorded.
pub(super) async fn recorded(
    store_is_paused: bool,
    answer: impl Future<Output = Response>,
) -> (Response, Records) {
    let recorder = Arc::new(Recorder { store_is_paused, ..Recorder::default() });
    let response = RECORDER.scope(Arc::clone(&recorder), answer).await;
    let records = std::mem::take(&mut *recorder.records.lock());
    (response, records)
}

/// Changes the record of the current request, if it has one.
pub(super) fn record(change: impl FnOnce(&mut Records)) {
    let _ = RECORDER.try_with(|recorder| change(&mut recorder.records.lock()));
}

/// Returns whether the current request wants the store not to answer.
pub(super) fn store_is_paused() -> bool {
    RECORDER.try_with(|recorder| recorder.store_is_paused).unwrap_or(false)
}
