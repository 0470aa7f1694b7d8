//! Claims must be `Send`, because an identity moves between threads with its request.
use std::rc::Rc;

use auth_core::{Attempt, Authenticator, ChallengeReason, RequestHead};
use http::{HeaderMap, HeaderValue};

struct Mine;

impl Authenticator for Mine {
    type Claims = Rc<str>;

    fn authenticate(&self, _: &RequestHead<'_>) -> Option<Attempt<Rc<str>>> {
        None
    }
    fn challenge(&self, _: &ChallengeReason<'_>, _: &mut HeaderMap) {}
    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("x-mine")
    }
}

fn main() {}
