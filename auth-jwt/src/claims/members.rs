//! The members of a token's claims, each taken note of and passed on.

use std::borrow::Cow;
use std::cell::Cell;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess};
use serde_json::Value;

use super::registered::{Claim, DateClaim, ListClaim, TextClaim, TokenClaims};
use crate::json::{Number, Replay, TextInto, Texts, TextsInto, UniqueKeys, said_twice};

type Fault = serde_json::Error;

/// The members of a token's claims, as whatever the application makes of them.
pub(crate) struct Members<'r, 'de, A> {
    map: A,
    claims: &'r mut TokenClaims<'de>,
    roles_at: &'r [Box<str>],
    /// Whether what is wrong is the token's fault, and not what the application asks for.
    malformed: &'r Cell<bool>,
    name: Cow<'de, str>,
}

impl<'r, 'de, A> Members<'r, 'de, A> {
    pub(crate) fn of(
        map: A,
        claims: &'r mut TokenClaims<'de>,
        roles_at: &'r [Box<str>],
        malformed: &'r Cell<bool>,
    ) -> Self {
        Self { map, claims, roles_at, malformed, name: Cow::default() }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        if self.map.next_key_seed(TextInto(&mut self.name))?.is_none() {
            let twice = self.claims.others.repeats();
            return self.fault(if twice { Err(said_twice()) } else { Ok(None) });
        }
        seed.deserialize(Replay::Text(&self.name)).map(Some).map_err(again)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match Claim::named(&self.name) {
            Some(Claim::Text(claim)) => self.text(claim, seed),
            Some(Claim::Date(claim)) => self.date(claim, seed),
            Some(Claim::List(claim)) => self.list(claim, seed),
            Some(Claim::Mark(claim)) => {
                let read = self.other(seed);
                let before = std::mem::replace(&mut self.claims.marks[claim as usize], true);
                self.once(!before)?;
                read
            }
            None => {
                let read = self.other(seed);
                self.claims.others.add(std::mem::take(&mut self.name));
                read
            }
        }
    }
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    fn text<S: DeserializeSeed<'de>>(
        &mut self,
        claim: TextClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let holds_roles = self.holds_roles();
        let place = &mut self.claims.texts[claim as usize];
        if place.is_some() {
            return self.fault(Err(said_twice()));
        }
        let text = place.insert(Cow::default());
        fault(self.malformed, self.map.next_value_seed(TextInto(text)))?;
        if holds_roles {
            self.claims.roles = vec![(&**text).into()];
        }
        seed.deserialize(Replay::Text(text)).map_err(again)
    }

    fn date<S: DeserializeSeed<'de>>(
        &mut self,
        claim: DateClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let number: Number = self.take()?;
        let no_date = || A::Error::custom("no number of seconds since 1970");
        let date = self.fault(number.to_date().ok_or_else(no_date))?;
        let before = self.claims.dates[claim as usize].replace(date);
        self.once(before.is_none())?;
        seed.deserialize(Replay::Number(number)).map_err(again)
    }

    fn list<S: DeserializeSeed<'de>>(
        &mut self,
        claim: ListClaim,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        let holds_roles = self.holds_roles();
        let place = &mut self.claims.lists[claim as usize];
        if place.is_some() {
            return self.fault(Err(said_twice()));
        }
        let texts = place.insert(Texts::default());
        fault(self.malformed, self.map.next_value_seed(TextsInto(texts)))?;
        if holds_roles {
            self.claims.roles = texts.iter().map(Into::into).collect();
        }
        seed.deserialize(Replay::Texts(texts)).map_err(again)
    }

    fn fault<T>(&self, read: Result<T, A::Error>) -> Result<T, A::Error> {
        fault(self.malformed, read)
    }

    fn take<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        let taken = self.map.next_value();
        self.fault(taken)
    }

    fn once(&self, first: bool) -> Result<(), A::Error> {
        self.fault(if first { Ok(()) } else { Err(said_twice()) })
    }

    /// Whether the roles are in this claim, whatever else it is for.
    fn holds_roles(&self) -> bool {
        matches!(self.roles_at, [only] if **only == *self.name)
    }

    fn other<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let roles_at = self.roles_at;
        match roles_at.split_first() {
            Some((first, path)) if **first == *self.name => self.roles(path, seed),
            _ => self.map.next_value_seed(UniqueKeys { inner: seed, twice: self.malformed }),
        }
    }

    /// The roles, at the end of this path.
    fn roles<S: DeserializeSeed<'de>>(
        &mut self,
        path: &[Box<str>],
        seed: S,
    ) -> Result<S::Value, A::Error> {
        if path.is_empty() {
            let mut roles = Texts::default();
            fault(self.malformed, self.map.next_value_seed(TextsInto(&mut roles)))?;
            let read = seed.deserialize(Replay::Texts(&roles)).map_err(again);
            self.claims.roles = roles.into();
            return read;
        }
        let whole = UniqueKeys { inner: PhantomData::<Value>, twice: self.malformed };
        let value = self.map.next_value_seed(whole)?;
        let mut at = Some(&value);
        for name in path {
            at = match at {
                Some(Value::Object(members)) => members.get(&**name),
                Some(Value::Array(elements)) => {
                    let no_index = || A::Error::custom("no index on the way to roles");
                    elements.get(self.fault(index(name).ok_or_else(no_index))?)
                }
                Some(_) => {
                    return self.fault(Err(A::Error::custom("no object on the way to roles")));
                }
                None => None,
            };
        }
        if let Some(roles) = at {
            let roles = self.fault(Texts::deserialize(roles).map_err(again))?;
            self.claims.roles = roles.into();
        }
        seed.deserialize(value).map_err(again)
    }
}

/// Which element of an array this is in a JSON Pointer (RFC 6901 section 4).
fn index(token: &str) -> Option<usize> {
    let spelled_once = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| spelled_once)
}

/// What is wrong with the token itself, and not with what the application asks for.
fn fault<T, E>(malformed: &Cell<bool>, read: Result<T, E>) -> Result<T, E> {
    if read.is_err() {
        malformed.set(true);
    }
    read
}

/// What somebody else found wrong with a value that was read already.
#[cold]
fn again<E: Error>(fault: Fault) -> E {
    E::custom(fault)
}
