//! Random steps have the same results over every database.

use std::sync::Arc;

use auth_store::Store;

use crate::stores::on_each;
use crate::support::random_steps::check;

on_each! { agrees_with_the_reference }

async fn agrees_with_the_reference(store: Arc<impl Store>) {
    check(30, &*store);
}
