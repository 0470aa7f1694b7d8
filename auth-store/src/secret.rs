//! The secret that proves a sign-in, and the digests that a store keeps of it.
//!
//! A store never holds a secret, so that reading a store does not let anyone act for a user. Digests
//! are compared in constant time, and secrets are wiped on drop.

use std::fmt;
use std::sync::OnceLock;

use auth_core::{SignInId, Timestamp};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a secret is used as.
///
/// The kind is part of every digest, so that a secret of one kind is never accepted as one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretKind {
    /// A session cookie.
    Cookie,
    /// An opaque token in an `Authorization` header.
    Bearer,
    /// A refresh token, which never authenticates a request.
    Refresh,
    /// The kind of a backend that is not part of these crates, created by [`SecretKind::custom`].
    Custom(KindName),
}

/// The name of a [custom](SecretKind::custom) kind, or of one that is derived from another, such as a
/// [pending](SecretKind::pending) one. It holds only the place of the name among all names in use and how the kind is
/// derived, so that it takes one byte in each record in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindName(u8);

impl fmt::Debug for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl SecretKind {
    /// The maximum length of the name of a custom kind, in bytes.
    pub const MAX_NAME: usize = 32;

    /// The code of every custom kind in a stored record.
    pub(crate) const CUSTOM: u8 = 4;

    /// Returns the kind of a backend of your own. The name is stored with each sign-in, so it must not change
    /// later.
    ///
    /// An identity of a custom kind has no [time of authentication](auth_core::Identity::authenticated_at),
    /// because a client keeps the secret and sends it by itself. So it never satisfies
    /// [`Require::max_auth_age`](auth_core::Require::max_auth_age).
    ///
    /// ```
    /// use auth_store::SecretKind;
    ///
    /// assert_eq!(SecretKind::custom("api-key").scheme(), "api-key");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `name` does not have 1 to 32 characters from `a` to `z`, `0` to `9` and `-`, if it is the
    /// [scheme](Self::scheme) of another kind or `jwt`, if it begins with `pending-`, `acting-` or `apart-`, or if
    /// the process has used 61 names.
    #[must_use]
    pub fn custom(name: &str) -> Self {
        assert!(is_kind_name(name), "`{name}` is not a valid name of a kind, or it is reserved");
        Self::Custom(KindName::of(&NAMES, name, NAMES.len()).expect("at most 61 names"))
    }

    /// Returns the custom kind of this name, which was read from a store.
    pub(crate) fn stored(name: &str) -> Option<Self> {
        let split =
            |derived: u8| Some((derived, name.strip_prefix(PREFIXES[usize::from(derived)])?));
        let (derived, completed) = (1..PREFIXES.len() as u8).find_map(split).unwrap_or((0, name));
        let kind = match completed {
            "session" if derived > 0 => Self::Cookie,
            "bearer" if derived > 0 => Self::Bearer,
            "refresh" if derived > 0 => Self::Refresh,
            _ => {
                // Damaged records must not use up the names.
                let of = || KindName::of(&NAMES, completed, MAX_STORED);
                Self::Custom(is_kind_name(completed).then(of)??)
            }
        };
        Some(if derived > 0 { kind.derived(derived) } else { kind })
    }

    /// Returns the kind that is derived from this one in this way.
    fn derived(self, derived: u8) -> Self {
        let place = match self {
            Self::Cookie => 0,
            Self::Bearer => 1,
            Self::Refresh => 2,
            Self::Custom(name) => name.place(),
        };
        Self::Custom(KindName(derived << KindName::PLACE_BITS | place))
    }

    fn is_derived(self, derived: u8) -> bool {
        matches!(self, Self::Custom(name) if name.derived() == derived)
    }

    /// Returns the kind of sign-ins with a secret of this kind whose second factor is still to be verified.
    ///
    /// It [counts](Self::counts_with) by itself, so that an attacker who knows only the password of a user can
    /// neither end nor block that user's sign-ins. The digests of a secret are those of the completed kind.
    #[must_use]
    pub fn pending(self) -> Self {
        self.derived(PENDING)
    }

    /// Returns whether this is the kind of a [pending](Self::pending) sign-in.
    #[must_use]
    pub fn is_pending(self) -> bool {
        self.is_derived(PENDING)
    }

