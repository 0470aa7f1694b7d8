//! The steps of the store.
//!
//! Each is one command or one script, so that it is atomic.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::connection::{Request, Script};
use super::inner::RedisInner;
use super::keys::Tag;
use super::scripts::{
    CREATE, DELETE, LIST, REVOKE, REVOKE_ALL, ROTATE, Reply, TOUCH, UPDATE, UPDATE_SUBJECT, listed,
    loaded,
};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{DETAILS, Reauthentication, Record, Rotation, encoding};
use crate::revocations::Revocations;
use crate::secret::{Digest, SecretKind};
use crate::store::{
    CompareAndSwap, Created, Deleted, EachRecord, OverflowPolicy, SignInLimit, Swept,
};

/// The condition under which a sign-in is deleted.
enum DeleteIf {
    Always,
    AtVersion,
    UnusedSince,
}

impl RedisInner {
    pub(super) async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(self.keys.record(id));
        let request = Request::command(get, Tag::of(id).slot()).only_from_primary();
        loaded(*id, self.call(request, self.deadline()).await?)
    }

    pub(super) async fn create(
        &self,
        mut new: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        new.version = 0;
        let (deadline, tag) = (self.deadline(), Tag::of(&new.id));
        let (key, id) = (self.keys.record(&new.id), new.id.to_string());
        let (index, max) = match &new.subject {
            None => (self.keys.bucket(tag), self.buckets.quota),
            Some(subject) if self.tag(subject, deadline).await? == tag => {
                let max = limit.map_or(0, |limit| limit.max.get());
                (self.keys.index(tag, subject), usize::try_from(max).unwrap_or(usize::MAX))
            }
            // The id was made with an earlier routing key, before Redis was emptied, or not by this store.
            Some(_) => {
                return Err(StoreError::unavailable("the id does not belong to the subject"));
            }
        };
        let max = max.to_string();
        // A marker lasts as long as it says, by the server's clock.
        let lasts = new.is_replaced().then(|| new.deadlines.ends_at.since(new.created_at));
        let ttl = lasts.map_or_else(String::new, |lasts| lasts.as_millis().to_string());
        let refuse = matches!(limit, Some(SignInLimit { when_full: OverflowPolicy::Reject, .. }));
        let keys = [key.as_bytes(), index.as_bytes()];
        let (base, channel) = (self.keys.base(tag), self.keys.channel());
        let arguments = [
            &new.to_bytes()[..],
            id.as_bytes(),
            max.as_bytes(),
            if refuse { b"1" } else { b"0" },
            base.as_bytes(),
            channel.as_bytes(),
            ttl.as_bytes(),
        ];
        let request = Request::script(&CREATE, tag.slot(), &keys, &arguments);
        // A revocation, or a link by which a sign-in is ended: if it is lost, what has ended is valid again.
        let ends = new.subject.as_deref().is_some_and(|of| of.starts_with(Record::RESERVED));
        let request = if ends { request.on_replicas() } else { request };
        match Reply::of(self.call_evicting(request, deadline).await?)? {
            Reply::Taken => Err(StoreError::duplicate_id()),
            Reply::Full if new.subject.is_none() => {
                Err(StoreError::unavailable("no anonymous sign-ins are allowed"))
            }
            Reply::Full => Ok(Created::LimitReached),
            done => Ok(Created::Stored { evicted: done.count()? }),
        }
    }

    pub(super) async fn update(
        &self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let (name, channel) = (id.to_string(), self.keys.channel());
        let arguments =
            [&version.to_be_bytes()[..], data.encoded(), name.as_bytes(), channel.as_bytes()];
        let request = self.record_request(&UPDATE, id, &arguments);
        let request = if Revocations::are_in(id) { request.on_replicas() } else { request };
        self.swap(id, request).await
    }

    pub(super) async fn rotate(
        &self,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let Rotation { kind, digests, grace, reauthentication } = rotation;
        let secret = [&[kind.code()][..], &digests.family.0, &digests.current.0].concat();
        let grace = encoding::grace(grace.as_ref());
        let (head, details, principal) =
            reauthentication.map(|it| encode_reauthentication(kind, it)).unwrap_or_default();
        let (name, base) = (id.to_string(), self.keys.base(Tag::of(id)));
        let channel = self.keys.channel();
        let arguments = [
            &from.0[..],
            &secret,
            &grace,
            &head,
            &details,
            &principal,
            name.as_bytes(),
            base.as_bytes(),
            channel.as_bytes(),
        ];
        let request = self.record_request(&ROTATE, id, &arguments).on_replicas();
        self.swap(id, request).await
    }

    async fn swap(&self, id: &SignInId, request: Request) -> Result<CompareAndSwap, StoreError> {
        Reply::of(self.call_evicting(request, self.deadline()).await?)?.swapped(*id)
    }

    pub(super) async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        let (at, name) = (at.as_millis().to_be_bytes(), id.to_string());
        let base = self.keys.base(Tag::of(id));
        let arguments = [&at[..], name.as_bytes(), base.as_bytes()];
        let request = self.record_request(&TOUCH, id, &arguments).repeatable();
        Reply::of(self.call_evicting(request, self.deadline()).await?)?.is_done().map(|_| ())
    }

    pub(super) async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        self.delete_if(id, DeleteIf::Always, 0).await?.is_done()
    }

    pub(super) async fn delete_if_version(
        &self,
        id: &SignInId,
        version: u64,
    ) -> Result<Deleted, StoreError> {
        self.delete_if(id, DeleteIf::AtVersion, version).await?.deleted(*id)
    }

    pub(super) async fn delete_if_idle(
        &self,
        id: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let step = self.delete_if(id, DeleteIf::UnusedSince, last_seen.as_millis());
        step.await?.is_done()
    }

    /// Deletes a sign-in, if the condition holds for this value.
    async fn delete_if(
        &self,
        id: &SignInId,
        condition: DeleteIf,
        value: u64,
    ) -> Result<Reply, StoreError> {
        let condition = match condition {
            DeleteIf::Always => "always",
            DeleteIf::AtVersion => "version",
            DeleteIf::UnusedSince => "idle",
        };
        let (name, base) = (id.to_string(), self.keys.base(Tag::of(id)));
        let (value, channel) = (value.to_be_bytes(), self.keys.channel());
        let arguments =
            [condition.as_bytes(), &value, name.as_bytes(), base.as_bytes(), channel.as_bytes()];
        let request = self.record_request(&DELETE, id, &arguments).on_replicas();
        Reply::of(self.call(request, self.deadline()).await?)
    }

    pub(super) async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.list_each(subject).await?.into_iter().collect()
    }

    pub(super) async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        let deadline = self.deadline();
        let tag = self.tag(subject, deadline).await?;
        let (index, base) = (self.keys.index(tag, subject), self.keys.base(tag));
        let keys = [index.as_bytes()];
        let request = Request::script(&LIST, tag.slot(), &keys, &[base.as_bytes()]);
        let request = request.only_from_primary().repeatable();
        listed(subject, self.call(request, deadline).await?)
    }

    /// Ends a sign-in of this subject. Its id says where it is stored. If it belongs to another subject,
    /// it is not in this subject's index.
    pub(super) async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        let tag = Tag::of(id);
        let (record, index) = (self.keys.record(id), self.keys.index(tag, subject));
        let (name, channel) = (id.to_string(), self.keys.channel());
        let keys = [record.as_bytes(), index.as_bytes()];
        let arguments = [name.as_bytes(), channel.as_bytes()];
        let request = Request::script(&REVOKE, tag.slot(), &keys, &arguments).on_replicas();
        Reply::of(self.call(request, self.deadline()).await?)?.is_done()
    }

    pub(super) async fn revoke_others(
        &self,
        subject: &str,
        keep: &SignInId,
    ) -> Result<usize, StoreError> {
        self.revoke_all(subject, Some(keep)).await
    }

    pub(super) async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        self.revoke_all(subject, None).await
    }

    async fn revoke_all(
        &self,
        subject: &str,
        keep: Option<&SignInId>,
    ) -> Result<usize, StoreError> {
        let keep = keep.map(SignInId::to_string).unwrap_or_default();
        self.subject_step(&REVOKE_ALL, subject, &[keep.as_bytes()]).await
    }

    pub(super) async fn update_subject(
        &self,
        subject: &str,
        principal: &[u8],
    ) -> Result<usize, StoreError> {
        self.subject_step(&UPDATE_SUBJECT, subject, &[principal, b""]).await
    }

    pub(super) async fn swap_principal(
        &self,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError> {
        if from.is_empty() {
            return Ok(0); // the script would take it for any
        }
        self.subject_step(&UPDATE_SUBJECT, subject, &[to, from]).await
    }

    /// Only checks that the servers can be reached and were not emptied. Redis removes expired keys.
    pub(super) async fn sweep(&self, _now: Timestamp, _max: usize) -> Result<Swept, StoreError> {
        self.check().await?;
        Ok(Swept { removed: 0, more: false })
    }

    /// Closes all connections, also those of a subscription.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.config.closed.send_replace(true);
        self.router.close();
        Ok(())
    }

    async fn subject_step(
        &self,
        script: &'static Script,
        subject: &str,
        arguments: &[&[u8]],
    ) -> Result<usize, StoreError> {
        let deadline = self.deadline();
        let tag = self.tag(subject, deadline).await?;
        let (index, base) = (self.keys.index(tag, subject), self.keys.base(tag));
        let channel = self.keys.channel();
        let arguments = [arguments, &[base.as_bytes(), channel.as_bytes()]].concat();
        let keys = [index.as_bytes()];
        let request = Request::script(script, tag.slot(), &keys, &arguments).on_replicas();
        Reply::of(self.call_evicting(request, deadline).await?)?.count()
    }
}

/// Encodes a new authentication: its part of the head, as `rotate.lua` takes it, details and principal. An
/// encoded principal is never empty, so an empty one keeps that of the record.
fn encode_reauthentication(
    kind: SecretKind,
    reauthentication: Reauthentication,
) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let Reauthentication { at, seen_at, deadlines, persistence, principal, details } =
        reauthentication;
    let details = encoding::details(kind, details.as_deref());
    let flags = if details.is_some() { DETAILS } else { 0 };
    let head = [
        &at.as_millis().to_be_bytes()[..],
        &deadlines.idle_secs.to_be_bytes(),
        &deadlines.ends_at.as_millis().to_be_bytes(),
        &[encoding::persistence(persistence), flags],
        &seen_at.as_millis().to_be_bytes(),
    ]
    .concat();
    (head, details.unwrap_or_default(), principal.map(<[u8]>::into_vec).unwrap_or_default())
}
