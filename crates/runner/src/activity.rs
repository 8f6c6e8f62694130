//! What the thread of a pipeline is doing, and where its time went.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the thread can be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It waits for something to come in.
    Waiting,
    /// It takes rows in: reads them and puts them before the engine.
    Taking,
    /// The engine computes how views change.
    Computing,
    /// What changed goes into the files.
    Writing,
    /// Listeners are told.
    Telling,
}

impl Phase {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Taking, Self::Computing, Self::Writing, Self::Telling];

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taking => "taking",
            Self::Computing => "computing",
            Self::Writing => "writing",
            Self::Telling => "telling",
        }
    }

    fn at(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Waiting)
    }
}

/// What one thread does. It says so itself; others look.
pub(crate) struct Activity {
    began: Instant,
    phase: AtomicU8,
    /// When the phase began, in microseconds after `began`.
    since_micros: AtomicU64,
    /// How long each took until it ended.
    micros: [AtomicU64; Phase::ALL.len()],
    /// Where the system says how long the thread was on a processor.
    account: OnceLock<PathBuf>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            phase: AtomicU8::new(Phase::Waiting as u8),
            since_micros: AtomicU64::new(0),
            micros: Default::default(),
            account: OnceLock::new(),
        }
    }
}

impl Activity {
    /// The thread that calls this is the one.
    pub fn begins(&self) {
        if let Ok(thread) = std::fs::read_link("/proc/thread-self") {
            let _ = self.account.set(Path::new("/proc").join(thread).join("schedstat"));
        }
    }

    /// How long the thread was on a processor; nothing once it has ended, or where the system does not tell.
    pub fn cpu_time(&self) -> Duration {
        let text = self.account.get().and_then(|path| std::fs::read_to_string(path).ok());
        let nanos = text.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
        Duration::from_nanos(nanos.unwrap_or_default())
    }

    /// How long it did something else than wait.
    pub fn busy_time(&self) -> Duration {
        self.times().into_iter().filter(|(phase, _)| *phase != Phase::Waiting).map(|(_, time)| time).sum()
    }

    /// The thread does this from now on.
    pub fn is(&self, phase: Phase) {
        let before = self.phase.swap(phase as u8, Ordering::Relaxed);
        if before == phase as u8 {
            return;
        }
        let now = self.elapsed_micros();
        let since = self.since_micros.swap(now, Ordering::Relaxed);
        self.micros[Phase::at(before) as usize].fetch_add(now.saturating_sub(since), Ordering::Relaxed);
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        Phase::at(self.phase.load(Ordering::Relaxed))
    }

    /// How long it did each, up to now.
    pub fn times(&self) -> [(Phase, Duration); Phase::ALL.len()] {
        let current = self.phase();
        let running = self.elapsed_micros().saturating_sub(self.since_micros.load(Ordering::Relaxed));
        Phase::ALL.map(|phase| {
            let ended = self.micros[phase as usize].load(Ordering::Relaxed);
            let micros = if phase == current { ended + running } else { ended };
            (phase, Duration::from_micros(micros))
        })
    }

    fn elapsed_micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_time_is_in_some_phase() {
        let activity = Activity::default();
        for phase in Phase::ALL.into_iter().rev() {
            activity.is(phase);
            assert_eq!(activity.phase(), phase);
        }
        let before = activity.began.elapsed();
        let total: Duration = activity.times().into_iter().map(|(_, time)| time).sum();
        // Each of the parts is cut to whole microseconds.
        assert!(total + Duration::from_micros(10) >= before, "{total:?} of {before:?}");
    }

    #[test]
    fn work_takes_time_on_a_processor() {
        let activity = Activity::default();
        assert_eq!(activity.cpu_time(), Duration::ZERO);
        activity.begins();
        let before = activity.cpu_time();
        activity.is(Phase::Computing);
        let mut number = 1_u64;
        while activity.cpu_time() == before {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(activity.busy_time() > Duration::ZERO);
    }
}
