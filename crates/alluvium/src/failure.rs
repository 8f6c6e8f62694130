//! How a run of the binary ends: the exit codes, and the one shape of every error it prints.

use alluvium_kernel::Problem;

/// Exit codes; part of the contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A mistake of ours.
    Bug = 1,
    /// The command line or a file it names is wrong.
    Usage = 2,
    /// A rule refused it.
    Rejected = 3,
    /// It conflicts with what is there.
    Conflict = 4,
    /// What was named does not exist.
    NotFound = 5,
    /// The credential is missing, or does not suffice.
    NotAllowed = 6,
    /// A server does not answer, or not yet.
    Unavailable = 7,
    /// A check found something.
    Findings = 10,
}

impl Exit {
    /// The code for an HTTP status.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::NotAllowed,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            408 | 429 | 502..=504 | 507 => Self::Unavailable,
            400..=499 => Self::Rejected,
            _ => Self::Bug,
        }
    }
}

/// An error as the person at the terminal gets it.
#[derive(Debug)]
pub struct Failure {
    /// What the process exits with.
    pub exit: Exit,
    /// Stable code; the key of `alluvium explain`.
    pub code: String,
    /// What happened, with the values.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// One line each: fields, causes.
    pub notes: Vec<String>,
}

/// What every command of the CLI answers with.
pub type Done = Result<(), Failure>;

impl Failure {
    /// A failure with an exit code, a stable code and a sentence.
    pub fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { exit, code: code.into(), message: message.into(), help: None, notes: Vec::new() }
    }

    /// The command line, or a file it names, is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "cli.usage", message)
    }

    /// Something we rely on does not answer.
    pub fn unavailable(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, code, message)
    }

    /// A mistake of ours, with what we know of it.
    pub fn bug(message: impl std::fmt::Display) -> Self {
        Self::new(Exit::Bug, "platform.internal", message.to_string())
    }

    /// A check found `count` problems, which are printed already.
    pub fn findings(count: usize) -> Self {
        let message = if count == 1 { "one finding".to_owned() } else { format!("{count} findings") };
        Self::new(Exit::Findings, "cli.findings", message)
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a line of detail.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the chain of causes below an error.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(this) = cause {
            let text = this.to_string();
            if self.notes.last() != Some(&text) {
                self.notes.push(text);
            }
            cause = this.source();
        }
        self
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let mut failure = Self::new(Exit::of_status(problem.status), problem.code, problem.detail);
        failure.help = crate::errors::catalogue().get(&failure.code).map(|info| info.help.to_owned());
        failure.notes.extend(problem.errors.iter().map(|error| format!("{}: {}", error.field, error.message)));
        failure
    }
}

impl From<alluvium_messaging::Error> for Failure {
    fn from(error: alluvium_messaging::Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let (exit, code) = match error.kind() {
            std::io::ErrorKind::NotFound => (Exit::NotFound, "cli.file_not_found"),
            std::io::ErrorKind::PermissionDenied => (Exit::NotAllowed, "cli.file_not_allowed"),
            _ => (Exit::Unavailable, "cli.io"),
        };
        Self::new(exit, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_the_exit_codes_of_the_contract() {
        let codes = [400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503, 507].map(|s| Exit::of_status(s) as i32);
        assert_eq!(codes, [3, 6, 6, 5, 4, 5, 3, 3, 7, 1, 7, 7]);
    }
}
