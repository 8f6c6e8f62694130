//! The support bundle: an archive with a directory for each collection, and what is in it.

use std::io::{Cursor, Write as _};

use alluvium_kernel::{Problem, Timestamp};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error;

/// What one bundle holds at most, in bytes before they are packed; later files are left out, and it is said so.
const BUNDLE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One collection: its directory and its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Folder {
    /// When it was collected, in microseconds since 1970.
    pub at: i64,
    /// Names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// What is not there, and why.
    pub missing: Vec<(String, String)>,
}

/// An archive of collections, newest first, with `metadata.txt` and `metadata.json` at its root.
pub(crate) fn bundle(pipeline: &Value, folders: &[Folder], now: i64) -> Result<Vec<u8>, Problem> {
    pack(pipeline, folders, now).map_err(|cause| {
        tracing::error!(error = %cause, "a support bundle could not be packed");
        Problem::internal()
    })
}

fn pack(pipeline: &Value, folders: &[Folder], now: i64) -> Result<Vec<u8>, zip::result::ZipError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let (mut room, mut told) = (BUNDLE_BYTES_MAX, Vec::new());
    for folder in folders {
        let directory = directory(folder.at);
        let (mut files, mut missing) = (Vec::new(), folder.missing.clone());
        for (name, content) in &folder.files {
            if content.len() > room {
                missing.push((name.clone(), format!("a bundle holds {BUNDLE_BYTES_MAX} bytes")));
                continue;
            }
            room -= content.len();
            archive.start_file(format!("{directory}/{name}"), options)?;
            archive.write_all(content)?;
            files.push(name.clone());
        }
        let missing: Vec<Value> =
            missing.into_iter().map(|(file, reason)| json!({ "file": file, "reason": reason })).collect();
        told.push(json!({ "directory": directory, "files": files, "missing": missing }));
    }
    let metadata = json!({
        "bundled_at": Timestamp::from_micros(now).to_rfc3339(), "pipeline": pipeline, "collections": told,
    });
    archive.start_file("metadata.txt", options)?;
    archive.write_all(text(&metadata).as_bytes())?;
    archive.start_file("metadata.json", options)?;
    archive.write_all(format!("{metadata:#}").as_bytes())?;
    Ok(archive.finish()?.into_inner())
}

/// The same for people.
fn text(metadata: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = vec![
        format!(
            "Support bundle of pipeline {} ({})",
            word(&metadata["pipeline"]["name"]),
            word(&metadata["pipeline"]["id"])
        ),
        format!("Bundled at {}", word(&metadata["bundled_at"])),
    ];
    for collection in metadata["collections"].as_array().into_iter().flatten() {
        lines.push(format!("\n{}/", word(&collection["directory"])));
        let files = collection["files"].as_array().into_iter().flatten();
        lines.extend(files.map(|file| format!("  {}", word(file))));
        let missing = collection["missing"].as_array().into_iter().flatten();
        lines.extend(missing.map(|it| format!("  {} is not there: {}", word(&it["file"]), word(&it["reason"]))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// `2026-01-02T03-04-05.678901Z`
fn directory(at: i64) -> String {
    Timestamp::from_micros(at).to_rfc3339().replace("+00:00", "Z").replace(':', "-")
}

/// A JSON file, for people to read too.
pub(crate) fn json_file(name: &str, content: &Value) -> (String, Vec<u8>) {
    (name.to_owned(), format!("{content:#}").into_bytes())
}

/// Refuses a limit that lets nothing in.
pub(crate) fn check_limit(limit: Option<u64>) -> Result<usize, Problem> {
    match limit {
        Some(0) => Err(error::invalid_param("`limit` is at least 1.")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        None => Ok(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        archive.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    #[test]
    fn a_bundle_has_a_directory_for_each_collection_and_says_what_is_in_it() {
        let folder = Folder {
            at: 1_700_000_000_123_456,
            files: vec![json_file("stats.json", &json!({"a": 1})), ("logs.txt".into(), b"x".to_vec())],
            missing: vec![("heap_profile.pb.gz".into(), "it does not run".into())],
        };
        let bytes = bundle(&json!({"name": "p", "id": "1"}), &[folder], 0).unwrap();
        let directory = "2023-11-14T22-13-20.123456Z";
        let expected = [
            format!("{directory}/stats.json"),
            format!("{directory}/logs.txt"),
            "metadata.txt".into(),
            "metadata.json".into(),
        ];
        assert_eq!(names(&bytes), expected);
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes[..])).unwrap();
        let mut text = String::new();
        archive.by_name("metadata.txt").unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("heap_profile.pb.gz is not there: it does not run"), "{text}");
        let metadata: Value = serde_json::from_reader(archive.by_name("metadata.json").unwrap()).unwrap();
        assert_eq!(metadata["collections"][0]["files"], json!(["stats.json", "logs.txt"]));
        assert_eq!(names(&bundle(&json!({}), &[], 0).unwrap()), ["metadata.txt", "metadata.json"]);
    }

    #[test]
    fn a_limit_lets_something_in() {
        assert_eq!((check_limit(None), check_limit(Some(3))), (Ok(usize::MAX), Ok(3)));
        assert_eq!(check_limit(Some(0)).unwrap_err().code, "pipelines.invalid_param");
    }
}
