//! The list of all checks, and how a store is put through them.
//!
//! The list is a macro, because [`CHECKS`] and [`conformance_tests!`](crate::conformance_tests) both need
//! the names: a constant cannot become test functions.

use std::fmt;
use std::sync::Arc;

use auth_core::BoxFuture;

use super::observed::{Calls, Observed, within_limit};
use super::report::{Outcome, Report, Violation};
use super::{
    bounds, changes, create, dropped, ends, limits, lookup, race_changes, race_ends, race_subjects,
    secrets, subjects, watch,
};
use crate::store::{IntoStore, Store};

macro_rules! checks {
    ($(() $file:ident $check:ident;)*) => {
        &[$(Check::new(stringify!($check), |store| {
            Box::pin(async move { $file::$check(&store).await })
        })),*]
    };
}

/// All checks of the contract of [`Store`](crate::Store).
pub const CHECKS: &[Check] = crate::__every_conformance_check! { [checks], () };

/// Calls the macro in brackets with `$context file check;` for every check.
#[doc(hidden)]
#[macro_export]
macro_rules! __every_conformance_check {
    ([$($then:tt)*], $context:tt) => {
        $crate::__every_conformance_check! { @list [$($then)*], $context,
            create:
                new_ids_never_repeat
                a_derived_id_is_the_same_on_every_node
                create_keeps_every_field
                create_keeps_data_of_the_maximum_size
                create_keeps_a_sign_in_without_deadlines
                create_starts_at_version_0
                create_never_replaces_a_sign_in
                create_with_a_duplicate_id_evicts_no_sign_in;
            lookup:
                load_of_an_unknown_id_is_none
                load_compares_the_whole_id
                peek_agrees_with_load
                peek_reflects_every_end
                peek_calls_back_once;
            changes:
                update_replaces_the_data_and_nothing_else
                update_at_another_version_changes_nothing
                update_never_creates
                update_keeps_the_last_seen_time
                three_hundred_updates_are_counted
                rotate_replaces_the_secret_and_nothing_else
                rotate_from_another_secret_changes_nothing
                rotate_never_creates
                rotate_does_not_conflict_with_an_update
                sec_12_reauthentication_restarts_the_deadlines
                a_custom_kind_is_kept
                sec_88_reauthentication_keeps_the_newest_roles;
            secrets:
                sec_83_a_secret_without_grace_is_invalid_at_once
                sec_64_a_secret_in_grace_leads_to_its_successor
                sec_64_a_grace_moves_the_last_seen_time_forward
                a_grace_ends_with_the_next_refresh
                sec_86_a_forged_secret_proves_nothing
                sec_81_a_secret_of_another_kind_proves_nothing;
            changes:
                touch_moves_the_last_seen_time_forward
                touch_never_moves_the_last_seen_time_back
                touch_does_not_change_the_version
                touch_never_creates;
            ends:
                delete_ends_a_sign_in_once
                delete_if_version_ends_only_this_version
                delete_if_version_ignores_uses
                sec_85_delete_if_idle_spares_a_sign_in_used_since
                delete_if_idle_ends_a_sign_in_not_used_since
                an_ended_sign_in_is_not_counted
                an_ended_sign_in_leaves_no_trace;
            lookup:
                list_is_oldest_first
                list_distinguishes_subjects
                anonymous_sign_ins_belong_to_no_subject;
            subjects:
                revoke_ends_one_sign_in
                sec_19_revoke_spares_another_subjects
                sec_16_revoke_others_spares_only_this_one
                sec_17_revoke_subject_ends_all_sign_ins
                update_subject_changes_roles_and_nothing_else
                sec_88_update_subject_takes_effect_at_once
                update_subject_never_creates
                sec_88_swap_principal_compares_what_it_replaces;
            limits:
                a_limit_evicts_the_oldest
                a_lowered_limit_evicts_several
                a_limit_never_evicts_the_new_sign_in
                a_limit_does_not_apply_to_anonymous_sign_ins
                a_limit_counts_custom_kinds_apart
                a_full_limit_refuses_and_changes_nothing
                expired_sign_ins_do_not_count_for_the_limit
                living_sign_ins_count_for_the_limit;
            bounds:
                long_subjects_are_kept_or_refused
                long_claims_are_kept_or_refused
                many_sign_ins_are_kept_or_refused;
            watch:
                a_watch_completes_at_every_end
                a_watch_completes_at_every_change
                a_watch_misses_no_end_between_load_and_wait
                a_watch_does_not_need_an_existing_sign_in;
            ends:
                sweep_removes_expired_sign_ins
                sweep_never_removes_a_living_sign_in
                sweep_removes_at_most_the_given_number
                sweep_follows_renewed_deadlines;
            dropped:
                a_dropped_step_happens_or_does_not
                a_dropped_step_blocks_no_other;
            race_changes:
                parallel_updates_lose_nothing
                sec_88_parallel_swaps_of_roles_have_one_winner
                sec_63_parallel_rotations_have_one_winner
                parallel_touches_keep_the_latest
                changes_of_different_parts_are_all_kept
                delete_if_idle_and_a_touch_agree;
            race_ends:
                sec_77_an_update_never_undoes_an_end
                sec_77_a_rotation_never_undoes_an_end
                sec_77_a_touch_never_undoes_an_end
                sec_77_update_subject_never_undoes_an_end
                delete_if_version_and_update_never_both_succeed
                a_sign_in_ends_once;
            race_subjects:
                sec_21_parallel_sign_ins_leave_as_many_as_the_limit
                sec_21_parallel_sign_ins_are_refused_beyond_the_limit
                parallel_creates_of_one_id_have_one_winner
                a_sign_in_is_never_missing_from_its_subject
                revoke_others_keeps_its_sign_in_during_sign_ins
                a_sign_in_is_updated_or_as_created;
        }
    };
    (@list [$($then:tt)*], $context:tt, $($file:ident: $($check:ident)*;)*) => {
        $($then)*! { $($($context $file $check;)*)* }
    };
}

