//! Progress of anything that takes over a second: a bar with rate and ETA, or plain lines when nobody watches a terminal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Ui, style};

/// How often a plain line is written when stderr is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of work.
pub struct Progress {
    ui: Ui,
    bar: ProgressBar,
    what: String,
    unit: &'static str,
    begun: Instant,
    last_line: Mutex<Instant>,
    plain: bool,
}

impl Progress {
    /// Begins. `total` when it is known.
    pub fn new(ui: Ui, what: &str, total: Option<u64>) -> Self {
        let plain = !style::stderr_is_terminal();
        let bar = if plain || ui.quiet { ProgressBar::hidden() } else { drawn(total) };
        bar.set_message(what.to_owned());
        let (begun, last_line) = (Instant::now(), Mutex::new(Instant::now()));
        Self { ui, bar, what: what.to_owned(), unit: "rows", begun, last_line, plain }
    }

    /// Says what is counted, when it is not rows.
    #[must_use]
    pub fn counting(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// `n` more are done.
    pub fn inc(&self, n: u64) {
        self.bar.inc(n);
        let Ok(mut last) = self.last_line.lock() else { return };
        if self.plain && last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let (done, rate) = (HumanCount(self.done()), HumanCount(self.rate()));
            self.ui.say(format!("{}: {done} {}, {rate}/s", self.what, self.unit));
        }
    }

    /// How many are done.
    pub fn done(&self) -> u64 {
        self.bar.position()
    }

    /// How many a second, so far.
    pub fn rate(&self) -> u64 {
        (self.done() as f64 / self.begun.elapsed().as_secs_f64().max(1e-3)) as u64
    }

    /// How long it has taken, in seconds.
    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Ends, taking the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn drawn(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = if total.is_some() {
        "{msg} {bar:30} {human_pos}/{human_len} {per_sec} ETA {eta}"
    } else {
        "{spinner} {msg} {human_pos} {per_sec}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
