//! `suite!`: one test per behaviour, backend and framework.

/// Every backend: how its credential travels, and whether it keeps data of visitors whom nobody
/// has signed in. A new backend is one more line here, and a function of its name in `backend.rs`.
macro_rules! for_backends {
    ($on:ident, $which:ident, $behaviour:ident) => {
        on_backend!($on, $which, $behaviour, session: cookie visitors);
        on_backend!($on, $which, $behaviour, session_bearer: explicit visitors);
        on_backend!($on, $which, $behaviour, token: explicit strangers);
        on_backend!($on, $which, $behaviour, both_by_cookie: cookie visitors);
        on_backend!($on, $which, $behaviour, both_by_token: explicit visitors);
    };
}

/// Makes tests of behaviours: `suite!(every: a, b)` for every backend, `cookie` or `explicit` for
/// those whose credential travels so, `visitors` for those that keep data of visitors. With
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
    ($on:ident, every, $behaviour:ident, $backend:ident: $carrier:ident $visitors:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, cookie, $behaviour:ident, $backend:ident: cookie $visitors:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, explicit, $behaviour:ident, $backend:ident: explicit $visitors:ident) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, visitors, $behaviour:ident, $backend:ident: $carrier:ident visitors) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, $which:ident, $behaviour:ident, $backend:ident: $carrier:ident $visitors:ident) => {};
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
