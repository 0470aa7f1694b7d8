//! Headers that came before.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::header::Header;

/// The headers of tokens that were good, read once: an issuer writes the same one into every token,
/// as long as it signs with one key. A forged token leaves nothing here. The first eight stay, and
/// every later one is read each time.
#[derive(Debug, Default)]
pub(crate) struct KnownHeaders([OnceLock<Known>; 8]);

#[derive(Debug)]
struct Known {
    part: Box<[u8]>,
    header: Header<'static>,
}

impl KnownHeaders {
    /// The header that this part of a token is.
    pub(crate) fn find(&self, part: &[u8]) -> Option<&Header<'static>> {
        let known = self.0.iter().map_while(OnceLock::get).find(|known| *known.part == *part);
        known.map(|known| &known.header)
    }

    /// Keeps the header of a token whose signature was good, if there is a place.
    pub(crate) fn keep(&self, part: &[u8], header: Header<'_>) {
        let Some(place) = self.0.iter().find(|place| place.get().is_none()) else { return };
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let (kid, typ) = (header.kid.map(owned), header.typ.map(owned));
        let header = Header { algorithm: header.algorithm, kid, typ };
        // Another request may have been faster: then this one is read again next time.
        let _ = place.set(Known { part: part.into(), header });
    }
}
