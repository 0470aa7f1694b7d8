//! `suite!`: one test per behaviour, backend and framework.

/// Lists every backend, the credential of its clients, and whether it stores data of visitors. A new
/// backend is one more line here, and a function of its name in `backend.rs`.
///
/// The credential is a secret in a `cookie`, a secret as a `bearer` token, or a `pair` of an access
/// token and a refresh token.
macro_rules! for_backends {
    ($on:ident, $which:ident, $behaviour:ident) => {
        on_backend!($on, $which, $behaviour, session: cookie visitors);
        on_backend!($on, $which, $behaviour, session_bearer: bearer visitors);
        on_backend!($on, $which, $behaviour, token: bearer no_visitors);
        on_backend!($on, $which, $behaviour, jwt: pair no_visitors);
        on_backend!($on, $which, $behaviour, jwt_eddsa: pair no_visitors);
        on_backend!($on, $which, $behaviour, both_by_cookie: cookie visitors);
        on_backend!($on, $which, $behaviour, both_by_token: pair visitors);
    };
}

/// Makes tests of behaviours: `suite!(every: a, b)` for every backend, and `cookie`, `bearer` or `pair`
/// for the backends with that credential. `secret` means a cookie or a bearer token, and `explicit` a
/// bearer token or a pair. `visitors` and `no_visitors` select by whether data of visitors is stored.
/// With `on one_thread`, the server runs on the test's thread, where events can be captured.
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
    ($on:ident, no_visitors, $behaviour:ident, $backend:ident: $holds:ident no_visitors) => {
        on_frameworks!($on, $behaviour, $backend);
    };
    ($on:ident, $which:ident, $behaviour:ident, $backend:ident: $holds:ident $data:ident) => {};
}

macro_rules! on_frameworks {
    ($on:ident, $behaviour:ident, $backend:ident) => {
        mod $backend {
            use crate::harness::{Framework, TestBackend, $on};

            listed! { fn axum() {
                $on(TestBackend::$backend(), Framework::Axum, super::super::$behaviour);
            } }

            listed! { fn hyper() {
                $on(TestBackend::$backend(), Framework::Hyper, super::super::$behaviour);
            } }
        }
    };
}

/// Makes tests of behaviours that choose their backends themselves.
macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        $(mod $behaviour {
            listed! { fn alone() {
                crate::harness::alone(super::$behaviour());
            } }
        })+
    };
}

/// Makes a function a test. In the library, where there are no tests, [`run`](crate::run) finds it.
#[cfg(test)]
macro_rules! listed {
    (fn $name:ident() $body:block) => {
        #[test]
        fn $name() $body
    };
}

#[cfg(not(test))]
macro_rules! listed {
    (fn $name:ident() $body:block) => {
        fn $name() $body

        inventory::submit! {
            crate::harness::Listed {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: $name,
            }
        }
    };
}
