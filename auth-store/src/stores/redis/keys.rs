//! The names of the keys.

use auth_core::SignInId;

use super::connection::slot;

/// So many copies of the key of the hash: each primary of a small cluster has one or more.
const COPIES: u16 = 8;

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

    /// The key of the hash that makes tags of subjects; in a cluster with copies that are spread over
    /// the slots. Each with its slot.
    pub(super) fn routing(&self, cluster: bool) -> Vec<(String, u16)> {
        let first = format!("{}key", self.prefix);
        let slot = slot(first.as_bytes());
        let copies = (0..if cluster { COPIES } else { 0 }).map(|copy| {
            let (tag, slot) = any_tag(|slot| slot / (16_384 / COPIES) == copy);
            (format!("{}{{{tag}}}:key", self.prefix), slot)
        });
        [(first, slot)].into_iter().chain(copies).collect()
    }

    /// The key that a sign of life needs, and its slot: one that this accepts.
    #[cfg(feature = "near-cache")]
    pub(super) fn life(&self, accepts: impl Fn(u16) -> bool) -> (String, u16) {
        let (tag, slot) = any_tag(accepts);
        (format!("{}{{{tag}}}:life", self.prefix), slot)
    }

    /// The channel on which changes are published.
    pub(super) fn bus(&self) -> String {
        format!("{}bus", self.prefix)
    }
}

/// A tag whose slot this accepts, and the slot.
fn any_tag(accepts: impl Fn(u16) -> bool) -> (String, u16) {
    let tags = (0_u32..).map(|number| number.to_string());
    tags.map(|tag| (slot(tag.as_bytes()), tag))
        .find_map(|(slot, tag)| accepts(slot).then_some((tag, slot)))
        .expect("every slot has a tag")
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

    #[test]
    fn the_copies_of_the_key_are_spread_over_the_slots() {
        let keys = Keys::new("auth:".to_owned());
        assert_eq!(keys.routing(false), [("auth:key".to_owned(), slot(b"auth:key"))]);
        let all = keys.routing(true);
        assert_eq!(all[0], keys.routing(false)[0]);
        let shares: Vec<_> = all[1..].iter().map(|(_, slot)| slot / 2048).collect();
        assert_eq!(shares, (0..8).collect::<Vec<_>>());
    }
}
