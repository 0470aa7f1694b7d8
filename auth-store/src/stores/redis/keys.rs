//! The names of the keys.

use auth_core::SignInId;

use super::connection::slot;

/// Says where a sign-in is kept: the first 16 bits of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) [u8; 2]);

impl Tag {
    pub(super) fn of(sid: &SignInId) -> Self {
        let [high, low, ..] = *sid.as_bytes();
        Self([high, low])
    }

    fn text(self) -> String {
        let Self([high, low]) = self;
        format!("{high:02x}{low:02x}")
    }

    pub(super) fn slot(self) -> u16 {
        slot(self.text().as_bytes())
    }
}

/// The names of all keys of a store.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// What all keys under a tag begin with.
    pub(super) fn base(&self, tag: Tag) -> String {
        format!("{}{{{}}}:", self.prefix, tag.text())
    }

    /// A sign-in's record.
    pub(super) fn record(&self, sid: &SignInId) -> String {
        format!("{}s:{sid}", self.base(Tag::of(sid)))
    }

    /// The index of a subject's sign-ins.
    pub(super) fn index(&self, tag: Tag, subject: &str) -> String {
        format!("{}u:{subject}", self.base(tag))
    }

    /// The index of a bucket of anonymous sign-ins.
    pub(super) fn visitors(&self, tag: Tag) -> String {
        format!("{}a", self.base(tag))
    }

    /// The key of the hash that makes tags of subjects.
    pub(super) fn routing(&self) -> String {
        format!("{}key", self.prefix)
    }

    /// The key that a sign of life needs, and its slot: one that this accepts.
    #[cfg(feature = "near-cache")]
    pub(super) fn life(&self, accepts: impl Fn(u16) -> bool) -> (String, u16) {
        let tags = (0_u32..).map(|number| number.to_string());
        let (tag, slot) = tags
            .map(|tag| (slot(tag.as_bytes()), tag))
            .find_map(|(slot, tag)| accepts(slot).then_some((tag, slot)))
            .expect("every slot has a tag");
        (format!("{}{{{tag}}}:life", self.prefix), slot)
    }

    /// The channel on which changes are published.
    pub(super) fn bus(&self) -> String {
        format!("{}bus", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_what_a_cluster_hashes() {
        let keys = Keys::new("auth:".to_owned());
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&[0xab, 0x01]);
        let sid = SignInId::from_bytes(bytes);
        assert_eq!(keys.record(&sid), format!("auth:{{ab01}}:s:{sid}"));
        assert_eq!(keys.index(Tag::of(&sid), "{ada}"), "auth:{ab01}:u:{ada}");
        assert_eq!(Tag::of(&sid).slot(), slot(b"ab01"));
    }
}
