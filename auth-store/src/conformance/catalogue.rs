//! Every check of the kit.

use super::check::Check;
use super::{
    create, limits, list, look, race_changes, race_ends, race_subjects, removal, rotate, secrets,
    subjects, sweep, touch, update, watch,
};

macro_rules! checks {
    ($(() $file:ident $check:ident;)*) => {
        &[$(Check::new(stringify!($check), |store| {
            Box::pin(async move { $file::$check(&store).await })
        })),*]
    };
}

/// Every rule of the contract of [`Store`](crate::Store).
pub const CHECKS: &[Check] = crate::__every_conformance_check! { [checks], () };

/// Calls the macro in brackets with `$context file check;` for every check.
#[doc(hidden)]
#[macro_export]
macro_rules! __every_conformance_check {
    ([$($then:tt)*], $context:tt) => {
        $crate::__every_conformance_check! { @list [$($then)*], $context,
            create:
                new_ids_never_repeat
                create_keeps_every_field
                create_keeps_data_up_to_its_limit
                create_keeps_a_sign_in_that_never_ends
                create_starts_at_version_0
                create_never_replaces_a_sign_in
                create_of_a_taken_key_evicts_nobody;
            look:
                load_of_an_unknown_id_is_none
                load_goes_by_the_whole_id
                peek_agrees_with_load
                peek_knows_of_every_end
                peek_shows_one_answer;
            update:
                update_replaces_the_data_and_nothing_else
                update_at_another_version_changes_nothing
                update_never_creates
                update_keeps_the_last_use;
            rotate:
                rotate_replaces_the_secret_and_nothing_else
                rotate_from_another_secret_changes_nothing
                rotate_never_creates
                rotate_does_not_wait_for_an_update
                sec_12_rotate_with_a_renewal_starts_the_limits_anew;
            secrets:
                sec_83_a_secret_without_grace_is_over_at_once
                sec_64_a_secret_in_grace_leads_to_its_successor
                a_grace_ends_with_the_next_refresh
                sec_86_a_forged_secret_proves_nothing
                sec_81_a_secret_of_another_kind_proves_nothing;
            touch:
                touch_moves_the_last_use_forward
                touch_never_moves_the_last_use_back
                touch_does_not_change_the_version
                touch_never_revives;
            removal:
                delete_ends_a_sign_in_once
                delete_if_ends_only_this_version
                delete_if_does_not_mind_a_use
                sec_85_delete_if_idle_spares_what_was_used_since
                delete_if_idle_ends_what_was_not_used_since
                what_ended_counts_no_more;
            list:
                list_is_oldest_first
                list_tells_subjects_apart
                anonymous_sign_ins_are_nobodys;
            subjects:
                revoke_ends_one_sign_in
                sec_19_revoke_spares_another_subjects
                sec_16_revoke_others_spares_only_this_one
                sec_17_revoke_subject_ends_all_sign_ins
                amend_subject_changes_roles_and_nothing_else
                sec_88_amend_subject_takes_effect_at_once
                amend_subject_never_creates;
            limits:
                a_limit_evicts_the_oldest
                a_lowered_limit_evicts_several
                a_full_limit_refuses_and_changes_nothing
                expired_sign_ins_do_not_count_for_the_limit
                living_sign_ins_count_for_the_limit;
            watch:
                a_watch_hears_of_every_end
                a_watch_hears_of_every_change
                a_watch_misses_no_end_between_two_looks
                a_watch_does_not_need_the_sign_in;
            sweep:
                sweep_collects_what_has_expired
                sweep_never_takes_a_living_sign_in
                sweep_takes_at_most_so_many;
            race_changes:
                parallel_updates_lose_nothing
                sec_63_parallel_rotations_have_one_winner
                parallel_touches_keep_the_latest
                changes_of_different_parts_are_all_kept
                delete_if_idle_and_a_touch_agree;
            race_ends:
                sec_77_an_update_never_undoes_an_end
                sec_77_a_rotation_never_undoes_an_end
                sec_77_a_touch_never_undoes_an_end
                sec_77_an_amendment_never_undoes_an_end
                delete_if_and_an_update_never_both_win
                a_sign_in_ends_once;
            race_subjects:
                sec_21_parallel_sign_ins_leave_as_many_as_the_limit
                sec_21_parallel_sign_ins_are_refused_beyond_the_limit
                parallel_creates_of_one_key_have_one_winner
                a_sign_in_is_never_out_of_reach
                the_kept_sign_in_stays_whoever_signs_in
                a_sign_in_is_amended_or_as_created;
        }
    };
    (@list [$($then:tt)*], $context:tt, $($file:ident: $($check:ident)*;)*) => {
        $($then)*! { $($($context $file $check;)*)* }
    };
}
