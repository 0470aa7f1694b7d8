//! The steps about one sign-in, each one script.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use redis::Value;

use super::connection::Request;
use super::encoding::{DETAILS, write};
use super::keys::Tag;
use super::reply::{Reply, record, unexpected};
use super::scripts::{CREATE, DELETE, ROTATE, TOUCH, UPDATE};
use super::shared::RedisInner;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Reauthentication, Record, Rotation};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Created, OverflowPolicy, SignInLimit};
use crate::stores::encoding;

/// When a sign-in is deleted.
pub(super) enum Only {
    Always,
    AtVersion,
    UnusedSince,
}

impl RedisInner {
    pub(super) async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(self.keys.record(sid));
        let request = Request::command(get, Tag::of(sid).slot());
        match self.call(request, self.deadline()).await? {
            Value::Nil => Ok(None),
            found => record(*sid, Some(found)).map(Some),
        }
    }

    pub(super) async fn create(
        &self,
        new: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let (by, tag) = (self.deadline(), Tag::of(&new.sid));
        let (key, sid) = (self.keys.record(&new.sid), new.sid.to_string());
        let (index, most) = match &new.subject {
            None => (self.keys.visitors(tag), self.visitors.most),
            Some(subject) if self.tag(subject, by).await? == tag => {
                let most = limit.map_or(0, |limit| limit.max.get());
                (self.keys.index(tag, subject), usize::try_from(most).unwrap_or(usize::MAX))
            }
            // Made with another key, before Redis was emptied, or not by this store.
            Some(_) => return Err(StoreError::unavailable("the id is not one of this subject")),
        };
        let most = most.to_string();
        let refuse = matches!(limit, Some(SignInLimit { when_full: OverflowPolicy::Reject, .. }));
        let keys = [key.as_bytes(), index.as_bytes()];
        let (base, bus) = (self.keys.base(tag), self.keys.bus());
        let arguments = [
            &write(&new)[..],
            sid.as_bytes(),
            most.as_bytes(),
            if refuse { b"1" } else { b"0" },
            base.as_bytes(),
            bus.as_bytes(),
        ];
        let request = Request::script(&CREATE, tag.slot(), &keys, &arguments);
        match Reply::of(self.call_with_room(request, by).await?)? {
            Reply::Taken => Err(StoreError::duplicate_id()),
            Reply::Full if new.subject.is_none() => {
                Err(StoreError::unavailable("there is no room for anonymous sign-ins"))
            }
            Reply::Full => Ok(Created::LimitReached),
            done => Ok(Created::Stored { evicted: done.count()? }),
        }
    }

    pub(super) async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: &SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let (data, name, bus) = (encoding::data(data), sid.to_string(), self.keys.bus());
        let arguments = [&version.to_be_bytes()[..], &data, name.as_bytes(), bus.as_bytes()];
        let request = self.about(&UPDATE, sid, &arguments);
        self.swap(sid, request).await
    }

    pub(super) async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: &Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let Rotation { kind, digests, grace, renewal } = rotation;
        let secret = [&[*kind as u8][..], &digests.family.0, &digests.current.0].concat();
        let grace = encoding::grace(grace.as_ref());
        let (head, details, principal) = renewal.as_ref().map(parts).unwrap_or_default();
        let (name, base) = (sid.to_string(), self.keys.base(Tag::of(sid)));
        let bus = self.keys.bus();
        let arguments = [
            &from.0[..],
            &secret,
            &grace,
            &head,
            &details,
            &principal,
            name.as_bytes(),
            base.as_bytes(),
            bus.as_bytes(),
        ];
        let request = self.about(&ROTATE, sid, &arguments).lasting();
        self.swap(sid, request).await
    }

    async fn swap(&self, sid: &SignInId, request: Request) -> Result<CompareAndSwap, StoreError> {
        match Reply::of(self.call_with_room(request, self.deadline()).await?)? {
            Reply::Gone => Ok(CompareAndSwap::NotFound),
            Reply::Done(now) => record(*sid, now).map(CompareAndSwap::Stored),
            Reply::Stale(now) => record(*sid, now).map(CompareAndSwap::Conflict),
            Reply::Taken | Reply::Full => Err(unexpected()),
        }
    }

    pub(super) async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        let (at, name) = (at.as_millis().to_be_bytes(), sid.to_string());
        let base = self.keys.base(Tag::of(sid));
        let arguments = [&at[..], name.as_bytes(), base.as_bytes()];
        let request = self.about(&TOUCH, sid, &arguments).repeatable();
        Reply::of(self.call_with_room(request, self.deadline()).await?).map(|_| ())
    }

    /// Ends a sign-in, perhaps only if it is as this value says.
    pub(super) async fn delete(
        &self,
        sid: &SignInId,
        only: Only,
        value: u64,
    ) -> Result<Reply, StoreError> {
        let only = match only {
            Only::Always => "always",
            Only::AtVersion => "version",
            Only::UnusedSince => "idle",
        };
        let (name, base) = (sid.to_string(), self.keys.base(Tag::of(sid)));
        let (value, bus) = (value.to_be_bytes(), self.keys.bus());
        let arguments = [only.as_bytes(), &value, name.as_bytes(), base.as_bytes(), bus.as_bytes()];
        let request = self.about(&DELETE, sid, &arguments).lasting();
        Reply::of(self.call(request, self.deadline()).await?)
    }
}

/// What a renewal brings: the head's part, as `rotate.lua` takes it, details and principal.
fn parts(renewal: &Reauthentication) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let Reauthentication { at, limits, persistence, principal, details } = renewal;
    let flags = if details.is_some() { DETAILS } else { 0 };
    let head = [
        &at.as_millis().to_be_bytes()[..],
        &limits.idle_secs.to_be_bytes(),
        &limits.ends_at.as_millis().to_be_bytes(),
        &[encoding::persistence(*persistence), flags],
    ]
    .concat();
    let details = details.as_deref().map_or_else(Vec::new, encoding::details);
    (head, details, principal.to_vec())
}