    /// Returns the kind of sign-ins with a secret of this kind in which a user acts for another.
    ///
    /// Like a [pending](Self::pending) kind, it counts by itself, so that an administrator neither ends nor blocks
    /// sign-ins of the user.
    pub(crate) fn acting(self) -> Self {
        self.derived(ACTING)
    }

    /// Returns whether this is the kind of a sign-in in which a user acts for another.
    pub(crate) fn is_acting(self) -> bool {
        self.is_derived(ACTING)
    }

    /// Returns the kind of sign-ins with a secret of this kind that have a limit of their own. It counts by itself. A
    /// custom kind does so anyway.
    pub(crate) fn apart(self) -> Self {
        if self.is_custom() { self } else { self.derived(APART) }
    }

    /// Returns what this kind is without a limit of its own.
    pub(crate) fn together(self) -> Self {
        if self.is_derived(APART) { self.completed() } else { self }
    }

    /// Returns the kind that a sign-in of this kind has once its secret is used as `used`, or `None` if it cannot have
    /// such a secret.
    pub(crate) fn used_as(self, used: Self) -> Option<Self> {
        match used.completed() {
            used if used == self.completed() => Some(self),
            used => self.counts_with(used).then_some(used),
        }
    }

    /// Returns the kind from which this one is derived, or the kind itself if it is not derived:
    ///
    /// - for a [pending](Self::pending) sign-in, the kind that it has once it is finished;
    /// - for a sign-in in which a user [acts](auth_core::Auth::act_as) for another, the kind without acting;
    /// - for a kind that [counts apart](crate::SignInSettings::limit_of), the kind without a limit of its own.
    #[must_use]
    pub fn completed(self) -> Self {
        match self {
            Self::Custom(name) if name.derived() > 0 => match name.place() {
                0 => Self::Cookie,
                1 => Self::Bearer,
                2 => Self::Refresh,
                place => Self::Custom(KindName(place)),
            },
            completed => completed,
        }
    }

    /// Returns the name of the scheme that a secret of this kind authenticates by: `session`, `bearer`,
    /// `refresh`, or the name of a custom kind.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Cookie => "session",
            Self::Bearer => "bearer",
            Self::Refresh => "refresh",
            Self::Custom(name) => name.as_str(),
        }
    }

    /// Returns whether sign-ins of the two kinds count towards the same [limit](crate::Store::create).
    ///
    /// Cookies, bearer tokens and refresh tokens count together: they are the devices on which a person has
    /// signed in. Each custom kind counts separately, so that signing in never ends an API key, and so does
    /// each [pending](Self::pending) kind, each of those in which a user acts for another, and each with a
    /// [limit of its own](crate::SignInSettings::limit_of).
    #[must_use]
    pub fn counts_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Custom(one), Self::Custom(other)) => one == other,
            (Self::Custom(_), _) | (_, Self::Custom(_)) => false,
            _ => true,
        }
    }

    /// Returns whether a sign-in of one of the two kinds replaces one of the other when the user signs in again:
    /// whether they [count together](Self::counts_with) once they are completed.
    #[must_use]
    pub fn replaces(self, other: Self) -> bool {
        self.completed().counts_with(other.completed())
    }

    /// Returns whether this is the kind of a backend that is not part of these crates.
    pub(crate) fn is_custom(self) -> bool {
        matches!(self.completed(), Self::Custom(_))
    }

    /// Returns the code of this kind in a stored record.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Cookie => 1,
            Self::Bearer => 2,
            Self::Refresh => 3,
            Self::Custom(_) => Self::CUSTOM,
        }
    }

    /// Returns what an identity of this kind states as the time of its authentication.
    pub(crate) fn stated(self, authenticated_at: Timestamp) -> Option<Timestamp> {
        (!matches!(self.together(), Self::Custom(_))).then_some(authenticated_at)
    }
}

/// What precedes the name of a kind in those of the kinds that are derived from it, by how they are derived.
const PREFIXES: [&str; 4] = ["", "pending-", "acting-", "apart-"];
const PENDING: u8 = 1;
const ACTING: u8 = 2;
const APART: u8 = 3;

