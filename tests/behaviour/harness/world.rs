//! A server, its store and its clock.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthLayer, ManualClock, Persistence, Transport};
use auth_store::{IntoStore, Lifetime, OverflowPolicy, SignInLimit, Store};
use tokio::net::TcpListener;

use super::backend::{Auth, Backend, Policy, Setup};
use super::client::Client;
use super::credential::Credential;
use super::faults::Op;
use super::gate::Gate;
use super::kept_in::{beginning, fresh_store};
use super::store::WatchedStore;
use crate::app;

/// What the application is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Hyper,
}

/// One node of the application, with all that a test can turn.
pub(crate) struct World {
    pub(crate) store: Arc<WatchedStore>,
    pub(crate) clock: ManualClock,
    pub(crate) gate: Arc<Gate>,
    pub(crate) setup: Setup,
    backend: Backend,
    framework: Framework,
    server: SocketAddr,
}

impl World {
    /// A node with an empty store. Whoever has no credential passes to the handlers.
    pub(crate) async fn start(backend: Backend, framework: Framework) -> Self {
        Self::on(backend, framework, fresh_store().await).await
    }

    /// A node over another store.
    pub(crate) async fn on_store(&self, store: impl IntoStore) -> Self {
        Self::on(self.backend, self.framework, store.into_store()).await
    }

    async fn on(backend: Backend, framework: Framework, store: Arc<dyn Store>) -> Self {
        let store = Arc::new(WatchedStore::new(store));
        let clock = ManualClock::new(beginning());
        let setup = Setup {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: clock.clock(),
            policy: Policy::Optional,
            lifetime: Lifetime::default(),
            access_lifetime: None,
            limit: None,
            persistence: Persistence::Session,
            clear_site_data: None,
            trusted_origin: None,
        };
        Self::serve(backend, framework, store, clock, setup).await
    }

    /// Another node over the same store and clock, set up in another way.
    pub(crate) async fn with(&self, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = self.setup.clone();
        change(&mut setup);
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        Self::serve(self.backend, self.framework, store, clock, setup).await
    }

    /// Another node over the same store and clock, with another backend.
    pub(crate) async fn with_backend(&self, backend: Backend) -> Self {
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        Self::serve(backend, self.framework, store, clock, self.setup.clone()).await
    }

    /// Another node over the same store and clock, where a user may have so many sign-ins.
    pub(crate) async fn with_limit(&self, max: u32, when_full: OverflowPolicy) -> Self {
        let max = NonZeroU32::new(max).unwrap();
        self.with(|setup| setup.limit = Some(SignInLimit { max, when_full })).await
    }

    async fn serve(
        backend: Backend,
        framework: Framework,
        store: Arc<WatchedStore>,
        clock: ManualClock,
        setup: Setup,
    ) -> Self {
        let auth: Auth = (backend.build)(&setup);
        let layer = match setup.policy {
            Policy::Required => AuthLayer::new(auth),
            Policy::Optional => AuthLayer::new(auth).optional(),
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

    /// A client that holds nothing.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server, self.backend.transport)
    }

    /// Somebody who holds this credential and nothing else.
    pub(crate) fn holder(&self, credential: &Credential) -> Client {
        self.client().holding(credential)
    }

    /// How clients sign in here.
    pub(crate) fn transport(&self) -> Transport {
        self.backend.transport
    }

    /// Whether the backend looks for a cookie.
    pub(crate) fn reads_cookies(&self) -> bool {
        self.vary().contains("cookie")
    }

    /// Whether the backend looks for a token.
    pub(crate) fn reads_tokens(&self) -> bool {
        self.vary().contains("authorization")
    }

    /// The backend itself.
    pub(crate) fn auth(&self) -> Auth {
        (self.backend.build)(&self.setup)
    }

    fn vary(&self) -> String {
        self.auth().vary().to_str().unwrap().to_owned()
    }

    /// What `/me` answers to whoever holds this credential.
    pub(crate) async fn status_of(&self, credential: &Credential) -> u16 {
        self.holder(credential).get("/me").await.status.as_u16()
    }

    /// Whether the backend takes a copy's word for it. The one that is not ours asks at each request.
    pub(crate) fn answers_from_copies(&self) -> bool {
        self.store.calls(Op::Peek) > 0
    }

    /// Turns the clock.
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// How many sign-ins are in the store.
    pub(crate) async fn kept(&self) -> usize {
        self.store.records().await.len()
    }
}
