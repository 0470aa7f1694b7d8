//! Who sent a request, by a session.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, Backend, Carrier, Challenge, Clock, CrossSite, Demand,
    Head, Outcome, Reason, Rejection, SignIns, Timestamp,
};
use auth_store::{Expiry, Kind, Peek, Proof, Record, Secret};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::carrier;
use crate::config::{Bearer, Config};
use crate::session_auth::SessionAuth;

impl<C> Authenticator for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Claims = C;

    fn authenticate(&self, head: &Head<'_>) -> Option<Attempt<C>> {
        let (kind, secret) = carrier::find(&self.config, head)?;
        let outcome = match secret {
            Ok(secret) => ask(&self.config, secret, kind),
            Err(reason) => AuthFuture::ready(rejected(kind, reason)),
        };
        let carrier = if kind == Kind::Cookie { Carrier::Ambient } else { Carrier::Explicit };
        Some(Attempt::new(carrier, outcome))
    }

    fn challenge(&self, demand: &Demand<'_>, headers: &mut HeaderMap) {
        if self.config.bearer == Bearer::On {
            Challenge::bearer(demand).append_to(headers);
        }
        if !matches!(demand, Demand::Scope(_)) {
            Challenge::new("Session").step_up(demand).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.config.bearer {
            Bearer::Off => "cookie",
            Bearer::On => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignIns<C>> {
        Some(self)
    }

    fn cross_site(&self, _: Backend) -> &CrossSite {
        &self.config.cross_site
    }

    fn clock(&self) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

/// Asks the store, and waits for it only if it does not know at once.
fn ask<C>(config: &Arc<Config>, secret: Secret, kind: Kind) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let now = config.now();
    let at_once = match config.sign_ins.store().peek(&secret.sid()) {
        Peek::Known(record) => Some(record),
        // A copy does not hear of every use: whether its sign-in is idle, only the store knows.
        Peek::Copy(record) => (record.expiry(now) != Some(Expiry::Idle)).then_some(Some(record)),
        Peek::Ask => None,
    };
    if let Some(record) = at_once {
        return AuthFuture::ready(outcome(config, record.as_deref(), &secret, kind, now));
    }
    let config = Arc::clone(config);
    AuthFuture::from_async(async move {
        match config.sign_ins.store().load(&secret.sid()).await {
            Ok(record) => outcome(&config, record.as_deref(), &secret, kind, now),
            Err(error) => Outcome::Unavailable(error.into()),
        }
    })
}

fn outcome<C>(
    config: &Config,
    record: Option<&Record>,
    secret: &Secret,
    kind: Kind,
    now: Timestamp,
) -> Outcome<C>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let Some(record) = record else { return rejected(kind, Reason::Unknown) };
    match record.judge(secret, kind, now) {
        Proof::Current => {}
        Proof::Rotated(_) | Proof::Reused => return rejected(kind, Reason::Rotated),
        Proof::Foreign => return rejected(kind, Reason::Unknown),
    }
    if let Some(expiry) = record.expiry(now) {
        config.sign_ins.bury(record, expiry);
        return rejected(kind, Reason::Expired);
    }
    config.sign_ins.note_use(record, now);
    if record.subject.is_none() {
        return Outcome::Anonymous(record.sid);
    }
    record.identity().map_or_else(|error| unreadable(record, kind, &error), Outcome::Authenticated)
}

/// The application's claims have changed since: the user has to sign in again.
#[cold]
fn unreadable<C>(record: &Record, kind: Kind, error: &(dyn std::error::Error + 'static)) -> Outcome<C> {
    tracing::error!(sign_in = %record.sid, error, "the stored claims are not the layer's");
    rejected(kind, Reason::Other("stored claims"))
}

fn rejected<C>(kind: Kind, reason: Reason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}
