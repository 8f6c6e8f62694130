//! Which generation of table files is live, which is kept, and what else is on the disk.

use std::io;
use std::path::{Path, PathBuf};

use alluvium_kernel::Problem;
use alluvium_projection::GenerationState;
use alluvium_tablestore::{Hub, UNFOLDED_GENERATION};
use serde::{Deserialize, Serialize};

use super::floor::Floor;
use super::past::GENERATION_MIN;

/// The file `active.json` beside the generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Active {
    /// The one that is read.
    pub generation: u32,
    /// The one that was read before: to go back to.
    #[serde(default)]
    pub previous: Option<u32>,
}

impl Active {
    /// As it is on the disk; the first generation when nothing is.
    pub fn load(data_dir: &Path) -> Result<Self, Problem> {
        let damaged = |error: serde_json::Error| unusable(&format!("active.json is damaged: {error}"));
        let (active, previous) = match std::fs::read(path(data_dir)) {
            Ok(text) => {
                let text: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
                let says = text.get("previous").is_some();
                let active: Self = serde_json::from_value(text).map_err(damaged)?;
                // Releases that did not say which one is kept always kept the one before.
                (active, if says { active.previous } else { active.generation.checked_sub(1) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Self { generation: 1, previous: None }, None),
            Err(error) => return Err(unusable(&error.to_string())),
        };
        let there = |number: &u32| *number > 0 && directory(data_dir, *number).is_dir();
        Ok(Self { previous: previous.filter(there), ..active })
    }

    /// Writes it so that a crash leaves the old or the new one.
    pub fn save(self, data_dir: &Path) -> Result<(), Problem> {
        let write = || -> io::Result<()> {
            let temporary = data_dir.join("active.json.new");
            std::fs::write(&temporary, serde_json::to_vec(&self)?)?;
            std::fs::File::open(&temporary)?.sync_all()?;
            std::fs::rename(&temporary, path(data_dir))?;
            std::fs::File::open(data_dir)?.sync_all()
        };
        write().map_err(|error| unusable(&error.to_string()))
    }

    /// A number that no generation has.
    pub fn next(self) -> u32 {
        self.generation.max(self.previous.unwrap_or(0)) + 1
    }
}

/// One generation of table files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableGeneration {
    /// Its number.
    pub generation: u32,
    /// What it is there for.
    pub state: GenerationState,
    /// All up to here is in its files.
    pub watermark: u64,
    /// What its files take.
    pub bytes: u64,
}

/// What is on the disk, newest first; `building` is the one that is being built.
pub(super) fn list(data_dir: &Path, active: Active, building: u32) -> io::Result<Vec<TableGeneration>> {
    let mut found = Vec::new();
    for number in numbers(data_dir)? {
        let state = match number {
            _ if number == active.generation => GenerationState::Live,
            _ if number == building => GenerationState::Building,
            _ if Some(number) == active.previous => GenerationState::Kept,
            _ => GenerationState::LeftBehind,
        };
        let directory = directory(data_dir, number);
        let watermark = Floor::load(&directory)?.map_or(0, |floor| floor.seq);
        found.push(TableGeneration { generation: number, state, watermark, bytes: bytes_below(&directory)? });
    }
    found.sort_by_key(|generation| std::cmp::Reverse(generation.generation));
    Ok(found)
}

/// Removes what processes left behind that ended in a rebuild or a verification.
pub(super) async fn drop_left_behind(hub: &Hub, active: Active) {
    let hub = hub.clone();
    let dropped = tokio::task::spawn_blocking(move || -> io::Result<()> {
        for number in numbers(&hub.config().data_dir)? {
            if number == active.generation || Some(number) == active.previous {
                continue;
            }
            match hub.drop_generation(number) {
                Ok(()) => tracing::info!(
                    projection.name = "tables",
                    projection.generation = number,
                    "dropped a generation that an ended process had left behind"
                ),
                Err(error) => {
                    tracing::warn!(projection.generation = number, error = %error, "a generation is left behind");
                }
            }
        }
        Ok(())
    });
    if !matches!(dropped.await, Ok(Ok(()))) {
        tracing::warn!("it could not be seen which generations of tables are left behind");
    }
}

/// Numbers of the generations on the disk, but not of tables at earlier points, nor of files that no fold made.
fn numbers(data_dir: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(data_dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix('g')?.parse::<u32>().ok());
        numbers.extend(number.filter(|number| *number < GENERATION_MIN && *number != UNFOLDED_GENERATION));
    }
    Ok(numbers)
}

fn bytes_below(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        // What goes while we look was not going to be counted for long.
        let Ok(entry) = entry else { continue };
        let Ok(facts) = entry.metadata() else { continue };
        bytes += if facts.is_dir() { bytes_below(&entry.path()).unwrap_or(0) } else { facts.len() };
    }
    Ok(bytes)
}

fn directory(data_dir: &Path, number: u32) -> PathBuf {
    data_dir.join(format!("g{number}"))
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("active.json")
}

fn unusable(reason: &str) -> Problem {
    tracing::error!(reason, "the directory of tables cannot be used");
    Problem::unavailable("storage.fold_unavailable", "the directory of tables cannot be used; the log names why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_releases_wrote_is_read_and_what_is_gone_is_not_kept() {
        let data = tempfile::tempdir().unwrap();
        let load = || Active::load(data.path()).unwrap();
        assert_eq!(load(), Active { generation: 1, previous: None });
        std::fs::write(path(data.path()), "{\"generation\":4}").unwrap();
        assert_eq!(load(), Active { generation: 4, previous: None });
        std::fs::create_dir(directory(data.path(), 3)).unwrap();
        assert_eq!(load(), Active { generation: 4, previous: Some(3) });
        let rolled_back = Active { generation: 3, previous: Some(4) };
        rolled_back.save(data.path()).unwrap();
        assert_eq!(load(), Active { generation: 3, previous: None }, "its directory is not there");
        std::fs::create_dir(directory(data.path(), 4)).unwrap();
        std::fs::create_dir(directory(data.path(), 5)).unwrap();
        std::fs::create_dir(directory(data.path(), UNFOLDED_GENERATION)).unwrap();
        assert_eq!((load(), load().next()), (rolled_back, 5));
        let states = list(data.path(), load(), 5).unwrap();
        let states: Vec<_> = states.iter().map(|found| (found.generation, found.state)).collect();
        assert_eq!(states, [(5, GenerationState::Building), (4, GenerationState::Kept), (3, GenerationState::Live)]);
        Active { generation: 3, previous: None }.save(data.path()).unwrap();
        assert_eq!(load().previous, None, "dropped is dropped");
    }
}
