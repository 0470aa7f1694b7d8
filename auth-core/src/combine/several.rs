//! What `any_of` takes.

use std::sync::Arc;

use crate::authenticator::Authenticator;

pub(super) type Member<C> = Arc<dyn Authenticator<Claims = C>>;

/// What [`any_of`](crate::any_of) takes: a tuple of two to four authenticators, or a list made at run time.
pub trait IntoAuthenticators {
    /// The claims of all of them.
    type Claims;
    /// The authenticators, in the order of preference for new sign-ins.
    fn into_list(self) -> Vec<Arc<dyn Authenticator<Claims = Self::Claims>>>;
}

impl<C> IntoAuthenticators for Vec<Member<C>> {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self
    }
}

impl<C, const N: usize> IntoAuthenticators for [Member<C>; N] {
    type Claims = C;
    fn into_list(self) -> Vec<Member<C>> {
        self.into()
    }
}

macro_rules! several {
    ($first:ident $(, $next:ident)+) => {
        impl<$first, $($next),+> IntoAuthenticators for ($first, $($next),+)
        where
            $first: Authenticator,
            $($next: Authenticator<Claims = $first::Claims>),+
        {
            type Claims = $first::Claims;
            #[allow(non_snake_case)]
            fn into_list(self) -> Vec<Member<$first::Claims>> {
                let ($first, $($next),+) = self;
                vec![$first.erased(), $($next.erased()),+]
            }
        }
    };
}
several!(A, B);
several!(A, B, D);
several!(A, B, D, E);
