//! Units of intervals as text.

use alluvium_sql::types::IntervalUnits;

const UNITS: [(IntervalUnits, &str); 13] = [
    (IntervalUnits::Year, "YEAR"),
    (IntervalUnits::YearToMonth, "YEAR TO MONTH"),
    (IntervalUnits::Month, "MONTH"),
    (IntervalUnits::Day, "DAY"),
    (IntervalUnits::DayToHour, "DAY TO HOUR"),
    (IntervalUnits::DayToMinute, "DAY TO MINUTE"),
    (IntervalUnits::DayToSecond, "DAY TO SECOND"),
    (IntervalUnits::Hour, "HOUR"),
    (IntervalUnits::HourToMinute, "HOUR TO MINUTE"),
    (IntervalUnits::HourToSecond, "HOUR TO SECOND"),
    (IntervalUnits::Minute, "MINUTE"),
    (IntervalUnits::MinuteToSecond, "MINUTE TO SECOND"),
    (IntervalUnits::Second, "SECOND"),
];

/// The units of an interval, by their text in capitals.
pub(crate) fn units_of(text: &str) -> Option<IntervalUnits> {
    UNITS.iter().find(|(_, each)| *each == text).map(|(units, _)| *units)
}
