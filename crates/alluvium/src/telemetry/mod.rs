//! Logging, on stderr; traces, to a collector.

pub mod traces;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::failure::{Exit, Failure};

/// Begins logging as configured.
pub fn init(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Failure::new(Exit::Usage, "config.invalid", format!("`log.filter` is `{}`.", log.filter))
            .because(&error)
            .help("write directives such as info,alluvium_eventlog=debug")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match log.format {
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            builder.with_ansi(colours).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    result.map_err(|error| Failure::bug(format!("logging cannot begin: {error}")))
}