type Names = [&'static str; PREFIXES.len()];

/// The names of the kinds that are not custom, and of those that are derived from them. They have the first places.
const BUILT_IN: [Names; 3] = [
    ["session", "pending-session", "acting-session", "apart-session"],
    ["bearer", "pending-bearer", "acting-bearer", "apart-bearer"],
    ["refresh", "pending-refresh", "acting-refresh", "apart-refresh"],
];

/// The names of custom kinds, in the order of their first use, and of those that are derived from them. They are kept
/// until the process ends.
static NAMES: [OnceLock<Names>; 61] = [const { OnceLock::new() }; 61];

/// A name that comes from a store is added only below this place.
const MAX_STORED: usize = 48;

impl KindName {
    /// How many bits hold the place. The others say how the kind is derived.
    const PLACE_BITS: u32 = 6;

    /// Returns the place of a name among these, after the built-in ones. Adds it if it is new and if there is room
    /// below the place `end`; if there is none, returns `None`.
    fn of(names: &[OnceLock<Names>], name: &str, end: usize) -> Option<Self> {
        let keep = || PREFIXES.map(|prefix| &*format!("{prefix}{name}").leak());
        let mut kept = names.iter().enumerate();
        let at = kept.position(|(at, kept)| {
            let kept = if at < end { Some(kept.get_or_init(keep)) } else { kept.get() };
            kept.is_some_and(|kept| *kept[0] == *name)
        })?;
        u8::try_from(BUILT_IN.len() + at).ok().map(Self)
    }

    fn place(self) -> u8 {
        self.0 & ((1 << Self::PLACE_BITS) - 1)
    }

    fn derived(self) -> u8 {
        self.0 >> Self::PLACE_BITS
    }

    fn as_str(self) -> &'static str {
        let place = usize::from(self.place());
        let custom = || NAMES[place - BUILT_IN.len()].get();
        let names = BUILT_IN.get(place).or_else(custom);
        names.map_or("", |names| names[usize::from(self.derived())]) // they were set before
    }

    /// Hashes a part of a secret of this kind. The name is preceded by its length, and a digest of another kind
    /// has another code, so no two kinds have a digest in common.
    fn digest(self, part: &[u8], secret: &[u8]) -> [u8; 32] {
        let name = self.as_str();
        let length = name.len().to_le_bytes()[0]; // at most `MAX_NAME`
        let hash = Sha256::new_with_prefix(part).chain_update([SecretKind::CUSTOM, length]);
        hash.chain_update(name).chain_update(secret).finalize().into()
    }
}

/// Returns whether a custom kind may have this name.
fn is_kind_name(name: &str) -> bool {
    let reserved = matches!(name, "" | "session" | "bearer" | "refresh" | "jwt");
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let reserved = reserved || PREFIXES[1..].iter().any(|prefix| name.starts_with(prefix));
    !reserved && name.len() <= SecretKind::MAX_NAME && name.bytes().all(is_allowed)
}

/// A sign-in's secret: the public id, a random family of 128 bits and a random verifier of 256 bits.
///
/// The family stays the same when the secret is refreshed. This distinguishes an old secret, which may
/// have been stolen, from a forged one. `Debug` shows the public id only; the bytes are wiped on drop.
#[derive(Clone)]
pub struct Secret([u8; 64]);

impl Secret {
    /// The length of a secret's text form.
    pub const TEXT_LEN: usize = 86;

    /// Generates a secret for this sign-in with the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no randomness.
    pub fn generate(id: SignInId) -> Result<Self, getrandom::Error> {
        let mut secret = Self([0; 64]);
        secret.0[..16].copy_from_slice(id.as_bytes());
        getrandom::fill(&mut secret.0[16..])?;
        Ok(secret)
    }

