//! What is told of a pipeline to the people who run it: the last lines, and those to come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

/// Lines that are kept.
const LINES_MAX: usize = 50_000;
/// Bytes of the lines that are kept.
const BYTES_MAX: usize = 1 << 20;
/// Lines that wait for a reader that is slow; it misses what is beyond.
const WAITING_MAX: usize = 1_000;

/// The lines of one pipeline.
pub(crate) struct Logs {
    kept: Mutex<Kept>,
    to: broadcast::Sender<Arc<str>>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
}

impl Default for Logs {
    fn default() -> Self {
        Self { kept: Mutex::default(), to: broadcast::Sender::new(WAITING_MAX) }
    }
}

impl Logs {
    /// One more line, of a severity: `INFO`, `WARN` or `ERROR`.
    pub fn line(&self, severity: &str, text: &str) {
        let at = crate::now().to_rfc3339();
        // A line is a line whatever it tells of.
        let text: String = text.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
        let line: Arc<str> = format!("{at} {severity} {text}\n").into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.len();
        kept.lines.push_back(Arc::clone(&line));
        while kept.lines.len() > LINES_MAX || kept.bytes > BYTES_MAX {
            let Some(old) = kept.lines.pop_front() else { break };
            kept.bytes -= old.len();
        }
        // Nobody may be reading.
        let _ = self.to.send(line);
    }

    /// The lines so far, and those to come: none is missing and none is there twice.
    pub fn read(&self) -> (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.lines.iter().cloned().collect(), self.to.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_what_comes_follows() {
        let logs = Logs::default();
        let long = "x".repeat(1_000);
        (0..2_000).for_each(|number| logs.line("INFO", &format!("{number} {long}")));
        let (kept, mut coming) = logs.read();
        assert!(kept.iter().map(|line| line.len()).sum::<usize>() <= BYTES_MAX);
        assert!(kept.len() > 900 && kept[kept.len() - 1].contains(" INFO 1999 x"));
        logs.line("WARN", "two\nlines\u{1b}[0m");
        assert!(coming.try_recv().unwrap().ends_with(" WARN two lines [0m\n"));
    }
}
