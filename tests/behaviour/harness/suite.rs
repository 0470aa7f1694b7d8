//! `suite!`: one test per behaviour, backend and framework.

/// Every backend: what its clients hold, and whether it keeps data of visitors whom nobody has
/// signed in. A new backend is one more line here, and a function of its name in `backend.rs`.
///
/// They hold a secret in a cookie; one that they send as a bearer; or a pair of tokens, of which
/// one authenticates and the other renews.
macro_rules! for_backends {
    ($on:ident, $which:ident, $behaviour:ident) => {
        on_backend!($on, $which, $behaviour, session: cookie visitors);
        on_backend!($on, $which, $behaviour, session_bearer: bearer visitors);
        on_backend!($on, $which, $behaviour, token: bearer strangers);
        on_backend!($on, $which, $behaviour, jwt: pair strangers);
        on_backend!($on, $which, $behaviour, jwt_eddsa: pair strangers);
        on_backend!($on, $which, $behaviour, both_by_cookie: cookie visitors);
        on_backend!($on, $which, $behaviour, both_by_token: pair visitors);
    };
}

/// Makes tests of behaviours: `suite!(every: a, b)` for every backend; `cookie`, `bearer` or `pair`
/// for those whose clients hold that; `secret` for a cookie or a bearer, `explicit` for what is sent
/// on purpose; `visitors` or `strangers` for those that keep their data or do not. With
/// `on one_thread` the server shares the test's thread, where events can be captured.
macro_rules! suite {
    ($which:ident on $on:ident: $($behaviour:ident),+ $(,)?) => {
        $(mod $behaviour {
            for_backends!($on, $which, $behaviour);
        })+
    };
    ($which:ident: $($behaviour:ident),+ $(,)?) => {
        suite!($which on many_threads: $($behaviour),+);
    };
}

macro_rules! on_backend {
    ($on:ident, every, $behaviour:ident, $backend:ident: $holds:ident $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, cookie, $behaviour:ident, $backend:ident: cookie $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, bearer, $behaviour:ident, $backend:ident: bearer $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, pair, $behaviour:ident, $backend:ident: pair $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, secret, $behaviour:ident, $backend:ident: pair $data:ident) => {};
    ($on:ident, secret, $behaviour:ident, $backend:ident: $holds:ident $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, explicit, $behaviour:ident, $backend:ident: cookie $data:ident) => {};
    ($on:ident, explicit, $behaviour:ident, $backend:ident: $holds:ident $data:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, visitors, $behaviour:ident, $backend:ident: $holds:ident visitors) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, strangers, $behaviour:ident, $backend:ident: $holds:ident strangers) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, $which:ident, $behaviour:ident, $backend:ident: $holds:ident $data:ident) => {};
}

macro_rules! on_frameworks {
    ($on:ident, $behaviour:ident, $backend:ident) => {
        mod $backend {
            use crate::harness::{Backend, Framework, $on};

            #[test]
            fn axum() {
                $on(Backend::$backend(), Framework::Axum, super::super::$behaviour);
            }

            #[test]
            fn hyper() {
                $on(Backend::$backend(), Framework::Hyper, super::super::$behaviour);
            }
        }
    };
}
