//! Subjects are compared byte by byte, whatever they contain.

use std::sync::Arc;

use auth_store::{OverflowPolicy, SignInLimit, Store};

use crate::sign_in::{draft, sign_in};
use crate::stores::on_each;

on_each!(subjects_that_differ_in_any_byte_are_distinct);
on_each!(long_subjects_are_distinct);

/// A collation would consider some of them equal.
async fn subjects_that_differ_in_any_byte_are_distinct(store: Arc<dyn Store>) {
    let subjects = [
        "ada",
        "Ada",
        "ADA",
        "ada ",
        " ada",
        "ada\0",
        "\0",
        "",
        "\u{e1}da",
        "a\u{301}da",
        "ad\u{430}",
        "ada\u{200b}",
        "stra\u{df}e",
        "strasse",
        "\\",
        "'; DROP TABLE auth_sign_ins; --",
        "%",
        "_",
        "$1",
        "?",
    ];
    let mut ids = Vec::new();
    for subject in subjects {
        let (_, record) = draft(&*store, Some(subject));
        ids.push(record.id);
        let limit =
            SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::Reject };
        store.create(record, Some(limit)).await.expect("the first sign-in of the subject");
    }
    for (subject, id) in subjects.iter().zip(&ids) {
        let listed = store.list(subject).await.expect("it runs");
        let [record] = &listed[..] else { panic!("{subject:?} has {listed:?}") };
        assert_eq!((record.id, record.subject.as_deref()), (*id, Some(*subject)));
    }
    for (subject, id) in subjects.iter().zip(&ids) {
        assert_eq!(store.update_subject(subject, b"{}").await.expect("it runs"), 1, "{subject:?}");
        assert_eq!(store.revoke_subject(subject).await.expect("it runs"), 1, "{subject:?}");
        assert!(store.load(id).await.expect("it runs").is_none());
    }
}

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
