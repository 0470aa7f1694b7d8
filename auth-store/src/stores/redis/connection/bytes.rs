//! What a connection is made of.

use tokio::io::{AsyncRead, AsyncWrite};

/// What a connection reads from and writes to.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}
