//! Who sent a request, by a session.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, Backend, Carrier, Challenge, Clock, CrossSite, Demand,
    Head, Outcome, Reason, Rejection, SignInId, SignIns, Timestamp,
};
use auth_store::{Digest, Expiry, Kind, Peek, Proof, Record, Secret};
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

    fn clock(&self, _: Backend) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

/// Asks the store, and waits for it only if it does not know at once.
fn ask<C>(config: &Arc<Config>, secret: Secret, kind: Kind) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let (sid, now) = (secret.sid(), config.now());
    let secret = Presented { digest: secret.digest(kind), secret, kind };
    let mut at_once = None;
    config.sign_ins.store().peek(&sid, &mut |peek| {
        at_once = match peek {
            Peek::Known(record) => Some(judge(config, record, &secret, now)),
            // A copy does not hear of every use: whether its sign-in is idle, the store knows.
            Peek::Copy(record) if record.expiry(now) == Some(Expiry::Idle) => None,
            Peek::Copy(record) => Some(judge(config, Some(record), &secret, now)),
            Peek::Ask => None,
        };
    });
    if let Some(judged) = at_once {
        return AuthFuture::ready(judged.conclude(config, sid, now));
    }
    let config = Arc::clone(config);
    AuthFuture::from_async(async move {
        match config.sign_ins.store().load(&sid).await {
            Ok(record) => judge(&config, record.as_ref(), &secret, now).conclude(&config, sid, now),
            Err(error) => Outcome::Unavailable(error.into()),
        }
    })
}

/// A secret, and its digest: made before the store is asked, which may hold a lock then.
struct Presented {
    secret: Secret,
    kind: Kind,
    digest: Digest,
}

/// What a record says of a secret, and what is to be written to the store for it.
struct Judged<C> {
    outcome: Outcome<C>,
    write: Write,
}

enum Write {
    Nothing,
    Touch,
    Bury(Expiry, Timestamp),
}

impl<C> Judged<C> {
    fn rejected(kind: Kind, reason: Reason) -> Self {
        Self { outcome: rejected(kind, reason), write: Write::Nothing }
    }

    fn conclude(self, config: &Config, sid: SignInId, now: Timestamp) -> Outcome<C> {
        match self.write {
            Write::Nothing => {}
            Write::Touch => config.sign_ins.touch(sid, now),
            Write::Bury(expiry, last_seen) => config.sign_ins.bury(sid, expiry, last_seen),
        }
        self.outcome
    }
}

fn judge<C>(
    config: &Config,
    record: Option<&Arc<Record>>,
    presented: &Presented,
    now: Timestamp,
) -> Judged<C>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let Presented { secret, kind, digest } = presented;
    let Some(record) = record.filter(|record| record.current == *digest) else {
        let of_another = |record: &Arc<Record>| record.judge(secret, *kind, now) == Proof::Foreign;
        let late = !record.is_none_or(of_another) || config.sign_ins.was_replaced(&secret.sid());
        return Judged::rejected(*kind, if late { Reason::Rotated } else { Reason::Unknown });
    };
    if let Some(expiry) = record.expiry(now) {
        let write = Write::Bury(expiry, record.last_seen());
        return Judged { outcome: rejected(*kind, Reason::Expired), write };
    }
    let outcome = match record.identity() {
        Ok(Some(identity)) => Outcome::Authenticated(identity),
        Ok(None) => Outcome::Anonymous(record.sid),
        Err(error) => unreadable(record, *kind, &error),
    };
    let due = config.sign_ins.touch_is_due(record, now);
    Judged { outcome, write: if due { Write::Touch } else { Write::Nothing } }
}

/// The application's claims have changed since: the user has to sign in again.
#[cold]
fn unreadable<C>(
    record: &Record,
    kind: Kind,
    error: &(dyn std::error::Error + 'static),
) -> Outcome<C> {
    tracing::error!(sign_in = %record.sid, error, "the stored claims are not the layer's");
    rejected(kind, Reason::Other("stored claims"))
}

fn rejected<C>(kind: Kind, reason: Reason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}
