//! What must hold, whatever happens in which order.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Timestamp;
use auth_store::{Digest, Record, Secret, SecretKind, SecretMatch};

use crate::node::{Ask, MAX_STALENESS};

/// The longest time for which a refresh may be repeated.
const LONGEST_GRACE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    RevokedIsNotServed,
    ExpiredIsNotServed,
    EndedStaysEnded,
    UsedIsNotIdle,
    ChangesAreKept,
    OneSuccessor,
    IssuedSecretsBelong,
    NoLockout,
    ReuseEnds,
    GraceEnds,
    LostIsRepeated,
    SignOutEnds,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    node: usize,
    ask: Ask,
    /// The secret of the client at that time.
    pub(crate) secret: Digest,
    at: Timestamp,
    /// Whether this node, or any, had acknowledged the end of the sign-in.
    ended_here: bool,
    ended_anywhere: bool,
}

/// Watches the store and the answers.
pub(crate) struct Judge {
    pub(crate) broken: Vec<Rule>,
    stored: Option<Arc<Record>>,
    /// The latest record that was stored.
    last: Arc<Record>,
    is_gone: bool,
    /// When the end of the sign-in was acknowledged, and by which node.
    ended: Option<(Timestamp, usize)>,
    saved: Vec<&'static str>,
    /// Each secret that was refreshed successfully, and the secret that the client got for it.
    successors: Vec<(Digest, Digest)>,
    /// Each secret that was replaced, and when.
    replaced: Vec<(Digest, Timestamp)>,
    /// Each secret that a request has carried.
    used: Vec<Digest>,
    signs_out: bool,
}

impl Judge {
    pub(crate) fn new(record: Arc<Record>) -> Self {
        Self {
            broken: Vec::new(),
            stored: Some(Arc::clone(&record)),
            last: record,
            is_gone: false,
            ended: None,
            saved: Vec::new(),
            successors: Vec::new(),
            replaced: Vec::new(),
            used: Vec::new(),
            signs_out: false,
        }
    }

    fn require(&mut self, rule: Rule, holds: bool) {
        if !holds && !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }

    /// Judges what is stored after a step.
    pub(crate) fn stored(&mut self, stored: Option<Arc<Record>>, now: Timestamp) {
        match (&self.stored, &stored) {
            (None, Some(_)) => self.require(Rule::EndedStaysEnded, !self.is_gone),
            (Some(before), None) => {
                let is_meant = self.signs_out || before.expiry(now).is_some();
                self.require(Rule::UsedIsNotIdle, is_meant || !self.replaced.is_empty());
                self.is_gone = true;
            }
            (Some(before), Some(record)) if before.current != record.current => {
                self.replaced.push((before.current, now));
            }
            _ => {}
        }
        if let Some(record) = &stored {
            let is_kept = self.saved.iter().all(|key| record.data.get(key).is_some());
            self.require(Rule::ChangesAreKept, is_kept);
            self.last = Arc::clone(record);
        }
        self.stored = stored;
    }

    pub(crate) fn sent(&mut self, node: usize, ask: Ask, secret: Digest, at: Timestamp) -> Sent {
        self.signs_out |= matches!(ask, Ask::SignOut | Ask::SignOutEverywhere);
        self.used.push(secret);
        let ended_here = self.ended.is_some_and(|(_, by)| by == node);
        Sent { node, ask, secret, at, ended_here, ended_anywhere: self.ended.is_some() }
    }

