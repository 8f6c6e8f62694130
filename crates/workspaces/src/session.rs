//! A talk with a process that works in one workspace, for statements that belong together.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::Error;
use crate::child::TEMP;
use crate::host::{SIGXFSZ, Slot, Spilled, Turn, Workspaces};
use crate::request::{Question, Reply, Say, Work};

/// How long a process may take to end by itself, in milliseconds.
const END_MS_MAX: u64 = 5_000;

/// A process that works in one workspace for as long as this is held; nobody else does meanwhile. Dropped, what it had not committed
/// was never there.
pub struct Talk {
    running: Option<Running>,
    limit_bytes: u64,
}

struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    host: Workspaces,
    turn: Turn,
    slot: Slot,
    spilled: Spilled,
}

/// A part of what it answers.
#[derive(Debug)]
pub enum Heard {
    /// Name and type of each column of the rows that follow.
    Columns(Vec<(String, String)>),
    /// A row, as a JSON array.
    Row(String),
    /// All is done; how many rows were changed, where any could.
    Done(Option<u64>),
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Talk").field("limit_bytes", &self.limit_bytes).finish_non_exhaustive()
    }
}

impl Workspaces {
    /// Waits for a turn in a workspace and begins to talk. Copies of tables that are talked about lie in `copies`.
    pub async fn talk(&self, uid: &str, copies: PathBuf, limit_bytes: u64) -> Result<Talk, Error> {
        let directory = self.directory(uid)?;
        let turn = self.turn(uid).await;
        let slot = self.slot().await?;
        tokio::fs::create_dir_all(&directory).await.map_err(|error| Error::io(&error))?;
        let spilled = Spilled(directory.join(TEMP));
        let (mut child, text) = self.spawn(directory, Work::Talk { copies }, Some(limit_bytes), Stdio::null())?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(Error::unavailable("a process has no input and output"));
        };
        let output = BufReader::new(output);
        let running = Running { child, input, output, host: self.clone(), turn, slot, spilled };
        let mut talk = Talk { running: Some(running), limit_bytes };
        talk.write(&text).await?;
        Ok(talk)
    }
}

impl Talk {
    fn running(&mut self) -> Result<&mut Running, Error> {
        self.running.as_mut().ok_or_else(|| Error::unavailable("the talk is over"))
    }

    async fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        let written = async {
            let input = &mut self.running()?.input;
            input.write_all(line).await.map_err(|error| Error::io(&error))?;
            input.flush().await.map_err(|error| Error::io(&error))
        };
        match written.await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.gone().await),
        }
    }

    async fn say(&mut self, say: &Say) -> Result<(), Error> {
        let mut line = serde_json::to_vec(say).map_err(Error::unavailable)?;
        line.push(b'\n');
        self.write(&line).await
    }

    /// The next line that is no row.
    async fn reply(&mut self) -> Result<Result<Reply, String>, Error> {
        let limit_bytes = self.limit_bytes;
        let (mut line, running) = (String::new(), self.running()?);
        match running.output.read_line(&mut line).await {
            Ok(0) | Err(_) => return Err(self.gone().await),
            Ok(_) => {}
        }
        if line.starts_with('[') {
            return Ok(Err(line));
        }
        match serde_json::from_str(&line) {
            Ok(Reply::Failed(error)) => Err(error.limited(Some(limit_bytes))),
            Ok(reply) => Ok(Ok(reply)),
            Err(_) => Err(self.gone().await),
        }
    }

    /// Why the process says nothing any more.
    async fn gone(&mut self) -> Error {
        let limit_bytes = self.limit_bytes;
        let Ok(running) = self.running() else { return Error::unavailable("the talk is over") };
        let ended = tokio::time::timeout(Duration::from_millis(END_MS_MAX), running.child.wait()).await;
        match ended {
            Ok(Ok(status)) if status.signal() == Some(SIGXFSZ) => Error::SizeExceeded { limit_bytes },
            Ok(Ok(status)) => Error::unavailable(format!("it ended with {status}")),
            Ok(Err(error)) => Error::io(&error),
            Err(_) => Error::unavailable("it does not end"),
        }
    }

    /// How views are made: name and definition of each, also of those that are not committed.
    pub async fn views(&mut self) -> Result<Vec<(String, String)>, Error> {
        self.say(&Say::Views).await?;
        match self.reply().await? {
            Ok(Reply::Views(views)) => Ok(views),
            other => Err(unexpected(&other)),
        }
    }

    /// The columns that a statement answers with; none where it has no rows. Does nothing.
    pub async fn describe(&mut self, question: Question) -> Result<Option<Vec<(String, String)>>, Error> {
        self.say(&Say::Describe(question)).await?;
        match self.reply().await? {
            Ok(Reply::Described(columns)) => Ok(columns),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for a statement to be run; [`hear`](Self::hear) what comes of it until it is done.
    pub async fn run(&mut self, question: Question) -> Result<(), Error> {
        self.say(&Say::Run(question)).await
    }

    /// The next part of an answer.
    pub async fn hear(&mut self) -> Result<Heard, Error> {
        match self.reply().await? {
            Err(row) => Ok(Heard::Row(row)),
            Ok(Reply::Columns(columns)) => Ok(Heard::Columns(columns)),
            Ok(Reply::Done { changed }) => Ok(Heard::Done(changed)),
            other => Err(unexpected(&other)),
        }
    }

    /// Runs a statement of ours, such as `COMMIT`.
    pub async fn control(&mut self, sql: &str) -> Result<(), Error> {
        self.run(Question { sql: sql.to_owned(), params: Vec::new(), sources: Vec::new(), catalogue: None }).await?;
        while !matches!(self.hear().await?, Heard::Done(_)) {}
        Ok(())
    }

    /// Ends it well; what was committed is written to where it stays, if anything was.
    pub async fn end(mut self, has_written: bool) -> Result<(), Error> {
        if has_written {
            self.say(&Say::Checkpoint).await?;
            while !matches!(self.hear().await?, Heard::Done(_)) {}
        }
        let Some(Running { mut child, input, .. }) = self.running.take() else { return Ok(()) };
        drop(input);
        let ended = tokio::time::timeout(Duration::from_millis(END_MS_MAX), child.wait()).await;
        if !matches!(ended, Ok(Ok(_))) {
            tracing::warn!("the process of a workspace does not end by itself");
            // Waits for its end as well.
            child.kill().await.map_err(|error| Error::io(&error))?;
        }
        Ok(())
    }

    /// Resolves when others wait for what this has.
    pub async fn is_in_the_way(&self) {
        match &self.running {
            Some(running) => running.host.is_in_the_way(&running.turn).await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Talk {
    /// Whoever comes next must find the file closed.
    fn drop(&mut self) {
        let Some(Running { mut child, turn, slot, spilled, .. }) = self.running.take() else { return };
        // Fails where it has ended.
        let _ = child.start_kill();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = child.wait().await {
                    tracing::warn!(error = %error, "the end of a workspace's process is not known");
                }
                drop((spilled, slot, turn));
            });
        }
    }
}

fn unexpected(reply: &Result<Reply, String>) -> Error {
    Error::unavailable(format!("an answer to something else: {reply:?}"))
}
