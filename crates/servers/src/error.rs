//! What can go wrong, each with what to do about it.

use std::{io, path::PathBuf};

use crate::{Rejected, Version};

/// Why a server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No program of the needed version is on this machine.
    #[error(
        "no {server} {minimum} or newer on this machine{}; run scripts/setup, or name one in {variable}",
        reasons(.looked)
    )]
    NotFound {
        /// The program, such as `nats-server`.
        server: &'static str,
        /// The oldest version that will do.
        minimum: Version,
        /// The environment variable that names one.
        variable: &'static str,
        /// What was found and why it would not do.
        looked: Vec<Rejected>,
    },
    /// The server ended while it was starting.
    #[error("{server} ended while starting ({status}); the end of {}:\n{tail}", .log.display())]
    Exited {
        /// The program.
        server: &'static str,
        /// How it ended.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// The server runs but did not become ready in time.
    #[error("{server} was not ready within {seconds} s; the end of {}:\n{tail}", .log.display())]
    NotReady {
        /// The program.
        server: &'static str,
        /// How long we waited.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// Another process holds the directory.
    #[error(
        "{} is in use by another running server; stop it, or choose another data directory",
        .directory.display()
    )]
    InUse {
        /// The directory that is locked.
        directory: PathBuf,
    },
    /// No port was free, or the wanted one is taken.
    #[error("port {port} on 127.0.0.1 is taken; stop what listens there, or choose another")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// Postgres refuses to run as root and there is nobody else to run it.
    #[error("Postgres does not run as root, and {missing}; run as another user, or install it")]
    Root {
        /// What is missing: the `setpriv` program, or a user to drop to.
        missing: &'static str,
    },
    /// The cluster was made by another major version.
    #[error(
        "{} was made by Postgres {cluster}, but the one found here is {program}; install Postgres {cluster} and name its \
         programs in ALLUVIUM_POSTGRES_BIN, or remove the directory: read models are rebuilt from the log",
        .directory.display()
    )]
    ClusterVersion {
        /// The cluster's directory.
        directory: PathBuf,
        /// The major version that made it.
        cluster: String,
        /// The version of the program found.
        program: Version,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}):\n{output}")]
    Initdb {
        /// How it ended.
        status: String,
        /// What it said.
        output: String,
    },
    /// A setting that cannot be written to a server's configuration.
    #[error("{what} may not hold {value:?}: {rule}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// Its value.
        value: String,
        /// What it must look like.
        rule: &'static str,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with its object.
        doing: String,
        /// The refusal.
        source: io::Error,
    },
}

impl Error {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "servers.not_found",
            Self::Exited { .. } => "servers.exited",
            Self::NotReady { .. } => "servers.not_ready",
            Self::InUse { .. } => "servers.in_use",
            Self::PortTaken { .. } => "servers.port_taken",
            Self::Root { .. } => "servers.root",
            Self::ClusterVersion { .. } => "servers.cluster_version",
            Self::Initdb { .. } => "servers.initdb",
            Self::Setting { .. } => "servers.setting",
            Self::Io { .. } => "servers.io",
        }
    }

    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }
}

fn reasons(looked: &[Rejected]) -> String {
    looked.iter().fold(String::new(), |text, rejected| format!("{text}; {rejected}"))
}
