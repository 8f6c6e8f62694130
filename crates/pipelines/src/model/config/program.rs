//! `program_config`.

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};

use super::read;
use crate::error;

/// Length of the name of a commit, in hex digits.
const COMMIT_HEX_CHARS: usize = 40;

/// How a program is compiled. Profile and versions are kept and change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProgramConfig {
    /// How much is optimised.
    pub profile: Option<Profile>,
    /// Whether what was compiled before is used again.
    pub cache: bool,
    /// Another version of the platform.
    pub runtime_version: Option<String>,
    /// Whether the SQL is compiled by this version all the same.
    pub use_platform_compiler: bool,
}

/// How much is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// For development.
    Dev,
    /// Nothing.
    Unoptimized,
    /// All.
    Optimized,
    /// All, with names for profilers.
    OptimizedSymbols,
}

impl Default for ProgramConfig {
    fn default() -> Self {
        Self { profile: None, cache: true, runtime_version: None, use_platform_compiler: false }
    }
}

impl ProgramConfig {
    /// Reads and completes it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let config: Self = read(text).map_err(|reason| error::invalid_program_config(&reason))?;
        if let Some(version) = config.runtime_version.as_deref().filter(|version| !is_version(version)) {
            let reason =
                format!("`runtime_version` is `{version}`; it must be vX.Y.Z or {COMMIT_HEX_CHARS} hex digits");
            return Err(error::invalid_program_config(&reason));
        }
        Ok(config)
    }

    /// The one form of it.
    pub fn canonical(text: &str) -> Result<String, Problem> {
        Ok(serde_json::to_string(&Self::parse(text)?).unwrap_or_default())
    }
}

/// Whether a text names a version of the platform: `vX.Y.Z` or a commit.
pub(crate) fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_release = text.strip_prefix('v').is_some_and(|rest| {
        let parts: Vec<&str> = rest.split('.').collect();
        parts.len() == 3 && parts.into_iter().all(number)
    });
    is_release || text.len() == COMMIT_HEX_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_written_out() {
        let expected = r#"{"profile":null,"cache":true,"runtime_version":null,"use_platform_compiler":false}"#;
        assert_eq!(ProgramConfig::canonical("{}").unwrap(), expected);
        assert_eq!(ProgramConfig::canonical(r#"{"other":1}"#).unwrap(), expected);
    }

    #[test]
    fn profiles_and_versions() {
        for profile in ["dev", "unoptimized", "optimized", "optimized_symbols"] {
            assert!(ProgramConfig::parse(&format!(r#"{{"profile":"{profile}"}}"#)).is_ok(), "{profile}");
        }
        for version in ["v0.96.0", "f4dcac0989ca0fda7d2eb93602a49d007cb3b0ae"] {
            assert!(ProgramConfig::parse(&format!(r#"{{"runtime_version":"{version}"}}"#)).is_ok(), "{version}");
        }
        for wrong in [
            r#"{"profile":"fast"}"#,
            r#"{"cache":1}"#,
            r#"{"runtime_version":"0.96.0"}"#,
            r#"{"runtime_version":"v1.2"}"#,
            r#"{"runtime_version":"v1.2.x"}"#,
            "[]",
            "",
        ] {
            assert_eq!(ProgramConfig::parse(wrong).unwrap_err().code, "pipelines.invalid_program_config", "{wrong}");
        }
    }
}
