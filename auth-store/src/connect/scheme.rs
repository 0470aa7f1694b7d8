//! Which store a URL means.

/// Which store a URL means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Memory,
    Redis,
    Postgres,
    MySql,
    Sqlite,
}

impl Scheme {
    /// By what stands before the first colon; none if that is no scheme of ours.
    pub(super) fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once(':')?;
        Some(match scheme {
            "memory" => Self::Memory,
            "redis" | "redis+sentinel" | "redis+cluster" => Self::Redis,
            "rediss" | "rediss+sentinel" | "rediss+cluster" => Self::Redis,
            "postgres" | "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::MySql,
            "sqlite" => Self::Sqlite,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_is_known_and_nothing_else() {
        for (url, scheme) in [
            ("memory:", Some(Scheme::Memory)),
            ("redis://h", Some(Scheme::Redis)),
            ("rediss+cluster://h", Some(Scheme::Redis)),
            ("postgres://h/d", Some(Scheme::Postgres)),
            ("postgresql://h/d", Some(Scheme::Postgres)),
            ("mysql://h/d", Some(Scheme::MySql)),
            ("mariadb://h/d", Some(Scheme::MySql)),
            ("sqlite:file.db", Some(Scheme::Sqlite)),
            ("", None),
            ("memory", None),
            ("Redis://h", None),
            ("redis+tcp://h", None),
            ("file.db", None),
            ("https://h", None),
        ] {
            assert_eq!(Scheme::of(url), scheme, "{url}");
        }
    }
}
