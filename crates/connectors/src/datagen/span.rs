//! Ranges of whole numbers, and how values are picked from them.

use super::random::{Random, Zipf};
use super::settings::{FieldSettings, Strategy};

/// How a place in a range or list is picked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pick {
    Increment,
    Uniform,
    Zipf(Zipf),
}

impl Pick {
    /// By the strategy of the settings, among so many; words pick nothing.
    pub fn of(settings: &FieldSettings, count: u128) -> Option<Self> {
        Some(match settings.strategy {
            Strategy::Increment => Self::Increment,
            Strategy::Uniform => Self::Uniform,
            Strategy::Zipf => Self::Zipf(Zipf::new(count, settings.e)),
            Strategy::Words(_) => return None,
        })
    }

    /// A place below `count`, which is not 0.
    pub fn place(&self, count: u128, counter: u64, random: &mut Random) -> u128 {
        match self {
            Self::Increment => u128::from(counter) % count,
            Self::Uniform => random.below(count),
            Self::Zipf(zipf) => zipf.draw(random).min(count - 1),
        }
    }
}

/// Whole numbers from a start up to but not an end, and what is done to those picked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    start: i128,
    count: u128,
    pick: Pick,
    /// What the counter is multiplied with.
    step: i128,
    /// What picked numbers are multiplied with, but for those of the counter.
    scale: i128,
    /// What all are multiplied with: the units of the column in one of the range.
    unit: i128,
}

/// How a span is made.
pub(super) struct SpanSpec {
    pub start: i128,
    pub end: i128,
    /// Units of the range that the counter is worth.
    pub per_count: i128,
    /// Units of the column in one of the range.
    pub unit: i128,
    /// What values of the column may be, both ends included.
    pub least: i128,
    pub most: i128,
}

impl Span {
    /// The range of a spec with the strategy and scale of the settings.
    ///
    /// # Errors
    ///
    /// The range is empty, or its values are outside of those of the column.
    pub fn new(settings: &FieldSettings, spec: &SpanSpec) -> Result<Self, String> {
        if spec.start >= spec.end {
            return Err(format!("its range [{}, {}) is empty", spec.start, spec.end));
        }
        let count = (spec.end as u128).wrapping_sub(spec.start as u128);
        let pick = Pick::of(settings, count).ok_or("words are for columns of text only")?;
        let scale = i128::from(settings.scale);
        let step = scale.checked_mul(spec.per_count).ok_or("its scale is too great")?;
        let span = Self { start: spec.start, count, pick, step, scale, unit: spec.unit };
        let scaled = if span.pick == Pick::Increment { 1 } else { scale };
        let ends = [spec.start, spec.end - 1].map(|end| end.checked_mul(scaled)?.checked_mul(spec.unit));
        let is_inside = |end: Option<i128>| end.is_some_and(|end| (spec.least..=spec.most).contains(&end));
        if ends.into_iter().all(is_inside) {
            Ok(span)
        } else {
            Err("its range, multiplied with its scale, has values that the type of the column has not".to_owned())
        }
    }

    /// The greatest number of the range.
    pub fn most(&self) -> i128 {
        self.start.wrapping_add((self.count - 1) as i128)
    }

    /// The value of a row.
    pub fn value(&self, counter: u64, random: &mut Random) -> i128 {
        if self.pick == Pick::Increment {
            let moved = i128::from(counter).wrapping_mul(self.step);
            let within = match i128::try_from(self.count) {
                Ok(count) => moved.rem_euclid(count) as u128,
                Err(_) => moved as u128,
            };
            return self.start.wrapping_add(within as i128) * self.unit;
        }
        let place = self.pick.place(self.count, counter, random);
        self.start.wrapping_add(place as i128) * self.scale * self.unit
    }
}
