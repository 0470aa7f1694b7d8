//! The cart, kept in the session: a visitor's cart before the sign-in, then one per device.
//!
//! Sign-in keeps the session's data, so a visitor's cart becomes the user's. Concurrent additions are
//! all kept, because the session retries the update on the newest data.

use std::collections::BTreeMap;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use auth_store::Session;
use axum::Json;
use axum::response::{IntoResponse, Response, Result};
use http::StatusCode;
use parking_lot::Mutex;
use serde::Deserialize;

use super::input::{Format, Input, redirect};

/// The key of the cart in the session's data.
const KEY: &str = "cart";
const QUANTITY: RangeInclusive<u32> = 1..=99;
const NAME_LENGTH: RangeInclusive<usize> = 1..=64;
/// The limit of different items in a cart.
const MAX_ITEMS: usize = 100;

/// The quantity of each item.
type Cart = BTreeMap<String, u32>;

#[derive(Deserialize)]
pub(super) struct Addition {
    item: String,
    quantity: u32,
    /// Where to redirect a form afterwards.
    next: Option<String>,
}

/// `GET /cart`: returns the cart of the session, which may be empty.
pub(super) async fn show(session: Session) -> Result<Json<Cart>> {
    Ok(Json(session.get(KEY).await?.unwrap_or_default()))
}

/// `POST /cart`: adds to the cart, and returns it. Creates a session for a new visitor.
pub(super) async fn add(
    session: Session,
    Input(Addition { item, quantity, next }, format): Input<Addition>,
) -> Result<Response> {
    check(&item, quantity).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error))?;
    // The response is the cart as it was saved. Reading it again after `save` could return what other
    // requests have changed since, or nothing if the sign-in has ended on another device.
    let saved = Arc::new(Mutex::new(Cart::new()));
    let (added, save) = (item.clone(), Arc::clone(&saved));
    session.update(KEY, move |cart: &mut Cart| {
        put(cart, &added, quantity);
        save.lock().clone_from(cart);
    })?;
    // The layer would save when the response leaves. Saving here runs the closure first, so that the
    // response can contain its result.
    session.save().await?;
    let cart = mem::take(&mut *saved.lock());
    if !cart.contains_key(&item) {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "a cart holds 100 different items").into());
    }
    Ok(match (format, next) {
        (Format::Form, Some(next)) => redirect(&next),
        _ => Json(cart).into_response(),
    })
}

fn check(item: &str, quantity: u32) -> Result<(), &'static str> {
    if !NAME_LENGTH.contains(&item.chars().count()) || item.chars().any(char::is_control) {
        return Err("the name of an item must have 1 to 64 characters");
    }
    if !QUANTITY.contains(&quantity) {
        return Err("the quantity must be between 1 and 99");
    }
    Ok(())
}

/// Adds to the cart, unless it is full. The session calls this again with newer data if another
/// request has saved first, so it must not have side effects on anything else.
fn put(cart: &mut Cart, item: &str, quantity: u32) {
    if cart.len() < MAX_ITEMS || cart.contains_key(item) {
        let total = cart.entry(item.to_owned()).or_default();
        *total = total.saturating_add(quantity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quantities_have_limits() {
        for (item, quantity) in [("tea", 1), ("tea", 99), ("ü", 5), (&*"x".repeat(64), 1)] {
            assert_eq!(check(item, quantity), Ok(()), "{quantity} of {item}");
        }
        let long = "x".repeat(65);
        for (item, quantity) in [("tea", 0), ("tea", 100), ("", 1), (&*long, 1), ("a\nb", 1)] {
            assert!(check(item, quantity).is_err(), "{quantity} of {item}");
        }
    }

    #[test]
    fn a_full_cart_accepts_only_more_of_the_same_items() {
        let mut cart: Cart = (0..MAX_ITEMS).map(|n| (n.to_string(), 1)).collect();
        put(&mut cart, "tea", 1);
        assert!(cart.len() == MAX_ITEMS && !cart.contains_key("tea"));
        put(&mut cart, "7", 2);
        assert_eq!(cart["7"], 3);
        put(&mut cart, "7", u32::MAX);
        assert_eq!(cart["7"], u32::MAX, "the quantity saturates");
    }
}