    /// Judges an answer: its status, and the new secret in it.
    pub(crate) fn answered(
        &mut self,
        sent: &Sent,
        status: u16,
        new: Option<(Secret, SecretKind)>,
        now: Timestamp,
    ) {
        let is_served = status < 300;
        let is_sign_out = matches!(sent.ask, Ask::SignOut | Ask::SignOutEverywhere);
        let is_ended = self.is_gone && self.stored.is_none();
        if is_sign_out && is_served {
            let proves = self.stored.as_ref().is_some_and(|record| record.current == sent.secret);
            self.require(Rule::SignOutEnds, !proves);
            if is_ended && self.ended.is_none() {
                self.ended = Some((now, sent.node));
            }
            return;
        }
        if is_served {
            // A change is made by the store, which knows of the end at once.
            let reads_store = sent.ask != Ask::Me && sent.ended_anywhere;
            let bound =
                self.ended.filter(|_| sent.ended_anywhere).map(|(at, _)| at + MAX_STALENESS);
            let is_late = bound.is_some_and(|bound| sent.at >= bound);
            self.require(Rule::RevokedIsNotServed, !(reads_store || sent.ended_here || is_late));
            self.require(Rule::ExpiredIsNotServed, sent.at < self.last.deadlines.ends_at);
        }
        match (sent.ask, new) {
            (Ask::Save(key), _) if is_served => self.saved.push(key),
            (Ask::Refresh, Some((secret, kind))) if is_served => {
                self.refreshed(sent, &secret, kind, now);
            }
            (Ask::Refresh, None) if status == 401 => self.refresh_refused(sent, now),
            _ => {}
        }
    }

    fn refreshed(&mut self, sent: &Sent, new: &Secret, kind: SecretKind, now: Timestamp) {
        let digest = new.digest(kind);
        let same = |(from, to): &(Digest, Digest)| *from != sent.secret || *to == digest;
        let one = self.successors.iter().all(same);
        self.require(Rule::OneSuccessor, one);
        self.successors.push((sent.secret, digest));
        if let Some(record) = &self.stored {
            let belongs = record.match_secret(new, kind, now) != SecretMatch::Unknown;
            self.require(Rule::IssuedSecretsBelong, belongs);
        }
        let is_late = |(secret, at): &(Digest, Timestamp)| {
            *secret == sent.secret && sent.at >= *at + LONGEST_GRACE
        };
        let is_late = self.replaced.iter().any(is_late);
        self.require(Rule::GraceEnds, !is_late);
    }

    /// The secret was ours. If the sign-in continues, the client of its current secret may be a thief.
    fn refresh_refused(&mut self, sent: &Sent, now: Timestamp) {
        let is_refresh_token = self.last.kind == SecretKind::Refresh;
        let continues = self.stored.as_ref().is_some_and(|record| record.expiry(now).is_none());
        let was_replaced = self.replaced.iter().any(|(secret, _)| *secret == sent.secret);
        self.require(Rule::ReuseEnds, !(is_refresh_token && continues && was_replaced));
    }

    /// Judges what is left once every request has been answered. If an answer of the store was lost, a
    /// secret may have become valid that the client did not get.
    ///
    /// The response with the latest secret may have been lost. As long as that was not used, whatever else the
    /// client did, it can be had again for the one that it replaced, here the first.
    pub(crate) fn all_answered(
        &mut self,
        has_losses: bool,
        (first, kind): (&Secret, SecretKind),
        now: Timestamp,
    ) {
        let Some(record) = self.stored.clone() else { return };
        let is_known = self.replaced.is_empty()
            || self.successors.iter().any(|(_, secret)| *secret == record.current);
        self.require(Rule::NoLockout, is_known || has_losses);
        let grace = record.details.as_deref().and_then(|details| details.grace);
        let is_recent = grace.is_some_and(|grace| {
            grace.previous == first.digest(kind) && now < grace.repeatable_until()
        });
        let may_be_lost = is_recent && !self.used.contains(&record.current);
        let is_repeatable =
            matches!(record.match_secret(first, kind, now), SecretMatch::Rotated(_));
        self.require(Rule::LostIsRepeated, is_repeatable || !may_be_lost);
    }

    /// Describes what decides how later answers are judged, in the order of events.
    pub(crate) fn facts(&self) -> String {
        let mut facts = String::new();
        let Self { ended, saved, signs_out, is_gone, replaced, .. } = self;
        let times = replaced.iter().map(|(_, at)| at).collect::<Vec<_>>();
        let _ = write!(facts, "{ended:?} {saved:?} {signs_out} {is_gone} {times:?}");
        facts
    }
}
