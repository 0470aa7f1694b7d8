//! The steps about all sign-ins of a subject, each one script.

use std::sync::Arc;

use auth_core::SignInId;
use redis::Value;

use super::connection::{Request, Script};
use super::keys::Tag;
use super::reply::{Reply, id_of, record, unexpected};
use super::scripts::{AMEND, LIST, REVOKE, REVOKE_ALL};
use super::shared::RedisInner;
use crate::error::StoreError;
use crate::record::Record;

impl RedisInner {
    pub(super) async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        let by = self.deadline();
        let tag = self.tag(subject, by).await?;
        let (index, base) = (self.keys.index(tag, subject), self.keys.base(tag));
        let keys = [index.as_bytes()];
        let request = Request::script(&LIST, tag.slot(), &keys, &[base.as_bytes()]).repeatable();
        let Value::Array(found) = self.call(request, by).await? else { return Err(unexpected()) };
        let mut found = found.into_iter();
        let mut records = Vec::with_capacity(found.len() / 2);
        while let Some(name) = found.next() {
            records.push(record(id_of(name)?, found.next())?);
        }
        Ok(records)
    }

    /// The id says where the sign-in is. Were it not the subject's, it would not be in this index.
    pub(super) async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        let tag = Tag::of(sid);
        let (record, index) = (self.keys.record(sid), self.keys.index(tag, subject));
        let (name, bus) = (sid.to_string(), self.keys.bus());
        let keys = [record.as_bytes(), index.as_bytes()];
        let arguments = [name.as_bytes(), bus.as_bytes()];
        let request = Request::script(&REVOKE, tag.slot(), &keys, &arguments).lasting();
        Ok(Reply::of(self.call(request, self.deadline()).await?)?.is_done())
    }

    pub(super) async fn revoke_all(
        &self,
        subject: &str,
        keep: Option<&SignInId>,
    ) -> Result<usize, StoreError> {
        let keep = keep.map(SignInId::to_string).unwrap_or_default();
        self.for_all(&REVOKE_ALL, subject, keep.as_bytes()).await
    }

    pub(super) async fn amend(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        self.for_all(&AMEND, subject, principal).await
    }

    async fn for_all(
        &self,
        script: &'static Script,
        subject: &str,
        argument: &[u8],
    ) -> Result<usize, StoreError> {
        let by = self.deadline();
        let tag = self.tag(subject, by).await?;
        let (index, base) = (self.keys.index(tag, subject), self.keys.base(tag));
        let bus = self.keys.bus();
        let arguments = [argument, base.as_bytes(), bus.as_bytes()];
        let keys = [index.as_bytes()];
        let request = Request::script(script, tag.slot(), &keys, &arguments).lasting();
        Reply::of(self.call_with_room(request, by).await?)?.count()
    }
}
