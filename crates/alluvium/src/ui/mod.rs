//! What the terminal sees: data on stdout, talk on stderr, colours only where they mean something and somebody looks.

mod progress;
mod rows;
mod style;

use std::io::Write as _;

use serde_json::Value;

use crate::failure::Failure;

pub use progress::Progress;
pub use rows::{Format, csv_line};
pub use style::{dim, green, red, safe, yellow};

/// The two channels of one run.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// How data is printed.
    pub format: Format,
    /// Say nothing but errors.
    pub quiet: bool,
    /// Ask nothing.
    pub yes: bool,
}

impl Ui {
    /// Prints records on stdout, in the chosen format. `columns` fixes the order; others follow.
    pub fn rows(self, columns: &[&str], rows: &[Value]) {
        write_out(&rows::render(self.format, columns, rows));
    }

    /// Prints one record on stdout; as a table it is turned on its side.
    pub fn record(self, record: &Value) {
        write_out(&rows::render_record(self.format, record));
    }

    /// Prints text as it is on stdout.
    #[expect(clippy::unused_self, reason = "all printing goes through the two channels of a run")]
    pub fn text(self, text: &str) {
        write_out(text);
    }

    /// Prints a line that has colours of ours in it; only a terminal gets them.
    #[expect(clippy::unused_self, reason = "all printing goes through the two channels of a run")]
    pub fn drawn(self, line: &str) {
        write_to(anstream::stdout().lock(), line);
    }

    /// A line of talk.
    pub fn say(self, line: impl AsRef<str>) {
        if !self.quiet {
            write_err(line.as_ref());
        }
    }

    /// Something went well.
    pub fn ok(self, line: impl AsRef<str>) {
        self.say(format!("{} {}", style::green("✓"), line.as_ref()));
    }

    /// Something the person should know, even when quiet.
    #[expect(clippy::unused_self, reason = "all printing goes through the two channels of a run")]
    pub fn warn(self, line: impl AsRef<str>) {
        write_err(&format!("{}: {}", style::yellow("warning"), line.as_ref()));
    }

    /// Asks before something that cannot be undone. `--yes` answers; without a terminal nobody is asked and it is refused.
    pub fn confirm(self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !style::stdin_is_terminal() {
            return Err(Failure::usage(format!("{question} Nobody is here to ask.")).help("add `--yes`"));
        }
        write_err_part(&format!("{question} [y/N] "));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::usage("Left as it is.")) }
    }
}

/// Prints an error the way all of them look.
pub fn failure(failure: &Failure) {
    use std::fmt::Write as _;
    let mut text = format!("{}: {}", style::red(&format!("error[{}]", failure.code)), safe(&failure.message));
    for note in &failure.notes {
        let _ = write!(text, "\n  {} {}", style::dim("·"), safe(note));
    }
    if let Some(help) = &failure.help {
        let _ = write!(text, "\n  {}: {}", style::bold("help"), safe(help));
    }
    if crate::errors::catalogue().get(&failure.code).is_some() {
        let _ = write!(text, "\n  {}: alluvium explain {}", style::bold("docs"), failure.code);
    }
    write_err(&text);
}

/// A closed pipe (`| head`) is the reader's choice, not an error of ours: all writes end quietly at it. Any other reason why
/// data cannot be written is one, or a full disk would look like success.
fn write_out(text: &str) {
    write_to(std::io::stdout().lock(), text);
}

fn write_to(mut out: impl std::io::Write, text: &str) {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let Err(error) = write!(out, "{text}{end}").and_then(|()| out.flush()) else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    let lost = Failure::unavailable("cli.io", "What was found cannot be written to stdout.").because(&error);
    failure(&lost);
    std::process::exit(lost.exit as i32);
}

fn write_err(line: &str) {
    write_err_part(&format!("{line}\n"));
}

fn write_err_part(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
