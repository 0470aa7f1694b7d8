//! Macros that declare types of the four crates, or implement a trait for them.

/// Implements `Debug` for a type that holds secrets, showing only these fields. A derived `Debug` shows every new
/// field; this one hides a field unless it is listed.
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

/// Declares an error that always has this message.
#[doc(hidden)]
#[macro_export]
macro_rules! error_with_message {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident: $($message:tt)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        $visibility struct $name;

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, $($message)+)
            }
        }

        impl ::std::error::Error for $name {}
    };
}

/// Implements `Error` for an enum. The variants that are listed hold a boxed source.
#[doc(hidden)]
#[macro_export]
macro_rules! error_with_source {
    ($name:ident: $($variant:ident),+) => {
        impl ::std::error::Error for $name {
            fn source(&self) -> ::core::option::Option<&(dyn ::std::error::Error + 'static)> {
                match self {
                    $(Self::$variant(source))|+ => ::core::option::Option::Some(&**source),
                    _ => ::core::option::Option::None,
                }
            }
        }
    };
}

/// Implements `Layer` for a backend.
#[doc(hidden)]
#[macro_export]
macro_rules! backend_layer {
    ($name:ident<$($param:ident $(: $bound:path)?),+>) => {
        /// The layer refuses every request without an identity.
        impl<$($param $(: $bound)?,)+ S> ::tower_layer::Layer<S> for $name<$($param),+> {
            type Service = $crate::AuthService<Self, S>;
            fn layer(&self, inner: S) -> Self::Service {
                $crate::AuthService::new(::core::clone::Clone::clone(self), inner)
            }
        }
    };
}
