//! Secrets of kind refresh: they never authenticate, may be repeated for a moment, and a thief's
//! use of one ends the sign-in. No backend here carries them yet; the sign-in manager has them.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind, Exchange};
use auth_store::{Issued, Kind, Lifetime, NewSignIn, Secret, SignInManager, Store};
use http::Response;

use crate::harness::{Backend, Capture, Credential, Framework, World};

struct Node {
    world: World,
    manager: SignInManager,
}

impl Node {
    async fn start() -> Self {
        let world = World::start(Backend::both_by_cookie(), Framework::Axum).await;
        let mut manager = SignInManager::new(Arc::clone(&world.store) as Arc<dyn Store>);
        manager.settings.clock = world.clock.clock();
        Self { world, manager }
    }

    async fn sign_in(&self) -> Secret {
        let new = NewSignIn {
            kind: Kind::Refresh,
            subject: "alice".into(),
            principal: auth_store::encode(&[], &crate::app::User::default()).unwrap(),
            details: None,
            persistence: None,
        };
        let handler = async |head: http::request::Parts| {
            let exchange = Exchange::of(&head.extensions, "this test").unwrap();
            answer(self.manager.sign_in(exchange.turn(), &new).await)
        };
        taken(self.world.inside(None, handler).await).unwrap()
    }

    /// The new secret, or why there is none.
    async fn refresh(&self, old: &Secret) -> Result<Secret, AuthErrorKind> {
        let handler = async |head: http::request::Parts| {
            let exchange = Exchange::of(&head.extensions, "this test").unwrap();
            answer(self.manager.refresh(exchange.turn(), old, Kind::Refresh).await)
        };
        taken(self.world.inside(None, handler).await)
    }
}

type Answer = Result<Secret, AuthErrorKind>;

fn answer(issued: Result<Issued, AuthError>) -> Response<String> {
    let mut response = Response::default();
    let answer: Answer = issued.map(|issued| issued.secret).map_err(|error| error.kind());
    response.extensions_mut().insert(answer);
    response
}

fn taken(mut response: Response<String>) -> Answer {
    response.extensions_mut().remove().unwrap()
}

fn text(secret: &Secret) -> String {
    secret.to_text().to_string()
}

#[tokio::test]
async fn sec_64_a_refresh_whose_response_was_lost_can_be_repeated() {
    let node = Node::start().await;
    let old = node.sign_in().await;
    let new = node.refresh(&old).await.unwrap();
    node.world.wait(Duration::from_secs(9));
    assert_eq!(text(&node.refresh(&old).await.unwrap()), text(&new), "the same successor");
    assert!(node.refresh(&new).await.is_ok());
}

#[tokio::test]
async fn sec_62_a_refresh_token_that_comes_again_late_ends_the_sign_in() {
    let node = Node::start().await;
    let old = node.sign_in().await;
    let new = node.refresh(&old).await.unwrap();
    node.world.wait(Duration::from_secs(10));
    let events = Capture::start();
    assert_eq!(node.refresh(&old).await.unwrap_err(), AuthErrorKind::Unauthenticated);
    assert!(events.take().iter().any(|line| line.starts_with("WARN") && line.contains("reused")));
    assert_eq!(node.refresh(&new).await.unwrap_err(), AuthErrorKind::Unauthenticated);
    assert_eq!(node.world.kept().await, 0);
}

/// The grace is over as soon as the successor is itself refreshed: both hands have moved on.
#[tokio::test]
async fn sec_62_a_refresh_token_two_steps_back_ends_the_sign_in() {
    let node = Node::start().await;
    let old = node.sign_in().await;
    let new = node.refresh(&old).await.unwrap();
    let newest = node.refresh(&new).await.unwrap();
    assert!(node.refresh(&old).await.is_err());
    assert!(node.refresh(&newest).await.is_err());
    assert_eq!(node.world.kept().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_63_fifty_refreshes_at_once_have_one_successor() {
    let node = Arc::new(Node::start().await);
    let old = node.sign_in().await;
    let start = Arc::new(tokio::sync::Barrier::new(50));
    let mut refreshes = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (node, old, start) = (Arc::clone(&node), old.clone(), Arc::clone(&start));
        refreshes.spawn(async move {
            start.wait().await;
            node.refresh(&old).await.map(|secret| text(&secret))
        });
    }
    let mut successors = refreshes.join_all().await;
    successors.dedup();
    assert_eq!(successors.len(), 1, "{successors:?}");
    assert!(successors[0].is_ok());
}

#[tokio::test]
async fn sec_65_66_a_refresh_token_ends_unused_and_at_the_absolute_limit() {
    let mut node = Node::start().await;
    let unused = node.sign_in().await;
    node.world.wait(Duration::from_secs(3600));
    assert!(node.refresh(&unused).await.is_err());

    node.manager.settings.lifetime = Lifetime::AAL3;
    let mut used = node.sign_in().await;
    for _ in 0..71 {
        node.world.wait(Duration::from_secs(600));
        used = node.refresh(&used).await.unwrap();
    }
    node.world.wait(Duration::from_secs(600));
    assert!(node.refresh(&used).await.is_err(), "twelve hours in all");
}

#[tokio::test]
async fn sec_68_a_revoked_refresh_token_is_refused() {
    let node = Node::start().await;
    let secret = node.sign_in().await;
    node.world.store.revoke_subject("alice").await.unwrap();
    assert_eq!(node.refresh(&secret).await.unwrap_err(), AuthErrorKind::Unauthenticated);
}

#[tokio::test]
async fn sec_81_a_refresh_token_authenticates_nobody() {
    let node = Node::start().await;
    let secret = text(&node.sign_in().await);
    let everywhere = [
        Credential::Cookie(secret.clone()),
        Credential::Token(secret.clone()),
        Credential::Token(format!("tok_{secret}")),
        Credential::Token(format!("ses_{secret}")),
    ];
    for credential in everywhere {
        assert_eq!(node.world.status_of(&credential).await, 401, "{credential:?}");
        assert_eq!(node.world.holder(&credential).post("/refresh").await.status, 401);
    }
}
