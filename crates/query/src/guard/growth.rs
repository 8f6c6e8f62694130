//! How long the results of functions are at most.

use arrow::array::Array;
use datafusion::common::ScalarValue;

use super::values::Values;

/// How a function's result grows with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// As long as all arguments together, or twice that.
    Sum,
    /// As all arguments with the first one between any two.
    SumBetween,
    /// The first so many times as the second says.
    Times,
    /// As long as the second says.
    Length,
    /// The first, with all that is equal to the second replaced by the third.
    Replace,
    /// The first, with all that the second matches replaced by the third, in which parts of it can be.
    ReplaceMatches,
    /// The items of the first as texts, with the second between, or the third if they are NULL.
    Join,
    /// The items of the first, each of which may become the third.
    ReplaceItems,
    /// As many items as the second says, which are the third where the first has none.
    Resize,
    /// The numbers or times from one to another.
    Range,
}

/// The functions that need a limit.
const FUNCTIONS: &[(&str, Growth)] = &[
    ("array_append", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_prepend", Growth::Sum),
    ("array_repeat", Growth::Times),
    ("array_replace", Growth::ReplaceItems),
    ("array_replace_all", Growth::ReplaceItems),
    ("array_replace_n", Growth::ReplaceItems),
    ("array_resize", Growth::Resize),
    ("array_to_string", Growth::Join),
    ("array_union", Growth::Sum),
    ("arrays_zip", Growth::Sum),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::SumBetween),
    ("encode", Growth::Sum),
    ("generate_series", Growth::Range),
    ("gen_series", Growth::Range),
    ("json_from_scalar", Growth::Sum),
    ("json_union_to_text", Growth::Sum),
    ("lpad", Growth::Length),
    ("make_array", Growth::Sum),
    ("map", Growth::Sum),
    ("named_struct", Growth::Sum),
    ("overlay", Growth::Sum),
    ("range", Growth::Range),
    ("regexp_replace", Growth::ReplaceMatches),
    ("repeat", Growth::Times),
    ("replace", Growth::Replace),
    ("rpad", Growth::Length),
    ("string_to_array", Growth::Sum),
    ("struct", Growth::Sum),
    ("translate", Growth::Sum),
    (super::concat::NAME, Growth::Sum),
];

/// How long one item of a range is.
const ITEM_BYTES: u64 = 16;
/// How long a character can be.
const CHARACTER_BYTES: u64 = 4;
const DAY_NANOS: i128 = 86_400_000_000_000;

impl Growth {
    /// How the results of the function grow, if they do.
    pub fn of(function: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(name, _)| *name == function).map(|(_, growth)| *growth)
    }

    /// How long the result for the row is at most.
    pub fn bytes(self, values: &[Values], row: usize) -> u64 {
        let bytes = |place: usize| values.get(place).map_or(0, |value| value.bytes(row));
        let count = |place: usize| {
            let number = values.get(place).and_then(|value| value.number(row)).unwrap_or(0);
            u64::try_from(number).unwrap_or(0)
        };
        match self {
            Self::Sum => sum(values, row),
            Self::SumBetween => sum(values, row).saturating_add(bytes(0).saturating_mul(values.len() as u64)),
            Self::Times => bytes(0).saturating_mul(count(1)),
            Self::Length => count(1).saturating_mul(CHARACTER_BYTES),
            Self::Replace => replaced(values, row),
            Self::ReplaceMatches => {
                bytes(0).saturating_add(1).saturating_mul(bytes(2).saturating_mul(2).saturating_add(1))
            }
            Self::Join => joined(values, row),
            Self::ReplaceItems => bytes(0).saturating_add(items(values, row).saturating_mul(bytes(2))),
            Self::Resize => bytes(0).saturating_add(count(1).saturating_mul(bytes(2).max(ITEM_BYTES))),
            Self::Range => steps(values, row).saturating_mul(ITEM_BYTES),
        }
    }
}

fn sum(values: &[Values], row: usize) -> u64 {
    values.iter().fold(0, |sum, value| sum.saturating_add(value.bytes(row)))
}

/// How many items the first argument has.
fn items(values: &[Values], row: usize) -> u64 {
    values.first().and_then(|value| value.items(row)).map_or(0, |items| items.len() as u64)
}

fn replaced(values: &[Values], row: usize) -> u64 {
    let text = |place: usize| values.get(place).and_then(|value| value.text(row));
    let (Some(whole), Some(from), Some(to)) = (text(0), text(1), text(2)) else { return 0 };
    // What is as long as before or shorter needs no counting.
    let times = if to.len() <= from.len() { 0 } else { whole.matches(from).count() as u64 };
    (whole.len() as u64).saturating_add(times.saturating_mul(to.len() as u64))
}

fn joined(values: &[Values], row: usize) -> u64 {
    let Some(first) = values.first() else { return 0 };
    let between = values.get(1..).unwrap_or_default();
    let between = between.iter().fold(0_u64, |sum, value| sum.saturating_add(value.text_bytes(row)));
    // Lists in lists are joined as one, so their items are counted by their length.
    first.text_bytes(row).saturating_add(first.bytes(row).saturating_mul(between))
}

/// How many items a range has. There are one to three arguments: the end; begin and end; begin, end and step.
fn steps(values: &[Values], row: usize) -> u64 {
    let numbers: Option<Vec<i128>> = values.iter().map(|value| value.number(row).map(i128::from)).collect();
    let (begin, end, step) = match (numbers.as_deref(), values) {
        (Some([end]), _) => (0, *end, 1),
        (Some([begin, end]), _) => (*begin, *end, 1),
        (Some([begin, end, step]), _) => (*begin, *end, *step),
        (None, [begin, end, step]) => {
            let nanos = |value: &Values| value.scalar(row).as_ref().and_then(nanos);
            match (nanos(begin), nanos(end), nanos(step)) {
                (Some(begin), Some(end), Some(step)) => (begin, end, step),
                // NULL, or what the function refuses.
                _ => return 0,
            }
        }
        _ => return 0,
    };
    let steps = (end - begin).unsigned_abs() / step.unsigned_abs().max(1) + 1;
    // The wrong way there is nothing.
    if (end < begin) == (step < 0) || end == begin { u64::try_from(steps).unwrap_or(u64::MAX) } else { 0 }
}

/// A time or a span; of a span rather too little than too much.
fn nanos(value: &ScalarValue) -> Option<i128> {
    Some(match value {
        ScalarValue::Date32(Some(days)) => i128::from(*days) * DAY_NANOS,
        ScalarValue::Date64(Some(millis)) | ScalarValue::TimestampMillisecond(Some(millis), _) => {
            i128::from(*millis) * 1_000_000
        }
        ScalarValue::TimestampSecond(Some(seconds), _) => i128::from(*seconds) * 1_000_000_000,
        ScalarValue::TimestampMicrosecond(Some(micros), _) => i128::from(*micros) * 1_000,
        ScalarValue::TimestampNanosecond(Some(nanos), _) => i128::from(*nanos),
        ScalarValue::IntervalMonthDayNano(Some(span)) => {
            let parts =
                [i128::from(span.months) * 28 * DAY_NANOS, i128::from(span.days) * DAY_NANOS, span.nanoseconds.into()];
            let (up, down) = (parts.iter().any(|part| *part > 0), parts.iter().any(|part| *part < 0));
            // Steps that go up and down at once may get nowhere.
            if up && down { 1 } else { parts.iter().sum() }
        }
        _ => return None,
    })
}
