//! Starting the processes that work in workspaces, one after another for each workspace.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::Error;
use crate::child::{FILE, TEMP};
use crate::gate::Gate;
use crate::request::{Answer, Loaded, Object, Request, Rows, Statement, Work};

/// Engines that run at once: each may take as much memory as is set.
const CHILDREN_MAX: usize = 4;
/// How long bringing in a table may take, in milliseconds; a little less than the request that asks for it.
const LOAD_MS_MAX: u64 = 240_000;
/// How long anything else may take, in milliseconds.
const WORK_MS_MAX: u64 = 60_000;
/// How long others wait for whoever does nothing with its turn, in milliseconds.
const GRACE_MS: u64 = 2_000;
/// What a process gets that makes a file larger than it may.
pub(crate) const SIGXFSZ: i32 = nix::sys::signal::Signal::SIGXFSZ as i32;
/// The one variable that the child may need: where the engine's library is.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Where workspaces are, and what one may use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Holds one directory a workspace.
    pub directory: PathBuf,
    /// Starts the process that opens one ([`crate::child::run`]).
    pub command: Vec<OsString>,
    /// Memory of one engine, in bytes.
    pub memory_bytes: u64,
    /// Threads of one engine.
    pub threads: usize,
}

/// The workspaces of this process, by their uid. Cheap to clone.
#[derive(Clone)]
pub struct Workspaces {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    busy: Mutex<HashMap<String, Weak<Busy>>>,
    children: Arc<Semaphore>,
    slots: Gate,
}

/// Who works in one workspace, and who waits to.
#[derive(Default)]
struct Busy {
    lock: Arc<tokio::sync::Mutex<()>>,
    gate: Gate,
}

/// The turn of who works in a workspace.
pub(crate) struct Turn {
    _mine: OwnedMutexGuard<()>,
    busy: Arc<Busy>,
}

/// A process that may run.
pub(crate) struct Slot(#[expect(dead_code, reason = "held until it goes")] OwnedSemaphorePermit);

impl std::fmt::Debug for Workspaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspaces").field("directory", &self.inner.settings.directory).finish_non_exhaustive()
    }
}

