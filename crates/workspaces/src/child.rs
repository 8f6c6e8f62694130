//! The process that opens a workspace's file: does one piece of work and ends, or does what it is told until nobody tells it anything.

use std::io::{BufRead, BufWriter, Read as _, Write as _};
use std::path::Path;

use nix::sys::resource::{Resource, setrlimit};

use crate::Error;
use crate::request::{Answer, Reply, Request, Work};
use crate::run;
use crate::sql::{Engine, SOURCE};
use crate::talk::talk;
use crate::unload;

/// The workspace's file, in its directory.
pub(crate) const FILE: &str = "workspace.duckdb";
/// Where its engine spills to, in its directory.
pub(crate) const TEMP: &str = "tmp";
/// What an engine must be able to write to open a file at all, in bytes.
const FILE_BYTES_MIN: u64 = 1 << 20;
/// A request is small; more is none.
const REQUEST_BYTES_MAX: u64 = 4 << 20;
/// What the process may take beside what its engine counts, in bytes.
const MEMORY_OVERHEAD_BYTES: u64 = 1 << 30;

/// Reads a request from standard input, does it, and writes the answer to standard output. Fails only when it cannot do that.
pub fn run() -> std::io::Result<()> {
    let (mut text, mut input) = (String::new(), std::io::stdin().lock());
    (&mut input).take(REQUEST_BYTES_MAX).read_line(&mut text)?;
    let answer = match serde_json::from_str::<Request>(&text) {
        Ok(Request { work: Work::Talk { copies }, directory, memory_bytes, threads, limit_bytes }) => {
            let request = Request { work: Work::List, directory, memory_bytes, threads, limit_bytes };
            return stay(&request, &copies, input);
        }
        Ok(request) => answer(&request).unwrap_or_else(|error| Answer::Failed(error.limited(request.limit_bytes))),
        Err(error) => Answer::Failed(Error::unavailable(error)),
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.flush()
}

/// Opens the workspace and does what further lines say.
fn stay(request: &Request, copies: &Path, input: impl BufRead) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let opened = confine(request).and_then(|()| {
        let (file, temp) = (request.directory.join(FILE), request.directory.join(TEMP));
        let (file, temp) = (text(&file)?, text(&temp)?);
        Engine::open(file, temp, request.memory_bytes, request.threads, &[])?.locked_but_for(text(copies)?)
    });
    match opened {
        Ok(engine) => talk(&engine, text(copies).unwrap_or_default(), input, &mut out),
        Err(error) => {
            serde_json::to_writer(&mut out, &Reply::Failed(error))?;
            out.write_all(b"\n")?;
            out.flush()
        }
    }
}

fn answer(request: &Request) -> Result<Answer, Error> {
    confine(request)?;
    let (file, temp) = (request.directory.join(FILE), request.directory.join(TEMP));
    let (file, temp) = (text(&file)?, text(&temp)?);
    let open = |others: &[(String, String)]| Engine::open(file, temp, request.memory_bytes, request.threads, others);
    Ok(match &request.work {
        Work::List => Answer::Listed(open(&[])?.locked()?.list()?),
        Work::Views => Answer::Views(open(&[])?.locked()?.views()?),
        Work::Load { from, destination, limit_bytes } => {
            let engine = open(&[(text(from)?.to_owned(), SOURCE.to_owned())])?.locked()?;
            Answer::Loaded(engine.load(destination, *limit_bytes)?)
        }
        Work::Drop { name } => Answer::Dropped(open(&[])?.locked()?.drop(name)?),
        Work::Run(statement) => Answer::Ran(run::run(statement, open)?),
        Work::Unload { object, sources, pick } => {
            let to = request.directory.join(TEMP).join(unload::FILE);
            Answer::Unloaded(unload::write((object.as_str(), pick), sources, text(&to)?, open)?)
        }
        Work::Talk { .. } => return Err(Error::unavailable("a talk is no single piece of work")),
    })
}

/// The engine counts most of what it takes, not all: what goes far beyond is refused by the system, and when the machine itself runs
/// out of memory, this process goes before any that keeps tables.
fn confine(request: &Request) -> Result<(), Error> {
    let bytes = request.memory_bytes.saturating_add(MEMORY_OVERHEAD_BYTES);
    setrlimit(Resource::RLIMIT_DATA, bytes, bytes).map_err(Error::unavailable)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(Error::unavailable)?;
    if let Some(limit) = request.limit_bytes {
        // Whatever a statement writes: at this size of a file the process ends, and what it had not committed was never there.
        let bytes = limit.max(FILE_BYTES_MIN);
        setrlimit(Resource::RLIMIT_FSIZE, bytes, bytes).map_err(Error::unavailable)?;
    }
    // Not every system has it, and some forbid it; the limit above holds all the same.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::unavailable("a configured path is not UTF-8"))
}
