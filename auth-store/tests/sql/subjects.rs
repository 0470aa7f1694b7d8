//! Subjects are compared as a whole, however long they are.

use std::sync::Arc;

use auth_store::Store;

use crate::sign_in::sign_in;
use crate::stores::on_each;

on_each!(long_subjects_are_distinct);

/// Checks subjects that exceed the maximum length of an index entry.
async fn long_subjects_are_distinct(store: Arc<dyn Store>) {
    for length in [1000, 3000, 70_000] {
        let (one, other) = ("x".repeat(length) + "1", "x".repeat(length) + "2");
        let id = sign_in(&*store, &one).await;
        sign_in(&*store, &other).await;
        let listed = store.list(&one).await.expect("it runs");
        assert_eq!(listed.len(), 1, "of {length} bytes");
        assert_eq!((listed[0].id, listed[0].subject.as_deref()), (id, Some(&*one)));
        assert!(!store.revoke(&other, &id).await.expect("it runs"));
        assert!(store.revoke(&one, &id).await.expect("it runs"));
    }
}