impl Workspaces {
    /// Makes the directory, if it is not there.
    pub fn open(mut settings: Settings) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(&settings.directory).and_then(|()| settings.directory.canonicalize());
        settings.directory = made.map_err(|error| Error::io(&error))?;
        let children = Arc::new(Semaphore::new(CHILDREN_MAX));
        Ok(Self { inner: Arc::new(Inner { settings, busy: Mutex::default(), children, slots: Gate::default() }) })
    }

    /// What the workspace takes on disk, in bytes; 0 for one that nothing was brought into.
    pub fn size(&self, uid: &str) -> u64 {
        let Ok(directory) = self.directory(uid) else { return 0 };
        [FILE.to_owned(), format!("{FILE}.wal")]
            .iter()
            .filter_map(|name| std::fs::metadata(directory.join(name)).ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Tables and views, by name.
    pub async fn objects(&self, uid: &str) -> Result<Vec<Object>, Error> {
        let directory = self.directory(uid)?;
        let _mine = self.turn(uid).await;
        if !directory.join(FILE).exists() {
            return Ok(Vec::new());
        }
        match self.ask(directory, Work::List, None, WORK_MS_MAX).await? {
            Answer::Listed(objects) => Ok(objects),
            other => Err(unexpected(&other)),
        }
    }

    /// How its views are made: name and definition of each.
    pub async fn views(&self, uid: &str) -> Result<Vec<(String, String)>, Error> {
        let directory = self.directory(uid)?;
        let _mine = self.turn(uid).await;
        if !directory.join(FILE).exists() {
            return Ok(Vec::new());
        }
        match self.ask(directory, Work::Views, None, WORK_MS_MAX).await? {
            Answer::Views(views) => Ok(views),
            other => Err(unexpected(&other)),
        }
    }

    /// Brings in the rows of `main.data` of a DuckDB file. They replace what has the name.
    pub async fn load(&self, uid: &str, file: &Path, destination: &str, limit_bytes: u64) -> Result<Loaded, Error> {
        let work = Work::Load { from: file.to_owned(), destination: destination.to_owned(), limit_bytes };
        match self.change(uid, work, None, LOAD_MS_MAX).await? {
            Answer::Loaded(loaded) => Ok(loaded),
            other => Err(unexpected(&other)),
        }
    }

    /// Runs one statement, whatever it is. It changes the workspace or nothing.
    pub async fn run(&self, uid: &str, statement: Statement, limit_bytes: u64, limit_ms: u64) -> Result<Rows, Error> {
        match self.change(uid, Work::Run(statement), Some(limit_bytes), limit_ms).await? {
            Answer::Ran(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    /// Work that may write, also in a workspace that has nothing yet.
    async fn change(&self, uid: &str, work: Work, limit_bytes: Option<u64>, limit_ms: u64) -> Result<Answer, Error> {
        let directory = self.directory(uid)?;
        let _mine = self.turn(uid).await;
        tokio::fs::create_dir_all(&directory).await.map_err(|error| Error::io(&error))?;
        self.ask(directory, work, limit_bytes, limit_ms).await
    }

    /// Drops a table or a view; whether there was one of that name.
    pub async fn drop_object(&self, uid: &str, name: &str) -> Result<bool, Error> {
        let directory = self.directory(uid)?;
        let _mine = self.turn(uid).await;
        if !directory.join(FILE).exists() {
            return Ok(false);
        }
        match self.ask(directory, Work::Drop { name: name.to_owned() }, None, WORK_MS_MAX).await? {
            Answer::Dropped(found) => Ok(found),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes away all that lies in a workspace. Needs no engine, so it also helps where none can open the file any more.
    pub async fn clear(&self, uid: &str) -> Result<(), Error> {
        let directory = self.directory(uid)?;
        let _mine = self.turn(uid).await;
        match tokio::fs::remove_dir_all(&directory).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&error)),
            _ => Ok(()),
        }
    }

    /// The workspaces that have something here.
    pub fn held(&self) -> Result<Vec<String>, Error> {
        let entries = std::fs::read_dir(&self.inner.settings.directory).map_err(|error| Error::io(&error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| is_uid(name)).collect())
    }

    /// Where one lies. Its uid is ours; whatever is none becomes no path.
    pub(crate) fn directory(&self, uid: &str) -> Result<PathBuf, Error> {
        if !is_uid(uid) {
            return Err(Error::unavailable(format!("{uid:?} is no uid of a workspace")));
        }
        Ok(self.inner.settings.directory.join(uid))
    }

    /// A file is open in one process at a time: those who work in one do so one after another.
    pub(crate) async fn turn(&self, uid: &str) -> Turn {
        let busy = self.busy(uid);
        let mine = match busy.lock.clone().try_lock_owned() {
            Ok(mine) => mine,
            Err(_) => busy.gate.wait(busy.lock.clone().lock_owned()).await,
        };
        Turn { _mine: mine, busy }
    }

    fn busy(&self, uid: &str) -> Arc<Busy> {
        let mut busy = self.inner.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = busy.get(uid).and_then(Weak::upgrade) {
            return known;
        }
        busy.retain(|_, known| known.strong_count() > 0);
        let known = Arc::new(Busy::default());
        busy.insert(uid.to_owned(), Arc::downgrade(&known));
        known
    }

    /// Waits until one process more may run.
    pub(crate) async fn slot(&self) -> Result<Slot, Error> {
        let children = &self.inner.children;
        let permit = match children.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.inner.slots.wait(children.clone().acquire_owned()).await.map_err(Error::unavailable)?,
        };
        Ok(Slot(permit))
    }

    /// Resolves when others have waited a while for a workspace, or for a process to run at all.
    pub(crate) async fn is_in_the_way(&self, turn: &Turn) {
        let (own, all) = (&turn.busy.gate, &self.inner.slots);
        loop {
            tokio::select! {
                () = own.wanted() => {}
                () = all.wanted() => {}
            }
            tokio::time::sleep(Duration::from_millis(GRACE_MS)).await;
            if own.is_wanted() || all.is_wanted() {
                return;
            }
        }
    }

    /// A process that works in a directory, with its request.
    pub(crate) fn spawn(
        &self,
        directory: PathBuf,
        work: Work,
        limit_bytes: Option<u64>,
        said: Stdio,
    ) -> Result<(Child, Vec<u8>), Error> {
        let Settings { command, memory_bytes, threads, .. } = &self.inner.settings;
        let request = Request { directory, memory_bytes: *memory_bytes, threads: *threads, limit_bytes, work };
        let mut text = serde_json::to_vec(&request).map_err(Error::unavailable)?;
        text.push(b'\n');
        let (program, arguments) = command.split_first().ok_or_else(|| Error::unavailable("no command is set"))?;
        let mut child = Command::new(program);
        child.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        child.envs(std::env::var_os(LIBRARY_PATH).map(|path| (LIBRARY_PATH, path))).kill_on_drop(true);
        let child = child.current_dir(&request.directory).spawn().map_err(|error| Error::io(&error))?;
        Ok((child, text))
    }

    /// Has a process do the work, and ends it when that takes too long, or when nobody waits any more.
    async fn ask(
        &self,
        directory: PathBuf,
        work: Work,
        limit_bytes: Option<u64>,
        limit_ms: u64,
    ) -> Result<Answer, Error> {
        let _one = self.slot().await?;
        let _spilled = Spilled(directory.join(TEMP));
        self.done(directory, work, limit_bytes, limit_ms).await
    }

    /// The same, for who has a slot and takes away what the engine spills.
    pub(crate) async fn done(
        &self,
        directory: PathBuf,
        work: Work,
        limit_bytes: Option<u64>,
        limit_ms: u64,
    ) -> Result<Answer, Error> {
        let (mut child, text) = self.spawn(directory, work, limit_bytes, Stdio::piped())?;
        let asked = async {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(&text).await?;
            }
            child.wait_with_output().await
        };
        let output = match tokio::time::timeout(Duration::from_millis(limit_ms), asked).await {
            Ok(output) => output.map_err(|error| Error::io(&error))?,
            Err(_) => return Err(Error::TimedOut { limit_ms }),
        };
        if let (Some(SIGXFSZ), Some(limit_bytes)) = (output.status.signal(), limit_bytes) {
            return Err(Error::SizeExceeded { limit_bytes });
        }
        match serde_json::from_slice(&output.stdout) {
            Ok(Answer::Failed(error)) => Err(error),
            Ok(answer) => Ok(answer),
            Err(_) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(Error::unavailable(format!("it ended with {}: {}", output.status, said.trim())))
            }
        }
    }
}

/// What an engine spills is of no use without it, whether it ended well or not.
pub(crate) struct Spilled(pub PathBuf);

impl Drop for Spilled {
    fn drop(&mut self) {
        // Not there unless something did not fit into memory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_uid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

pub(crate) fn unexpected(answer: &Answer) -> Error {
    Error::unavailable(format!("an answer to something else: {answer:?}"))
}
