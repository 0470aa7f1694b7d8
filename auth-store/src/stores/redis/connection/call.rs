//! Taking a step: once, wherever it belongs.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, sleep_until};

use super::failure::Failure;
use super::node::Asking;
use super::request::{Repeats, Request};
use super::router::Router;
use crate::stores::redis::url::Endpoint;

/// How often a step is sent before its failure is believed.
const TRIES: u32 = 6;
/// The pause before a server that is busy with itself is asked again, times the tries so far.
const PAUSE: Duration = Duration::from_millis(20);

/// What can be done about a failure without taking the step twice.
enum Remedy {
    None,
    Again,
    /// The keys are somewhere else now.
    Refresh,
    /// The keys are there, or just moving there.
    Follow(Endpoint, Asking),
    Pause,
}

impl Router {
    /// Takes the step before this moment, or says why not. It is sent again only if it did not
    /// happen, or if twice is the same as once.
    pub(in crate::stores::redis) async fn call(
        &self,
        request: &Request,
        by: Instant,
    ) -> Result<Value, Failure> {
        let (mut redirected, mut tries) = (None, 0);
        loop {
            tries += 1;
            let (node, asking) = match redirected.take() {
                Some(redirected) => redirected,
                None => (self.node(request.slot(), by).await?, Asking::No),
            };
            let failure = match node.run(request, asking, by).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if tries == TRIES || Instant::now() >= by {
                return Err(failure);
            }
            match remedy(&failure, request.repeats, self.is_cluster()) {
                Remedy::Again => {}
                Remedy::Follow(endpoint, asking) => {
                    if asking == Asking::No {
                        self.refresh(&node, by).await;
                    }
                    redirected = self.at(&endpoint).map(|node| (node, asking));
                }
                Remedy::Refresh if self.refresh(&node, by).await => {}
                Remedy::None | Remedy::Refresh => return Err(failure),
                Remedy::Pause => {
                    sleep_until((Instant::now() + PAUSE * tries).min(by)).await;
                    if self.is_cluster() {
                        self.refresh(&node, by).await;
                    }
                }
            }
        }
    }
}

fn remedy(failure: &Failure, repeats: Repeats, cluster: bool) -> Remedy {
    match failure {
        Failure::Refused(error) => remedy_of_refusal(error),
        Failure::Lost(_) if repeats == Repeats::Freely && cluster => Remedy::Refresh,
        Failure::Lost(_) if repeats == Repeats::Freely => Remedy::Again,
        Failure::Unreachable(_) if cluster => Remedy::Refresh,
        _ => Remedy::None,
    }
}

/// All of these say that the step was not taken.
fn remedy_of_refusal(error: &RedisError) -> Remedy {
    let ErrorKind::Server(kind) = error.kind() else { return Remedy::None };
    match kind {
        ServerErrorKind::Moved => follow(error, Asking::No),
        ServerErrorKind::Ask => follow(error, Asking::Yes),
        ServerErrorKind::ReadOnly => Remedy::Refresh,
        ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::BusyLoading => Remedy::Pause,
        _ => Remedy::None,
    }
}

fn follow(error: &RedisError, asking: Asking) -> Remedy {
    let there = error.redirect_node().and_then(|(at, _)| {
        let (host, port) = at.rsplit_once(':').filter(|(host, _)| !host.is_empty())?;
        Some(Endpoint { host: host.to_owned(), port: port.parse().ok()? })
    });
    there.map_or(Remedy::Refresh, |there| Remedy::Follow(there, asking))
}
