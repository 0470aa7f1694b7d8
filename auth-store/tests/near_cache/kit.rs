//! The conformance kit, over a store that announces and over one that does not.

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

mod aged {
    use std::time::Duration;

    use auth_store::MemoryStore;
    use auth_store::near_cache::NearCache;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<MemoryStore> {
            let staleness = Duration::from_secs(2);
            NearCache::<MemoryStore>::builder().with_ttl(MemoryStore::new(), staleness)
        }
    }
}
