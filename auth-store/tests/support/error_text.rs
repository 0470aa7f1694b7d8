//! Everything that an error reveals, to search for what it must name and for what it must hide.

use std::error::Error;

/// Returns the error and all of its sources, both as `Debug` and as `Display`.
pub(crate) fn error_text(error: &dyn Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error:?} {error}");
        source = error.source();
    }
    text
}
