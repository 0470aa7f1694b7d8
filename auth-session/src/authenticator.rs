//! Who sent a request, by a session.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, Backend, Carrier, Challenge, Clock, CrossSite, Demand,
    Head, Outcome, Reason, Rejection, SignIns, Timestamp,
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
    let presented = Presented { digest: secret.digest(kind), secret, kind };
    let mut at_once = None;
    config.sign_ins.store().peek(&sid, &mut |peek| {
        at_once = match peek {
            Peek::Known(record) => Some(judge(config, record, &presented, now)),
            // A copy may be a moment old: what it cannot confirm, only the store can deny.
            Peek::Copy(record) => {
                Some(judge(config, Some(record), &presented, now)).filter(Judged::is_good)
            }
            Peek::Ask => None,
        };
    });
    if let Some(judged) = at_once {
        return AuthFuture::ready(judged.conclude(config, &presented, now));
    }
    load(config, presented, now)
}

/// What the store itself says of a secret, past every copy.
pub(crate) fn ask_the_store<C>(
    config: &Arc<Config>,
    secret: Secret,
    kind: Kind,
) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    load(config, Presented { digest: secret.digest(kind), secret, kind }, config.now())
}

fn load<C>(config: &Arc<Config>, presented: Presented, now: Timestamp) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let config = Arc::clone(config);
    AuthFuture::from_async(async move {
        match config.sign_ins.store().load(&presented.secret.sid()).await {
            Ok(record) => {
                let judged = judge(&config, record.as_ref(), &presented, now);
                judged.conclude(&config, &presented, now)
            }
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

/// What a record says of a secret. What it entails is done when the store is asked no more.
enum Judged<C> {
    Good { outcome: Outcome<C>, touch: bool },
    Expired(Arc<Record>, Expiry),
    Bad(Reason),
}

impl<C> Judged<C> {
    fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. })
    }

    fn conclude(self, config: &Config, presented: &Presented, now: Timestamp) -> Outcome<C> {
        let (sid, kind) = (presented.secret.sid(), presented.kind);
        match self {
            Self::Good { outcome, touch } => {
                if touch {
                    config.sign_ins.touch(sid, now);
                }
                outcome
            }
            Self::Expired(record, expiry) => {
                config.sign_ins.bury(&record, expiry);
                rejected(kind, Reason::Expired)
            }
            Self::Bad(_) if config.sign_ins.was_replaced(&sid) => rejected(kind, Reason::Rotated),
            Self::Bad(reason) => rejected(kind, reason),
        }
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
    let Some(record) = record else { return Judged::Bad(Reason::Unknown) };
    if record.current != *digest {
        return Judged::Bad(match record.judge(secret, *kind, now) {
            Proof::Rotated(_) => Reason::Rotated,
            Proof::Current | Proof::Reused => Reason::Reused,
            Proof::Foreign => Reason::Unknown,
        });
    }
    if let Some(expiry) = record.expiry(now) {
        return Judged::Expired(Arc::clone(record), expiry);
    }
    let outcome = match record.identity() {
        Ok(Some(identity)) => Outcome::Authenticated(identity),
        Ok(None) => Outcome::Anonymous(record.sid),
        Err(error) => unreadable(record, *kind, error.line(), error.column()),
    };
    Judged::Good { outcome, touch: config.sign_ins.touch_is_due(record, now) }
}

/// The application's claims have changed since: the user has to sign in again. It is said where, and
/// not what: the text of the error repeats the claim.
#[cold]
fn unreadable<C>(record: &Record, kind: Kind, line: usize, column: usize) -> Outcome<C> {
    let sign_in = record.sid;
    tracing::error!(%sign_in, line, column, "the stored claims are not the layer's");
    rejected(kind, Reason::Other("stored claims"))
}

pub(crate) fn rejected<C>(kind: Kind, reason: Reason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}
