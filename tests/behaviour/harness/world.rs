//! A node of the application: a server, its store and its clock.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthLayer, ManualClock, Transport};
use auth_store::{IntoStore, Lifetime, OverflowPolicy, SignInEvent, SignInLimit, Store};
use parking_lot::Mutex;
use tokio::net::TcpListener;

use super::backend::{Auth, Policy, Setup, TestBackend};
use super::client::Client;
use super::credential::Credential;
use super::faults::Op;
use super::faulty_store::FaultyStore;
use super::gate::Gate;
use super::{fresh_store, start_time};
use crate::app::{self, Login};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The framework of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Hyper,
}

/// One node of the application, with everything that a test controls.
pub(crate) struct World {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) clock: ManualClock,
    pub(crate) gate: Arc<Gate>,
    pub(crate) setup: Setup,
    backend: TestBackend,
    framework: Framework,
    server: SocketAddr,
}

impl World {
    /// Starts a node with an empty store. Requests without a credential reach the handlers.
    pub(crate) async fn start(backend: TestBackend, framework: Framework) -> Self {
        Self::on(backend, framework, fresh_store().await).await
    }

    /// Starts a node over another store.
    pub(crate) async fn on_store(&self, store: impl IntoStore) -> Self {
        Self::on(self.backend, self.framework, store.into_store()).await
    }

    async fn on(backend: TestBackend, framework: Framework, store: Arc<dyn Store>) -> Self {
        let store = Arc::new(FaultyStore::new(store));
        let clock = ManualClock::new(start_time());
        let setup = Setup::over(Arc::clone(&store) as Arc<dyn Store>, clock.clock());
        Self::serve(backend, framework, store, clock, setup).await
    }

    /// Starts another node over the same store and clock, with a changed setup.
    pub(crate) async fn with(&self, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = self.setup.clone();
        change(&mut setup);
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        Self::serve(self.backend, self.framework, store, clock, setup).await
    }

    /// Starts another node over the same store and clock, whose sign-ins have this absolute timeout and
    /// no idle timeout.
    pub(crate) async fn with_absolute_timeout(&self, timeout: Duration) -> Self {
        self.with(|setup| setup.lifetime = Lifetime::new(None, timeout).unwrap()).await
    }

    /// Starts another node over the same store and clock, whose access tokens live for five minutes, as
    /// they do by default.
    pub(crate) async fn with_short_tokens(&self) -> Self {
        self.with(|setup| setup.access_lifetime = Some(Duration::from_secs(300))).await
    }

    /// Starts another node over the same store and clock, with another backend.
    pub(crate) async fn with_backend(&self, backend: TestBackend) -> Self {
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        Self::serve(backend, self.framework, store, clock, self.setup.clone()).await
    }

    /// Starts another node over the same store and clock, with a limit of sign-ins per user.
    pub(crate) async fn with_limit(&self, max: u32, when_full: OverflowPolicy) -> Self {
        let max = NonZeroU32::new(max).unwrap();
        self.with(|setup| setup.limit = Some(SignInLimit { max, when_full })).await
    }

    /// Starts another node over the same store and clock, which keeps what happens to sign-ins.
    pub(crate) async fn with_events(&self) -> (Self, Arc<Mutex<Vec<SignInEvent>>>) {
        let events: Arc<Mutex<Vec<SignInEvent>>> = Arc::default();
        let kept = Some(Arc::clone(&events));
        (self.with(|setup| setup.events = kept).await, events)
    }

    async fn serve(
        backend: TestBackend,
        framework: Framework,
        store: Arc<FaultyStore>,
        clock: ManualClock,
        setup: Setup,
    ) -> Self {
        let auth: Auth = (backend.build)(&setup);
        let layer = match setup.policy {
            Policy::Required => AuthLayer::new(auth),
            Policy::Optional => AuthLayer::new(auth).optional(),
        };
        let layer = layer.cross_origin(setup.cross_origin.clone());
        let layer = match setup.ignored_scheme {
            Some(scheme) => layer.ignored_scheme(scheme),
            None => layer,
        };
        let gate = Arc::new(Gate::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        match framework {
            Framework::Axum => tokio::spawn(app::serve_axum(listener, layer, Arc::clone(&gate))),
            Framework::Hyper => tokio::spawn(app::serve_hyper(listener, layer, Arc::clone(&gate))),
        };
        Self { store, clock, gate, setup, backend, framework, server }
    }

    /// Returns the port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns a client of the server at this port, such as a proxy in front of this one.
    pub(crate) fn client_of(&self, port: u16) -> Client {
        Client::new(SocketAddr::new(self.server.ip(), port), self.backend.transport)
    }

    /// Returns a client without a credential.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server, self.backend.transport)
    }

    /// Signs a new client in. Returns the client and its credential.
    pub(crate) async fn sign_in(&self, login: impl Into<Login>) -> (Client, Credential) {
        let client = self.client();
        let credential = client.signed_in(login).await;
        (client, credential)
    }

    /// Returns a client that has only this credential.
    pub(crate) fn client_with(&self, credential: &Credential) -> Client {
        self.client().with_credential(credential)
    }

    /// Returns the transport by which clients sign in.
    pub(crate) fn transport(&self) -> Transport {
        self.backend.transport
    }

    /// Returns whether the backend reads a cookie.
    pub(crate) fn reads_cookies(&self) -> bool {
        self.vary().contains("cookie")
    }

    /// Returns whether the backend reads a token.
    pub(crate) fn reads_tokens(&self) -> bool {
        self.vary().contains("authorization")
    }

    /// Builds the backend.
    pub(crate) fn auth(&self) -> Auth {
        (self.backend.build)(&self.setup)
    }

    fn vary(&self) -> String {
        self.auth().vary().to_str().unwrap().to_owned()
    }

    /// Returns the status of `/me` for this credential.
    pub(crate) async fn status_of(&self, credential: &Credential) -> u16 {
        self.client_with(credential).get("/me").await.status.as_u16()
    }

    /// Returns the status of `/me` for each of these credentials.
    pub(crate) async fn statuses<const N: usize>(&self, credentials: [&Credential; N]) -> [u16; N] {
        let mut statuses = [0; N];
        for (status, credential) in statuses.iter_mut().zip(credentials) {
            *status = self.status_of(credential).await;
        }
        statuses
    }

    /// Returns whether the backend authenticates from copies. The third-party backend loads on each request.
    pub(crate) fn uses_copies(&self) -> bool {
        self.store.calls(Op::Peek) > 0
    }

    /// Advances the clock.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Returns the number of records in the store.
    pub(crate) async fn sign_in_count(&self) -> usize {
        self.store.records().await.len()
    }
}
