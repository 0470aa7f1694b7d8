//! [`redacted_debug!`](crate::redacted_debug), which the four crates use for types that hold secrets.
//!
//! A derived `Debug` shows every new field. This macro hides a field unless it is listed.

/// Implements `Debug` for a type, showing only these fields.
#[doc(hidden)]
#[macro_export]
macro_rules! redacted_debug {
    ($name:ident $(<$param:ident $(: $bound:path)?>)? { $($field:ident),* $(,)? }) => {
        impl$(<$param $(: $bound)?>)? ::core::fmt::Debug for $name$(<$param>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(::core::stringify!($name))
                    $(.field(::core::stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    };
}
