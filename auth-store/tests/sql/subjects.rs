//! Subjects are compared as a whole, however long they are, and may have many sign-ins.

use std::sync::Arc;

use auth_store::Store;

use crate::sign_in::sign_in;
use crate::stores::on_each;
use crate::support::many::exceed_a_limit;

on_each!(long_subjects_are_distinct);
on_each!(sec_102_a_subject_with_many_sign_ins_is_limited);

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

async fn sec_102_a_subject_with_many_sign_ins_is_limited(store: Arc<dyn Store>) {
    let id = exceed_a_limit(&*store).await;
    assert_eq!(store.update_subject("ada", b"{}").await.expect("it runs"), 1000);
    assert_eq!(store.revoke_others("ada", &id).await.expect("it runs"), 999);
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1);
}
