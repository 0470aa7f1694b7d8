//! The scripts.

use std::sync::LazyLock;

use super::connection::Script;

macro_rules! scripts {
    ($($(#[$on:meta])? $name:ident $file:literal;)*) => {
        $($(#[$on])? pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(include_str!("lua/common.lua"), include_str!($file)))
        });)*
    };
}

scripts! {
    CREATE "lua/create.lua";
    EVICT "lua/evict.lua";
    UPDATE "lua/update.lua";
    ROTATE "lua/rotate.lua";
    TOUCH "lua/touch.lua";
    DELETE "lua/delete.lua";
    REVOKE "lua/revoke.lua";
    REVOKE_ALL "lua/revoke_all.lua";
    LIST "lua/list.lua";
    AMEND "lua/amend.lua";
    #[cfg(feature = "near-cache")] BEAT "lua/beat.lua";
}

/// What a script complains with when it meets a record of another format.
pub(super) const FORMAT_ERROR: &str = "AUTHFORMAT";
