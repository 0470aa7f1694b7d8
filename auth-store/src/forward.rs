//! The macro that forwards the methods of [`Store`](crate::Store).
//!
//! A store that wraps another one differs in a few methods and passes on the others. Writing those
//! by hand is long, and it is easy to forget one that has a default, such as
//! [`peek`](crate::Store::peek). The table of all methods is here, once.

/// Forwards the methods of [`Store`](crate::Store) to another store.
///
/// To be used inside an `#[async_trait] impl Store for …` block. The macro takes `self`, and the
/// expression of the store to call:
///
/// - `forward_store!(self => self.inner);` forwards every method.
/// - `except: [load, find]` leaves out methods. Write them by hand, or omit those that have a default
///   implementation.
/// - `around: count` passes each asynchronous call to a method of `Self`, which decides what happens
///   with it: `async fn count<T>(&self, method: &'static str, call: impl Future<Output = Result<T,
///   StoreError>>) -> Result<T, StoreError>`. `method` is the method's name. The synchronous methods
///   ([`new_id`](crate::Store::new_id), [`derived_id`](crate::Store::derived_id),
///   [`peek`](crate::Store::peek), [`watch`](crate::Store::watch) and
///   [`bounds`](crate::Store::bounds)) are forwarded as they are.
/// - `changes: [one, all]` passes each call that changes or ends existing sign-ins, except
///   [`touch`](crate::Store::touch) and [`sweep`](crate::Store::sweep), to a method of `Self`, with what it
///   changes: `one(&self, id: &SignInId, call)` or `all(&self, subject: &str, call)`, which have the same
///   types as `count`. It replaces `around`, and all other calls are forwarded as they are.
///
/// Without `around` and `changes`, the inner store's future is returned as it is, so that forwarding
/// allocates nothing.
///
/// # Examples
///
/// A store that refuses to create sign-ins during maintenance:
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use async_trait::async_trait;
/// use auth_store::{Created, Record, SignInLimit, Store, StoreError, forward_store};
///
/// struct Maintained<S> {
///     inner: S,
///     closed: AtomicBool,
/// }
///
/// #[async_trait]
/// impl<S: Store> Store for Maintained<S> {
///     forward_store!(self => self.inner, except: [create]);
///
///     async fn create(
///         &self,
///         record: Record,
///         limit: Option<SignInLimit>,
///     ) -> Result<Created, StoreError> {
///         if self.closed.load(Ordering::Relaxed) {
///             return Err(StoreError::unavailable("closed for maintenance"));
///         }
///         self.inner.create(record, limit).await
///     }
/// }
/// ```
///
/// A store that logs every call that fails:
///
/// ```
/// use async_trait::async_trait;
/// use auth_store::{Store, StoreError, forward_store};
///
/// struct Logged<S>(S);
///
/// impl<S> Logged<S> {
///     async fn logged<T>(
///         &self,
///         method: &'static str,
///         call: impl Future<Output = Result<T, StoreError>>,
///     ) -> Result<T, StoreError> {
///         call.await.inspect_err(|error| eprintln!("{method} failed: {error}"))
///     }
/// }
///
/// #[async_trait]
/// impl<S: Store> Store for Logged<S> {
///     forward_store!(self => self.0, around: logged);
/// }
/// ```
#[macro_export]
macro_rules! forward_store {
    ($self:ident => $inner:expr $(, around: $around:ident)? $(, except: [$($except:ident),* $(,)?])? $(,)?) => {
        $crate::__forward_store! { [$($($except)*)?] $self, ($inner), [$($around)?] }
    };
    ($self:ident => $inner:expr, changes: [$one:ident, $all:ident] $(, except: [$($except:ident),* $(,)?])? $(,)?) => {
        $crate::__forward_store! { [$($($except)*)?] $self, ($inner), [$one, $all] }
    };
}

