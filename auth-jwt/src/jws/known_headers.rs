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
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let (kid, typ) = (header.kid.map(owned), header.typ.map(owned));
        let header = Header { algorithm: header.algorithm, kid, typ };
        let mut known = Known { part: part.into(), header };
        for place in &self.0 {
            // Another request may have been faster, and with the same header.
            let Err(refused) = place.set(known) else { return };
            if place.get().is_some_and(|there| there.part == refused.part) {
                return;
            }
            known = refused;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn a_header_takes_one_place_however_many_keep_it_at_once() {
        let (known, barrier) = (KnownHeaders::default(), Barrier::new(8));
        let keep = |part: &[u8]| {
            let header = Header { algorithm: Algorithm::Hs256, kid: None, typ: None };
            known.keep(part, header);
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    keep(b"first");
                });
            }
        });
        for part in 0..7 {
            keep(&[part]);
        }
        assert!(known.find(b"first").is_some());
        assert!((0..7).all(|part| known.find(&[part]).is_some()), "each has a place");
        keep(b"ninth");
        assert!(known.find(b"ninth").is_none());
    }
}
