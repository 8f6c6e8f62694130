//! `forget` and `seals`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `forget`
#[derive(Debug, Subcommand)]
pub enum ForgetCommand {
    /// A person, as keys name them: nothing is ever sealed for them again
    Person(ForgetArgs),
    /// A project, by its id: what is sealed for it later gets a new key
    Project(ForgetArgs),
    /// The whole tenant, by its id: nothing is ever sealed for it again
    Tenant(ForgetArgs),
}

/// Whom.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// Whom to forget
    pub name: String,
}

/// `seals`
#[derive(Debug, Subcommand)]
pub enum SealsCommand {
    /// Write the keys, wrapped under the installation's signing key, to a file for its owner only
    Export {
        /// The file to make
        file: PathBuf,
    },
    /// Put keys back that are missing, but none of whom the log says is forgotten
    Import {
        /// A file of `seals export`
        file: PathBuf,
    },
}
