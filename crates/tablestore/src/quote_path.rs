//! Our own paths as SQL literals.

use std::path::Path;

use crate::error::{Error, Result};

/// A path as a quoted SQL string. Paths are ours (directories from the configuration, names from tokens and hashes), but a
/// quote in a configured directory must not become SQL.
pub(crate) fn literal_path(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Error::invalid("invalid_path", "a configured path is not UTF-8"))?;
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// As [`literal_path`], for table functions that would read `*`, `?` and `[` as patterns.
pub(crate) fn literal_file(path: &Path) -> Result<String> {
    let text = path.to_str().unwrap_or_default();
    if text.contains(['*', '?', '[', '{']) {
        return Err(Error::invalid("invalid_path", "a file path may not contain a pattern"));
    }
    literal_path(path)
}