/// A check of one rule of the contract of [`Store`].
pub struct Check {
    name: &'static str,
    put: fn(Arc<dyn Store>) -> BoxFuture<Outcome>,
}

impl Check {
    pub(super) const fn new(
        name: &'static str,
        put: fn(Arc<dyn Store>) -> BoxFuture<Outcome>,
    ) -> Self {
        Self { name, put }
    }

    /// Returns the rule, written as the name of a test: `update_never_creates`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks an empty store. A check that takes longer than two minutes fails.
    ///
    /// # Errors
    ///
    /// Returns an error if the store breaks the rule, fails, hangs, or panics.
    pub async fn run(&self, store: impl IntoStore) -> Result<(), Violation> {
        let calls = Calls::default();
        let store = Arc::new(Observed::new(store.into_store(), &calls));
        within_limit(&calls, (self.put)(store)).await
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// Runs all [`CHECKS`], one after the other.
///
/// `fresh` creates an empty store for each check, or one with its own namespace in a shared backend.
pub async fn run<S: IntoStore>(fresh: impl AsyncFn() -> S) -> Report {
    let mut report = Report::default();
    for check in CHECKS {
        report.add(check.name(), check.run(fresh().await).await);
    }
    report
}

/// Runs the check of this name on an empty store. An unknown name fails.
pub async fn check(name: &'static str, store: impl IntoStore) -> Report {
    let mut report = Report::default();
    let outcome = match CHECKS.iter().find(|check| check.name() == name) {
        Some(check) => check.run(store).await,
        None => Err(Violation::new("there is no such check")),
    };
    report.add(name, outcome);
    report
}

/// Writes a test for each of [`CHECKS`](crate::conformance::CHECKS), under its name.
///
/// Takes the attributes of such a test, and an `async fn` that creates an empty store for each. Races
/// are more likely to occur on a multi-threaded runtime.
///
/// ```
/// # mod memory {
/// use auth_store::MemoryStore;
///
/// auth_store::conformance_tests! {
///     #[tokio::test(flavor = "multi_thread")]
///     async fn store() -> MemoryStore {
///         MemoryStore::new()
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($(#[$attribute:meta])* async fn $fresh:ident() -> $store:ty $make:block) => {
        async fn $fresh() -> $store $make

        $crate::__every_conformance_check! {
            [$crate::__conformance_test], { $(#[$attribute])* $fresh }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ($({ $(#[$attribute:meta])* $fresh:ident } $file:ident $check:ident;)*) => {
        $(
            $(#[$attribute])*
            async fn $check() {
                $crate::conformance::check(stringify!($check), $fresh().await)
                    .await
                    .assert_passed();
            }
        )*
    };
}
