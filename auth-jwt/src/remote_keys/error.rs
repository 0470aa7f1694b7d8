//! [`FetchError`], the reason why keys could not be fetched.
//!
//! The waiting requests, the status and the event of one fetch share it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use auth_core::BoxError;

/// The kind of a [`FetchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The issuer could not be reached, or the connection failed.
    Unreachable,
    /// The issuer did not answer in time.
    Timeout,
    /// The response has another status than 200.
    Status,
    /// A URL is not allowed: an address over `https` leads to one over `http`, or there are too many
    /// redirects.
    Address,
    /// The response is larger than 256 KiB.
    TooLarge,
    /// The response is not JSON according to its `Content-Type`.
    ContentType,
    /// The discovery document cannot be read, or is that of another issuer.
    Document,
    /// The key set cannot be read, or none of its keys can be used.
    Keys,
    /// The request could not be made: the bearer token cannot be read from its file, the client panicked,
    /// there is no tokio runtime, the options for an issuer of [`RemoteIssuers`](crate::RemoteIssuers) are
    /// wrong, or tokens named too many new issuers.
    Request,
}

impl FetchErrorKind {
    /// Returns the kind in a word or two, as logs and metrics show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Address => "address",
            Self::TooLarge => "too large",
            Self::ContentType => "content type",
            Self::Document => "document",
            Self::Keys => "keys",
            Self::Request => "request",
        }
    }
}

/// Why keys could not be fetched.
#[derive(Clone)]
pub struct FetchError(Arc<Details>);

struct Details {
    kind: FetchErrorKind,
    text: String,
    source: Option<BoxError>,
}

impl FetchError {
    pub(crate) fn new(kind: FetchErrorKind, text: impl Into<String>) -> Self {
        Self(Arc::new(Details { kind, text: shortened(text.into()), source: None }))
    }

    pub(crate) fn with_source(
        kind: FetchErrorKind,
        text: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        let (text, source) = (shortened(text.into()), Some(source.into()));
        Self(Arc::new(Details { kind, text, source }))
    }

    /// Returns whether the issuer answered, but not with what it was asked for.
    pub(super) fn is_answer(&self) -> bool {
        use FetchErrorKind::{Address, ContentType, Document, Status};
        [Status, Address, ContentType, Document].contains(&self.kind())
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> FetchErrorKind {
        self.0.kind
    }
}

/// Shortens a text that may quote what an issuer sent.
fn shortened(mut text: String) -> String {
    const MAX: usize = 500;
    if let Some((end, _)) = text.char_indices().nth(MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FetchError({}: {self})", self.0.kind.as_str())
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
