//! Which file belongs to a table, and how far it has been folded.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Longest file name we make, in bytes; file systems allow 255 and the engine appends `.wal` and `.tmp`.
pub const FILE_NAME_BYTES_MAX: usize = 200;
/// Longest directory part we accept, in bytes.
pub const PATH_PART_BYTES_MAX: usize = 240;

/// The generation of files that are made by no fold: nobody rebuilds them, and nobody takes them for left behind.
pub const UNFOLDED_GENERATION: u32 = 0;

/// The identity of one table file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableFile {
    /// Which rebuild of the read side this file belongs to.
    pub generation: u32,
    /// Tenant, as a subject token.
    pub tenant: String,
    /// Project, as a subject token.
    pub project: String,
    /// Bucket, as a subject token.
    pub bucket: String,
    /// Table, as a subject token.
    pub table: String,
    /// Tells incarnations of one name apart.
    pub uid: String,
}

impl TableFile {
    /// Where the file lives below the data directory. Refuses parts that are not tokens, so that no caller's mistake
    /// becomes a path outside it.
    pub fn path(&self, data_dir: &Path) -> Result<PathBuf> {
        for part in [&self.tenant, &self.project, &self.bucket, &self.uid] {
            check_token(part)?;
            if part.len() > PATH_PART_BYTES_MAX {
                return Err(Error::invalid("invalid_path", "a part of the table's name is too long"));
            }
        }
        check_token(&self.table)?;
        // The name is cut where it must be; the uid alone keeps files apart, and cutting ASCII is safe anywhere.
        let suffix = format!(".{}.duckdb", self.uid);
        let room = FILE_NAME_BYTES_MAX
            .checked_sub(suffix.len())
            .filter(|room| *room > 0)
            .ok_or_else(|| Error::invalid("invalid_path", "the table's uid is too long"))?;
        let table = &self.table[..self.table.len().min(room)];
        Ok(data_dir
            .join(format!("g{}", self.generation))
            .join(&self.tenant)
            .join(&self.project)
            .join(&self.bucket)
            .join(format!("{table}{suffix}")))
    }
}

impl std::fmt::Display for TableFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "g{}/{}/{}/{}/{}.{}", self.generation, self.tenant, self.project, self.bucket, self.table, self.uid)
    }
}

fn check_token(part: &str) -> Result<()> {
    let good =
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'%'));
    if good { Ok(()) } else { Err(Error::invalid("invalid_path", "a part of the table's name is not a token")) }
}

/// How far a file has been folded: the last message whose effects it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Stream sequence.
    pub seq: u64,
    /// Chain value of that message, or the hash of its payload.
    pub hash: String,
    /// When the stream was created, microseconds since 1970; a recreated stream starts over with equal sequences.
    pub stream_created_micros: i64,
}

/// Size of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableStats {
    /// Rows in the table.
    pub rows: u64,
    /// Bytes on disk, write-ahead log included.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(table: &str) -> TableFile {
        TableFile {
            generation: 3,
            tenant: "default".into(),
            project: "p1".into(),
            bucket: "in_c-main".into(),
            table: table.into(),
            uid: "0190abcd".into(),
        }
    }

    #[test]
    fn the_path_follows_the_design() {
        let path = file("orders").path(Path::new("/data")).unwrap();
        assert_eq!(path, Path::new("/data/g3/default/p1/in_c-main/orders.0190abcd.duckdb"));
    }

    #[test]
    fn long_names_are_cut_and_stay_apart_by_uid() {
        let long = "%C3%A9".repeat(96);
        let path = file(&long).path(Path::new("/data")).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name.len(), FILE_NAME_BYTES_MAX);
        assert!(name.ends_with(".0190abcd.duckdb"));
    }

    #[test]
    fn parts_that_are_not_tokens_are_refused() {
        for bad in ["", "..", "a/b", "a.b", "a'b", "a\0b", "é", "a b"] {
            assert!(file(bad).path(Path::new("/data")).is_err(), "{bad:?}");
            let other = TableFile { tenant: bad.into(), ..file("t") };
            assert!(other.path(Path::new("/data")).is_err(), "{bad:?}");
        }
    }
}
