//! One child process: started so that it does not outlive us, stopped in good order.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{self, Signal},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};

use crate::{Error, Result, find, user::RunAs};

const POLL: Duration = Duration::from_millis(5);
const EXIT_POLL: Duration = Duration::from_millis(100);

/// A child process in a process group of its own, so that Ctrl-C in the terminal reaches only us and we stop it in order.
/// Dropping it stops it: with the signal it was given, and with SIGKILL when that takes too long.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: &'static str,
    on_drop: (Signal, Duration),
}

impl Process {
    /// Starts `command`; `stop_signal` asks it to leave, `stop_budget` says how long it may take.
    pub fn spawn(name: &'static str, mut command: Command, stop_signal: Signal, stop_budget: Duration) -> Result<Self> {
        command.process_group(0);
        let child =
            spawn_from_lasting_thread(command).map_err(|source| Error::io(format!("starting {name}"), source))?;
        Ok(Self { child, name, on_drop: (stop_signal, stop_budget) })
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn try_exit(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|source| Error::io(format!("asking how {} is", self.name), source))
    }

    /// Waits until it ends.
    pub async fn exited(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_exit()? {
                return Ok(status);
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
    }

    /// Sends a signal; to a process that has ended, that is no error.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.try_exit()?.is_some() {
            return Ok(());
        }
        signal::kill(Pid::from_raw(self.child.id() as i32), signal)
            .map_err(|errno| Error::io(format!("sending {signal} to {}", self.name), errno.into()))
    }

    /// Stops it in its tracks (SIGSTOP) and returns when it has stopped.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        let id = Pid::from_raw(self.child.id() as i32);
        while self.try_exit()?.is_none() {
            let state = waitid(Id::Pid(id), WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG)
                .map_err(|errno| Error::io(format!("pausing {}", self.name), errno.into()))?;
            if matches!(state, WaitStatus::Stopped(..)) {
                break;
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        let failed = |source| Error::io(format!("killing {}", self.name), source);
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed)?;
        Ok(())
    }

    /// Asks it to leave, and kills it when it has not within its budget.
    pub fn stop(&mut self) -> Result<()> {
        let (signal, budget) = self.on_drop;
        // A stopped process takes no signal but SIGKILL until it goes on.
        self.signal(Signal::SIGCONT)?;
        self.signal(signal)?;
        let started = Instant::now();
        while started.elapsed() < budget {
            if self.try_exit()?.is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop().is_err() {
            // Nothing is left to tell anyone; the kernel still kills it with us.
            let _ = self.child.kill();
        }
    }
}

/// What a server is started with.
pub(crate) struct Launch<'a> {
    pub program: &'a Path,
    pub args: Vec<OsString>,
    pub run_as: Option<RunAs>,
    /// Sent to the server by the kernel when we die.
    pub when_parent_dies: &'static str,
    /// Held by the server, as its standard input, for as long as it lives.
    pub lock: File,
    pub log: File,
}

impl Launch<'_> {
    pub fn command(self) -> Result<Command> {
        let mut command = wrapped(self.program, self.run_as, Some(self.when_parent_dies))?;
        let log = self.log.try_clone().map_err(|source| Error::io("opening a log twice", source))?;
        command.args(self.args).stdin(self.lock).stdout(self.log).stderr(log);
        Ok(command)
    }
}

/// `program` behind `setpriv`, which sets the death signal and the user and then becomes the program. Without `setpriv`
/// the program is started as it is: it then outlives a parent that is killed.
pub(crate) fn wrapped(program: &Path, run_as: Option<RunAs>, death: Option<&str>) -> Result<Command> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let setpriv = SETPRIV.get_or_init(|| find::on_path("setpriv").into_iter().find(|path| works(path)));
    let Some(setpriv) = setpriv else {
        if run_as.is_some() {
            return Err(Error::Root { missing: "setpriv (package util-linux) is not installed" });
        }
        return Ok(at_root(Command::new(program)));
    };
    let mut command = Command::new(setpriv);
    if let Some(RunAs { uid, gid }) = run_as {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    }
    if let Some(signal) = death {
        command.args(["--pdeathsig", signal]);
    }
    command.arg("--").arg(program);
    Ok(at_root(command))
}

/// Our own working directory may be closed to the user we drop to.
fn at_root(mut command: Command) -> Command {
    command.current_dir("/");
    command
}

fn works(setpriv: &Path) -> bool {
    Command::new(setpriv)
        .args(["--pdeathsig", "KILL", "--", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// The kernel sends the death signal when the *thread* that started the child ends, so children are started from one
/// thread that lives as long as the process.
fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        // A failure to start the thread drops the inbox, which the send below reports.
        let _ = thread::Builder::new().name("server-starter".into()).spawn(move || {
            for (mut command, answer) in inbox {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, child) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts servers is gone");
    orders.send((command, answer)).map_err(|_| gone(mpsc::RecvError))?;
    child.recv().map_err(gone)?
}
