//! Who sent a request, by a session.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthFuture, Authenticator, Challenge, ChallengeReason, Clock, CrossOriginProtection,
    Outcome, Rejection, RejectionReason, RequestHead, SignInBackend, Timestamp, Transport,
};
use auth_store::{Digest, Expiry, Peek, Record, Secret, SecretKind, SecretMatch};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Bearer, Config};
use crate::session_auth::SessionAuth;
use crate::transport;

impl<C> Authenticator for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let (kind, secret) = transport::find(&self.config, head)?;
        let outcome = match secret {
            Ok(secret) => ask(&self.config, secret, kind),
            Err(reason) => AuthFuture::ready(rejected(kind, reason)),
        };
        let transport =
            if kind == SecretKind::Cookie { Transport::Ambient } else { Transport::Explicit };
        Some(Attempt::new(transport, outcome))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if self.config.bearer == Bearer::On {
            Challenge::bearer(reason).append_to(headers);
        }
        if !matches!(reason, ChallengeReason::InsufficientScope(_)) {
            Challenge::new("Session").step_up(reason).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.config.bearer {
            Bearer::Off => "cookie",
            Bearer::On => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        Some(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.config.cross_site
    }

    fn clock(&self) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

/// Asks the store, and waits for it only if it does not know at once.
fn ask<C>(config: &Arc<Config>, secret: Secret, kind: SecretKind) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let (sid, now) = (secret.sid(), config.now());
    let presented = Presented { digest: secret.digest(kind), secret, kind };
    let mut at_once = None;
    config.sign_ins.store().peek(&sid, &mut |peek| {
        at_once = match peek {
            Peek::Authoritative(record) => Some(judge(config, record, &presented, now)),
            // A copy may be a moment old: what it cannot confirm, only the store can deny.
            Peek::Cached(record) => {
                Some(judge(config, Some(record), &presented, now)).filter(Judged::is_good)
            }
            Peek::Miss => None,
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
    kind: SecretKind,
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
    AuthFuture::boxed(async move {
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
    kind: SecretKind,
    digest: Digest,
}

/// What a record says of a secret. What it entails is done when the store is asked no more.
enum Judged<C> {
    Good { outcome: Outcome<C>, touch: bool },
    Expired(Arc<Record>, Expiry),
    Bad(RejectionReason),
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
                config.sign_ins.expire(&record, expiry);
                rejected(kind, RejectionReason::Expired)
            }
            Self::Bad(_) if config.sign_ins.recently_rotated(&sid) => {
                rejected(kind, RejectionReason::Rotated)
            }
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
    let Some(record) = record else { return Judged::Bad(RejectionReason::Unknown) };
    if record.current != *digest {
        return Judged::Bad(match record.match_secret(secret, *kind, now) {
            SecretMatch::Rotated(_) => RejectionReason::Rotated,
            SecretMatch::Current | SecretMatch::Reused => RejectionReason::Reused,
            SecretMatch::Unknown => RejectionReason::Unknown,
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
fn unreadable<C>(record: &Record, kind: SecretKind, line: usize, column: usize) -> Outcome<C> {
    let sign_in = record.sid;
    tracing::error!(%sign_in, line, column, "the stored claims are not the layer's");
    rejected(kind, RejectionReason::Other("stored claims"))
}

pub(crate) fn rejected<C>(kind: SecretKind, reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}