    /// Parses a secret's text form: exactly 86 characters of base64url without padding.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut secret = Self([0; 64]);
        let written = URL_SAFE_NO_PAD.decode(text, Out::from_slice(&mut secret.0)).ok()?.len();
        (written == secret.0.len()).then_some(secret)
    }

    /// Returns the secret's text form, for the client only.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(self.0))
    }

    /// Returns the public id of the sign-in that this secret claims to prove.
    #[must_use]
    pub fn id(&self) -> SignInId {
        SignInId::from_bytes(std::array::from_fn(|i| self.0[i]))
    }

    /// Returns the digests that a store keeps of this secret, used as one of `kind`.
    #[must_use]
    pub fn digests(&self, kind: SecretKind) -> SecretDigests {
        SecretDigests { family: self.family_digest(kind), current: self.digest(kind) }
    }

    /// Returns the digest of family and verifier, which equals
    /// [`Record::current`](crate::Record::current) if this is the current secret.
    #[must_use]
    pub fn digest(&self, kind: SecretKind) -> Digest {
        if let SecretKind::Custom(name) = kind.completed() {
            return Digest(name.digest(b"auth/v", &self.0[16..]));
        }
        let mut block = [0; 55]; // with its padding, one block of SHA-256
        block[..6].copy_from_slice(b"auth/v");
        block[6] = kind.completed().code();
        block[7..].copy_from_slice(&self.0[16..]);
        let digest = Sha256::digest(block);
        wipe(&mut block);
        Digest(digest.into())
    }

    /// Returns the digest of the family.
    #[must_use]
    pub fn family_digest(&self, kind: SecretKind) -> FamilyDigest {
        let family = &self.0[16..32];
        let hash: [u8; 32] = match kind.completed() {
            SecretKind::Custom(name) => name.digest(b"auth/f", family),
            kind => Sha256::new_with_prefix(b"auth/f")
                .chain_update([kind.code()])
                .chain_update(family)
                .finalize()
                .into(),
        };
        FamilyDigest(std::array::from_fn(|i| hash[i]))
    }

    /// Derives the secret that replaces this one: the next verifier is the HMAC-SHA256 of `nonce` under
    /// the current verifier.
    ///
    /// The same secret and nonce always yield the same successor, so that a retry after a lost response
    /// receives the secret that the first attempt created.
    #[must_use]
    #[allow(clippy::missing_panics_doc)] // it does not panic
    pub fn successor(&self, nonce: &Nonce) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0[32..]).expect("HMAC accepts keys of any length");
        mac.update(b"auth/successor");
        mac.update(&nonce.0);
        let mut next = self.clone();
        next.0[32..].copy_from_slice(&mac.finalize().into_bytes());
        next
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites bytes that are not read again. The barrier keeps the compiler from dropping the writes;
/// unlike `zeroize()`, this compiles to a few wide stores.
fn wipe<const N: usize>(bytes: &mut [u8; N]) {
    *bytes = [0; N];
    zeroize::optimization_barrier(bytes);
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// What a store keeps of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretDigests {
    /// The digest of the family.
    pub family: FamilyDigest,
    /// The digest of the current verifier.
    pub current: Digest,
}

/// The SHA-256 digest of a verifier, its family and its kind. `==` takes constant time.
#[derive(Clone, Copy)]
pub struct Digest(pub [u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let words = |bytes: &[u8; 32]| -> [u64; 4] {
            std::array::from_fn(|i| {
                u64::from_ne_bytes(std::array::from_fn(|byte| bytes[i * 8 + byte]))
            })
        };
        words(&self.0).ct_eq(&words(&other.0)).into()
    }
}

impl Eq for Digest {}

/// The first 128 bits of the SHA-256 digest of a family and its kind: as many as the family has. `==`
/// takes constant time.
#[derive(Clone, Copy)]
pub struct FamilyDigest(pub [u8; 16]);

impl PartialEq for FamilyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for FamilyDigest {}

/// The random value from which a secret's [successor](Secret::successor) is derived. It is stored
/// for as long as a refresh may be repeated, and is useless without the old secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// Stands for no nonce: a refresh with the old secret cannot be repeated.
    pub(crate) const NONE: Self = Self([0; 16]);

    /// Generates a nonce with the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut nonce = Self([0; 16]);
        getrandom::fill(&mut nonce.0)?;
        Ok(nonce)
    }
}

macro_rules! redacted_debug {
    ($($ty:ident)*) => {
        $(impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($ty), "(..)"))
            }
        })*
    };
}

