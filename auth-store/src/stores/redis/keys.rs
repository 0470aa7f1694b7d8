//! The names of the keys, and the tag that says where a sign-in is stored.
//!
//! The module documentation of `redis` lists all keys.

use auth_core::SignInId;

use super::connection::slot;

/// The number of copies of the routing key, so that each primary of a small cluster has one or more.
const COPIES: u16 = 8;

/// The first 16 bits of a sign-in's id, which say where it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) [u8; 2]);

impl Tag {
    pub(super) fn of(id: &SignInId) -> Self {
        let [high, low, ..] = *id.as_bytes();
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

/// Creates the names of a store's keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Returns the prefix of all keys with a tag.
    pub(super) fn base(&self, tag: Tag) -> String {
        format!("{}{{{}}}:", self.prefix, tag.text())
    }

    /// Returns the key of a sign-in's record.
    pub(super) fn record(&self, id: &SignInId) -> String {
        format!("{}s:{id}", self.base(Tag::of(id)))
    }

    /// Returns the key of the index of a subject's sign-ins.
    pub(super) fn index(&self, tag: Tag, subject: &str) -> String {
        format!("{}u:{subject}", self.base(tag))
    }

    /// Returns the key of the index of a bucket of anonymous sign-ins.
    pub(super) fn bucket(&self, tag: Tag) -> String {
        format!("{}a", self.base(tag))
    }

    /// Returns the names under which the routing key is stored, each with its slot. In a cluster, there
    /// are copies that are spread over the slots.
    pub(super) fn routing_key(&self, cluster: bool) -> Vec<(String, u16)> {
        let first = format!("{}key", self.prefix);
        let slot = slot(first.as_bytes());
        let copies = (0..if cluster { COPIES } else { 0 }).map(|copy| {
            let (tag, slot) = any_tag(|slot| slot / (16_384 / COPIES) == copy);
            (format!("{}{{{tag}}}:key", self.prefix), slot)
        });
        [(first, slot)].into_iter().chain(copies).collect()
    }

    /// Returns the key that a heartbeat needs, in a slot that `accepts` returns true for.
    #[cfg(feature = "near-cache")]
    pub(super) fn life(&self, accepts: impl Fn(u16) -> bool) -> (String, u16) {
        let (tag, slot) = any_tag(accepts);
        (format!("{}{{{tag}}}:life", self.prefix), slot)
    }

    /// Returns the channel on which changes are published.
    pub(super) fn channel(&self) -> String {
        format!("{}bus", self.prefix)
    }
}

/// Returns a tag, and its slot, that `accepts` returns true for.
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
    fn a_cluster_hashes_only_the_tag() {
        let keys = Keys::new("auth:".to_owned());
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&[0xab, 0x01]);
        let id = SignInId::from_bytes(bytes);
        assert_eq!(keys.record(&id), format!("auth:{{ab01}}:s:{id}"));
        assert_eq!(keys.index(Tag::of(&id), "{ada}"), "auth:{ab01}:u:{ada}");
        assert_eq!(Tag::of(&id).slot(), slot(b"ab01"));
    }

    #[test]
    fn copies_of_the_routing_key_are_spread_over_the_slots() {
        let keys = Keys::new("auth:".to_owned());
        assert_eq!(keys.routing_key(false), [("auth:key".to_owned(), slot(b"auth:key"))]);
        let all = keys.routing_key(true);
        assert_eq!(all[0], keys.routing_key(false)[0]);
        let shares: Vec<_> = all[1..].iter().map(|(_, slot)| slot / 2048).collect();
        assert_eq!(shares, (0..8).collect::<Vec<_>>());
    }
}
