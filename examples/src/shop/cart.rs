//! The cart: before sign-in, after it, and on each device its own.

use std::collections::BTreeMap;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use auth_store::Session;
use axum::Json;
use axum::response::{IntoResponse, Redirect, Response, Result};
use http::StatusCode;
use parking_lot::Mutex;
use serde::Deserialize;

use super::input::{Format, Input};
use super::return_path::return_path;

/// Under which key the session keeps it.
const KEY: &str = "cart";
const QUANTITY: RangeInclusive<u32> = 1..=99;
const NAME: RangeInclusive<usize> = 1..=64;
/// How many different items a cart holds.
const ITEMS: usize = 100;

/// How many of each item.
type Cart = BTreeMap<String, u32>;

#[derive(Deserialize)]
pub(super) struct Addition {
    item: String,
    quantity: u32,
    /// Where a form goes afterwards.
    next: Option<String>,
}

pub(super) async fn show(session: Session) -> Result<Json<Cart>> {
    Ok(Json(session.get(KEY).await?.unwrap_or_default()))
}

/// Adds to the cart. However many requests do so at once, everything is in it in the end.
pub(super) async fn add(
    session: Session,
    Input { value: Addition { item, quantity, next }, format }: Input<Addition>,
) -> Result<Response> {
    check(&item, quantity).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error))?;
    // The answer is what is kept. Whoever asks for it afterwards may find a cart that others have
    // changed since, or none: the user has logged out on another device.
    let kept = Arc::new(Mutex::new(Cart::new()));
    let (added, keep) = (item.clone(), Arc::clone(&kept));
    session.update(KEY, move |cart: &mut Cart| {
        put(cart, &added, quantity);
        keep.lock().clone_from(cart);
    })?;
    session.save().await?; // now, and not before the response leaves
    let cart = mem::take(&mut *kept.lock());
    if !cart.contains_key(&item) {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "a cart holds 100 different items").into());
    }
    Ok(match (format, next) {
        (Format::Form, Some(next)) => Redirect::to(return_path(&next)).into_response(),
        _ => Json(cart).into_response(),
    })
}

fn check(item: &str, quantity: u32) -> Result<(), &'static str> {
    if !NAME.contains(&item.chars().count()) || item.chars().any(char::is_control) {
        return Err("an item has a name of 1 to 64 characters");
    }
    if !QUANTITY.contains(&quantity) {
        return Err("a quantity is 1 to 99");
    }
    Ok(())
}

/// A full cart stays as it is. It runs on the newest cart, and again if another request was faster.
fn put(cart: &mut Cart, item: &str, quantity: u32) {
    if cart.len() < ITEMS || cart.contains_key(item) {
        let kept = cart.entry(item.to_owned()).or_default();
        *kept = kept.saturating_add(quantity);
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
    fn a_full_cart_takes_more_of_what_is_in_it_and_nothing_else() {
        let mut cart: Cart = (0..ITEMS).map(|n| (n.to_string(), 1)).collect();
        put(&mut cart, "tea", 1);
        assert!(cart.len() == ITEMS && !cart.contains_key("tea"));
        put(&mut cart, "7", 2);
        assert_eq!(cart["7"], 3);
        put(&mut cart, "7", u32::MAX);
        assert_eq!(cart["7"], u32::MAX, "it does not wrap");
    }
}