/// The table behind [`forward_store`]: `@name [exceptions] self, (inner), [around]`. Each method says
/// what it changes: a sign-in by its id, all of a subject, or nothing that exists.
///
/// `#[async_trait]` does not see what a macro inside its block expands to, so the signatures are
/// written as it writes those of the trait.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_store {
    // All methods, each with the list of exceptions.
    ([$($except:ident)*] $($to:tt)*) => {
        $crate::__forward_store! { @new_id [$($except)*] $($to)* }
        $crate::__forward_store! { @derived_id [$($except)*] $($to)* }
        $crate::__forward_store! { @peek [$($except)*] $($to)* }
        $crate::__forward_store! { @load [$($except)*] $($to)* }
        $crate::__forward_store! { @watch [$($except)*] $($to)* }
        $crate::__forward_store! { @find [$($except)*] $($to)* }
        $crate::__forward_store! { @create [$($except)*] $($to)* }
        $crate::__forward_store! { @update [$($except)*] $($to)* }
        $crate::__forward_store! { @rotate [$($except)*] $($to)* }
        $crate::__forward_store! { @touch [$($except)*] $($to)* }
        $crate::__forward_store! { @delete [$($except)*] $($to)* }
        $crate::__forward_store! { @delete_if_version [$($except)*] $($to)* }
        $crate::__forward_store! { @delete_if_idle [$($except)*] $($to)* }
        $crate::__forward_store! { @list [$($except)*] $($to)* }
        $crate::__forward_store! { @list_each [$($except)*] $($to)* }
        $crate::__forward_store! { @revoke [$($except)*] $($to)* }
        $crate::__forward_store! { @revoke_others [$($except)*] $($to)* }
        $crate::__forward_store! { @revoke_subject [$($except)*] $($to)* }
        $crate::__forward_store! { @update_subject [$($except)*] $($to)* }
        $crate::__forward_store! { @swap_principal [$($except)*] $($to)* }
        $crate::__forward_store! { @sweep [$($except)*] $($to)* }
        $crate::__forward_store! { @bounds [$($except)*] $($to)* }
        $crate::__forward_store! { @close [$($except)*] $($to)* }
    };

    // The method is the first exception: nothing is written.
    (@new_id [new_id $($rest:ident)*] $($to:tt)*) => {};
    (@derived_id [derived_id $($rest:ident)*] $($to:tt)*) => {};
    (@peek [peek $($rest:ident)*] $($to:tt)*) => {};
    (@load [load $($rest:ident)*] $($to:tt)*) => {};
    (@watch [watch $($rest:ident)*] $($to:tt)*) => {};
    (@find [find $($rest:ident)*] $($to:tt)*) => {};
    (@create [create $($rest:ident)*] $($to:tt)*) => {};
    (@update [update $($rest:ident)*] $($to:tt)*) => {};
    (@rotate [rotate $($rest:ident)*] $($to:tt)*) => {};
    (@touch [touch $($rest:ident)*] $($to:tt)*) => {};
    (@delete [delete $($rest:ident)*] $($to:tt)*) => {};
    (@delete_if_version [delete_if_version $($rest:ident)*] $($to:tt)*) => {};
    (@delete_if_idle [delete_if_idle $($rest:ident)*] $($to:tt)*) => {};
    (@list [list $($rest:ident)*] $($to:tt)*) => {};
    (@list_each [list_each $($rest:ident)*] $($to:tt)*) => {};
    (@revoke [revoke $($rest:ident)*] $($to:tt)*) => {};
    (@revoke_others [revoke_others $($rest:ident)*] $($to:tt)*) => {};
    (@revoke_subject [revoke_subject $($rest:ident)*] $($to:tt)*) => {};
    (@update_subject [update_subject $($rest:ident)*] $($to:tt)*) => {};
    (@swap_principal [swap_principal $($rest:ident)*] $($to:tt)*) => {};
    (@sweep [sweep $($rest:ident)*] $($to:tt)*) => {};
    (@bounds [bounds $($rest:ident)*] $($to:tt)*) => {};
    (@close [close $($rest:ident)*] $($to:tt)*) => {};

    // The first exception is another method: the others are compared.
    (@$name:ident [$other:ident $($rest:ident)*] $($to:tt)*) => {
        $crate::__forward_store! { @$name [$($rest)*] $($to)* }
    };

    // The method is no exception.
    (@new_id [] $self:ident, ($inner:expr), $around:tt) => {
        fn new_id(
            &$self,
            subject: ::core::option::Option<&str>,
        ) -> ::core::result::Result<$crate::__private::SignInId, $crate::StoreError> {
            $inner.new_id(subject)
        }
    };
    (@derived_id [] $self:ident, ($inner:expr), $around:tt) => {
        fn derived_id(
            &$self,
            subject: ::core::option::Option<&str>,
            hash: [u8; 16],
        ) -> $crate::__private::SignInId {
            $inner.derived_id(subject, hash)
        }
    };
    (@peek [] $self:ident, ($inner:expr), $around:tt) => {
        fn peek(&$self, id: &$crate::__private::SignInId, see: &mut dyn FnMut($crate::Peek<'_>)) {
            $inner.peek(id, see);
        }
    };
    (@watch [] $self:ident, ($inner:expr), $around:tt) => {
        fn watch(&$self, id: &$crate::__private::SignInId) -> ::core::option::Option<$crate::Watch> {
            $inner.watch(id)
        }
    };
    (@bounds [] $self:ident, ($inner:expr), $around:tt) => {
        fn bounds(&$self) -> $crate::StoreBounds {
            $inner.bounds()
        }
    };
    (@load [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, load(id: ref 'id $crate::__private::SignInId)
            -> ::core::option::Option<$crate::__private::Arc<$crate::Record>> }
    };
    (@find [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, find(
            secret: ref 'secret $crate::Secret,
            kind: $crate::SecretKind,
            now: $crate::__private::Timestamp
        ) -> $crate::SecretLookup }
    };
    (@create [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, create(
            record: $crate::Record,
            limit: ::core::option::Option<$crate::SignInLimit>
        ) -> $crate::Created }
    };
    (@update [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, update(
            id: ref 'id $crate::__private::SignInId,
            version: u64,
            data: $crate::SessionData
        ) -> $crate::CompareAndSwap }
    };
    (@rotate [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, rotate(
            id: ref 'id $crate::__private::SignInId,
            from: ref 'from $crate::Digest,
            rotation: $crate::Rotation
        ) -> $crate::CompareAndSwap }
    };
    (@touch [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, touch(
            id: ref 'id $crate::__private::SignInId,
            at: $crate::__private::Timestamp
        ) -> () }
    };
    (@delete [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, delete(
            id: ref 'id $crate::__private::SignInId
        ) -> bool }
    };
    (@delete_if_version [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, delete_if_version(
            id: ref 'id $crate::__private::SignInId,
            version: u64
        ) -> $crate::Deleted }
    };
    (@delete_if_idle [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, delete_if_idle(
            id: ref 'id $crate::__private::SignInId,
            last_seen: $crate::__private::Timestamp
        ) -> bool }
    };
    (@list [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, list(subject: ref 'subject str)
            -> ::std::vec::Vec<$crate::__private::Arc<$crate::Record>> }
    };
    (@list_each [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, list_each(subject: ref 'subject str)
            -> $crate::__private::EachRecord }
    };
    (@revoke [] $($to:tt)*) => {
        $crate::__forward_store! { async [one id] $($to)*, revoke(
            subject: ref 'subject str,
            id: ref 'id $crate::__private::SignInId
        ) -> bool }
    };
    (@revoke_others [] $($to:tt)*) => {
        $crate::__forward_store! { async [all subject] $($to)*, revoke_others(
            subject: ref 'subject str,
            keep: ref 'keep $crate::__private::SignInId
        ) -> usize }
    };
    (@revoke_subject [] $($to:tt)*) => {
        $crate::__forward_store! { async [all subject] $($to)*, revoke_subject(
            subject: ref 'subject str
        ) -> usize }
    };
    (@update_subject [] $($to:tt)*) => {
        $crate::__forward_store! { async [all subject] $($to)*, update_subject(
            subject: ref 'subject str,
            principal: ref 'principal [u8]
        ) -> usize }
    };
    (@swap_principal [] $($to:tt)*) => {
        $crate::__forward_store! { async [all subject] $($to)*, swap_principal(
            subject: ref 'subject str,
            from: ref 'from [u8],
            to: ref 'to [u8]
        ) -> usize }
    };
    (@sweep [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, sweep(
            now: $crate::__private::Timestamp,
            max: usize
        ) -> $crate::Swept }
    };
    (@close [] $($to:tt)*) => {
        $crate::__forward_store! { async [] $($to)*, close() -> () }
    };

    // One asynchronous method, as `#[async_trait]` writes it.
    (async $changes:tt $self:ident, ($inner:expr), $around:tt,
        $name:ident($($arg:ident: $(ref $life:lifetime)? $ty:ty),*) -> $output:ty) => {
        fn $name<'store, $($($life,)?)* 'async_trait>(
            &'store $self,
            $($arg: $(&$life)? $ty),*
        ) -> $crate::__private::Answer<'async_trait, $output>
        where
            'store: 'async_trait,
            $($($life: 'async_trait,)?)*
            Self: 'async_trait,
        {
            $crate::__forward_store! { call $changes $self, $around, $name, $inner.$name($($arg),*) }
        }
    };
    (call $changes:tt $self:ident, [], $name:ident, $call:expr) => { $call };
    (call [] $self:ident, [$one:ident, $all:ident], $name:ident, $call:expr) => { $call };
    (call [one $id:ident] $self:ident, [$one:ident, $all:ident], $name:ident, $call:expr) => {
        ::std::boxed::Box::pin($self.$one($id, $call))
    };
    (call [all $subject:ident] $self:ident, [$one:ident, $all:ident], $name:ident, $call:expr) => {
        ::std::boxed::Box::pin($self.$all($subject, $call))
    };
    (call $changes:tt $self:ident, [$around:ident], $name:ident, $call:expr) => {
        ::std::boxed::Box::pin($self.$around(::core::stringify!($name), $call))
    };
}

/// What [`__forward_store`] names; not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use std::sync::Arc;

    pub use auth_core::{SignInId, Timestamp};

    use crate::error::StoreError;
    pub use crate::store::EachRecord;

    pub type Answer<'a, T> =
        std::pin::Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;
}
