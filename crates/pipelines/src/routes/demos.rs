//! Programs to try, read from a directory when the process begins.

use std::path::Path;

use serde::Serialize;
use utoipa::ToSchema;

/// Demos that one directory gives, at most.
const DEMOS_MAX: usize = 100;
/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A program to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Demo {
    /// Its name: what a pipeline of it is called.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it shows.
    pub description: String,
    /// Its text in SQL.
    pub program_code: String,
    /// Functions of it in Rust.
    pub udf_rust: String,
    /// Dependencies of these, in TOML.
    pub udf_toml: String,
}

impl Demo {
    /// Of the files `<name>.sql` of a directory, by name; `<name>.udf.rs` and `<name>.udf.toml` belong to it. The comment at a
    /// program's beginning is its title, one line, and its description, the others. What cannot be read is told to people and left out.
    pub fn in_directory(directory: &Path) -> Vec<Self> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(path = %directory.display(), %error, "the directory of demos cannot be read");
                return Vec::new();
            }
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".sql").map(str::to_owned))
            .collect();
        names.sort();
        names.truncate(DEMOS_MAX);
        let read = |name: &String, suffix: &str| {
            let path = directory.join(format!("{name}.{suffix}"));
            let size = std::fs::metadata(&path).ok()?.len();
            (size <= FILE_BYTES_MAX).then(|| std::fs::read_to_string(&path).ok()).flatten()
        };
        let demo = |name: &String| {
            let Some(code) = read(name, "sql") else {
                tracing::warn!(demo = name, "a demo cannot be read, or is too long");
                return None;
            };
            let (rust, toml) = (read(name, "udf.rs").unwrap_or_default(), read(name, "udf.toml").unwrap_or_default());
            Some(Self::of(name, code, rust, toml))
        };
        names.iter().filter_map(demo).collect()
    }

    fn of(name: &str, program_code: String, udf_rust: String, udf_toml: String) -> Self {
        let mut preamble = program_code.lines().map_while(|line| line.strip_prefix("--")).map(str::trim);
        let title = preamble.next().filter(|title| !title.is_empty()).unwrap_or(name).to_owned();
        let description = preamble.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        Self { name: name.to_owned(), title, description, program_code, udf_rust, udf_toml }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_at_the_beginning_is_title_and_description() {
        for (code, title, description) in [
            ("-- A title\n--\n-- What it\n-- shows.\nCREATE TABLE t (a INT); -- more", "A title", "What it shows."),
            ("CREATE TABLE t (a INT);", "name", ""),
            ("--\n-- text", "name", "text"),
        ] {
            let demo = Demo::of("name", code.to_owned(), String::new(), String::new());
            assert_eq!((demo.title.as_str(), demo.description.as_str()), (title, description), "{code}");
            assert_eq!(demo.program_code, code);
        }
        assert_eq!(Demo::in_directory(Path::new("/nowhere/at/all")), []);
    }
}