redacted_debug!(Digest FamilyDigest Nonce);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::generate(SignInId::from_bytes([7; 16])).unwrap()
    }

    #[test]
    fn sec_02_03_two_secrets_differ_in_family_and_verifier() {
        let (a, b) = (secret(), secret());
        assert_eq!(a.0[..16], b.0[..16], "the id is the same");
        assert_ne!(a.0[16..32], b.0[16..32], "a family of 128 bits");
        assert_ne!(a.0[32..], b.0[32..], "a verifier of 256 bits");
    }

    #[test]
    fn sec_36_the_text_form_contains_only_the_id_and_random_bytes() {
        let secret = secret();
        let text = secret.to_text();
        let raw = URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).unwrap();
        assert_eq!(raw.len(), 64);
        assert_eq!(&raw[..16], secret.id().as_bytes());
    }

    #[test]
    fn sec_74_debug_shows_no_secret() {
        let secret = secret();
        let shown = format!("{secret:?} {:?}", secret.digests(SecretKind::Cookie));
        let text = secret.to_text();
        assert!(!shown.contains(&text[43..]), "{shown}");
        assert!(shown.contains(&secret.id().to_string()));
    }

    #[test]
    fn sec_81_kinds_have_different_digests() {
        let secret = secret();
        let builtin = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
        let kinds = builtin.into_iter().chain(["a", "aa", "api-key"].map(SecretKind::custom));
        let kinds: Vec<_> = kinds.collect();
        for (i, a) in kinds.iter().enumerate() {
            for b in &kinds[i + 1..] {
                assert_ne!(secret.digests(*a).family, secret.digests(*b).family);
                assert_ne!(secret.digests(*a).current, secret.digests(*b).current);
            }
        }
    }

    #[test]
    fn digests_of_the_first_three_kinds_stay_as_they_are_stored() {
        let secret = Secret([7; 64]);
        let digest = secret.digest(SecretKind::Refresh).0;
        let hashed = Sha256::digest([&b"auth/v\x03"[..], &[7; 48]].concat());
        assert_eq!(digest[..], hashed[..]);
        let hashed = Sha256::digest([&b"auth/v\x04\x07api-key"[..], &[7; 48]].concat());
        assert_eq!(secret.digest(SecretKind::custom("api-key")).0[..], hashed[..]);
    }

    #[test]
    fn the_name_of_a_custom_kind_is_short_lower_case_and_not_reserved() {
        let long = "x".repeat(33);
        let reserved = ["session", "jwt", "pending-", "pending-jwt", "pending-pending-a"];
        for name in ["", "Api", "api key", "api_key", "\u{e4}", &long].into_iter().chain(reserved) {
            assert!(!is_kind_name(name), "{name}");
            assert_eq!(SecretKind::stored(name), None, "{name}");
        }
        let kind = SecretKind::custom("api-key");
        assert_eq!(SecretKind::stored("api-key"), Some(kind));
        assert_eq!(kind.scheme(), "api-key");
    }

    #[test]
    fn names_are_found_again_and_do_not_exceed_their_number() {
        let names = [const { OnceLock::new() }; 3];
        let of = |name, end| KindName::of(&names, name, end).map(|name| name.0);
        let stored = ["a", "b", "a", "c"].map(|name| of(name, 2));
        assert_eq!(stored, [Some(3), Some(4), Some(3), None]);
        assert_eq!(["c", "d", "b"].map(|name| of(name, 3)), [Some(5), None, Some(4)]);
        assert_eq!(of("c", 2), Some(5), "one that the process uses is read from a store");
        assert_eq!(size_of::<SecretKind>(), 2);
    }

    /// Regression: a kind whose pending kind came from a store was named when the sign-in was finished, which
    /// panicked if all names were in use.
    #[test]
    fn a_pending_kind_needs_no_name_of_its_own() {
        let stored = SecretKind::stored("pending-read-first").expect("a valid name");
        let used =
            || NAMES.iter().filter_map(|names| names.get()).filter(|it| it[0] == "read-first");
        assert_eq!(used().count(), 1);
        let completed = stored.completed();
        assert_eq!((completed.scheme(), completed.pending()), ("read-first", stored));
        assert_eq!(SecretKind::stored("read-first"), Some(completed));
        assert_eq!(used().count(), 1);
        assert_eq!(NAMES.len() + BUILT_IN.len(), 1 << KindName::PLACE_BITS);
    }

    #[test]
    fn only_the_kinds_of_devices_count_together() {
        let (key, other) = (SecretKind::custom("api-key"), SecretKind::custom("other"));
        let devices = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
        for kind in devices {
            assert!(devices.iter().all(|other| kind.counts_with(*other)));
            assert!(!kind.counts_with(key) && !key.counts_with(kind));
        }
        assert!(key.counts_with(key) && !key.counts_with(other));
    }

    #[test]
    fn a_pending_kind_counts_alone_and_has_the_digests_of_the_completed_one() {
        let devices = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh];
        let kinds = devices.into_iter().chain([SecretKind::custom("api-key")]);
        for kind in kinds {
            let acting = kind.acting();
            assert!(acting.is_acting() && !acting.is_pending() && !kind.is_acting());
            assert_eq!((acting.completed(), acting.acting()), (kind, acting));
            assert_eq!(acting.scheme(), format!("acting-{}", kind.scheme()));
            assert_eq!(SecretKind::stored(acting.scheme()), Some(acting));
            assert!(!acting.counts_with(kind) && !acting.counts_with(kind.pending()));
            assert!(acting.replaces(kind) && kind.replaces(acting));
            let pending = kind.pending();
            assert!(pending.is_pending() && !kind.is_pending());
            assert_eq!((pending.completed(), kind.completed()), (kind, kind));
            assert_eq!((pending.pending(), kind.pending()), (pending, pending));
            assert_eq!(pending.scheme(), format!("pending-{}", kind.scheme()));
            assert_eq!(SecretKind::stored(pending.scheme()), Some(pending));
            assert!(!pending.counts_with(kind) && pending.counts_with(pending));
            assert!(pending.replaces(kind) && kind.replaces(pending));
            assert!(!pending.replaces(SecretKind::custom("other")));
            let secret = secret();
            assert_eq!(secret.digests(pending), secret.digests(kind));
        }
    }

    #[test]
    fn a_kind_with_a_limit_of_its_own_differs_only_in_what_it_counts_with() {
        for (kind, other) in [
            (SecretKind::Cookie, SecretKind::Bearer),
            (SecretKind::Bearer, SecretKind::Refresh),
            (SecretKind::Refresh, SecretKind::Cookie),
        ] {
            let apart = kind.apart();
            assert!(apart.counts_with(apart) && !apart.counts_with(kind));
            assert!(!apart.counts_with(other.apart()) && apart.replaces(other));
            assert!(!apart.is_pending() && !apart.is_acting() && !apart.is_custom());
            assert_eq!((apart.completed(), apart.together(), kind.together()), (kind, kind, kind));
            assert_eq!(SecretKind::stored(apart.scheme()), Some(apart));
            assert_eq!(apart.stated(Timestamp::EPOCH), kind.stated(Timestamp::EPOCH));
            let secret = secret();
            assert_eq!(secret.digests(apart), secret.digests(kind));
            let used_as = [apart, kind].map(|it| it.used_as(kind.acting()));
            assert_eq!(used_as, [Some(apart), Some(kind)]);
            assert_eq!([apart, kind].map(|it| it.used_as(other)), [None, Some(other)]);
        }
        let custom = SecretKind::custom("api-key");
        assert_eq!((custom.apart(), custom.acting().together()), (custom, custom.acting()));
    }

    #[test]
    fn a_successor_is_determined_by_secret_and_nonce() {
        let (old, other) = (secret(), secret());
        let nonce = Nonce([1; 16]);
        let digest = |secret: &Secret| secret.digest(SecretKind::Refresh);
        assert_eq!(digest(&old.successor(&nonce)), digest(&old.successor(&nonce)));
        assert_ne!(digest(&old.successor(&nonce)), digest(&old.successor(&Nonce([2; 16]))));
        assert_ne!(digest(&old.successor(&nonce)), digest(&other.successor(&nonce)));
    }

    proptest! {
        #[test]
        fn sec_07_only_the_exact_text_form_is_parsed(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(secret) = Secret::parse(&text) {
                let again = secret.to_text();
                prop_assert_eq!(again.as_bytes(), &text[..], "one secret has one text");
            }
        }

        #[test]
        fn a_changed_character_makes_another_secret(at in 0usize..Secret::TEXT_LEN, letter in "[A-Za-z0-9_-]") {
            let secret = secret();
            let mut text = secret.to_text().as_bytes().to_vec();
            prop_assume!(text[at] != letter.as_bytes()[0]);
            text[at] = letter.as_bytes()[0];
            if let Some(other) = Secret::parse(&text) {
                let same = other.id() == secret.id()
                    && other.digests(SecretKind::Cookie) == secret.digests(SecretKind::Cookie);
                prop_assert!(!same);
            }
        }
    }
}
