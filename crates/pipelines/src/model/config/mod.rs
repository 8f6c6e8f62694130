//! How a pipeline runs and how its program is compiled: read, completed with defaults, written in one form.

mod program;
mod runtime;
mod secrets;
mod storage;

pub use program::ProgramConfig;
pub(crate) use program::is_version;
pub use runtime::{FaultTolerance, Model, RuntimeConfig};
pub use secrets::{merge, split};
pub use storage::StorageOptions;

use serde::de::DeserializeOwned;

/// Reads a JSON object; says which member is wrong.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // A list would be read as the members in their order.
    if !text.trim_start().starts_with('{') {
        return Err("it is no JSON object".to_owned());
    }
    let input = &mut serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut *input).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if path == "." { cause.to_string() } else { format!("`{path}`: {cause}") }
    })?;
    input.end().map_err(|error| error.to_string())?;
    Ok(value)
}
