//! The conformance tests of stores, with and without announcements.

mod announced {
    use auth_store::near_cache::NearCache;

    use crate::announcing::Announcing;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<Announcing> {
            NearCache::new(Announcing::new())
        }
    }
}

mod ttl {
    use std::time::Duration;

    use auth_store::MemoryStore;
    use auth_store::near_cache::NearCache;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<MemoryStore> {
            let ttl = Duration::from_secs(2);
            NearCache::<MemoryStore>::builder().with_ttl(MemoryStore::new(), ttl)
        }
    }
}
