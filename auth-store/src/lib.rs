mod codec;
mod data;
mod error;
mod lifetime;
mod record;
mod secret;
mod store;
pub use codec::encode;
pub use data::Data;
pub use error::{StoreError, StoreErrorKind};
pub use lifetime::{Expiry, InvalidLifetime, Lifetime, Limits};
pub use record::{Details, Device, Grace, Proof, Record};
pub use secret::{Digest, Digests, FamilyDigest, Kind, Nonce, Secret};
pub use store::{
    Created, Deleted, Found, IntoStore, Limit, Peek, Renewal, Rotation, Store, Swap, WhenFull,
};
