//! The units of intervals, and how much the text of an interval literal says in them.

use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::types::IntervalUnits;
use crate::words;

/// Microseconds of a second.
const SECOND_MICROS: i64 = 1_000_000;
/// Digits of a second behind its point that count; further ones are cut off.
const FRACTION_DIGITS: usize = 6;
/// Digits of a second behind its point that may be written.
const FRACTION_DIGITS_MAX: usize = 9;

/// Units as they were written: `WEEK` makes an interval of days, with seven for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    units: IntervalUnits,
    /// By how much to multiply to get to the unit in which the literal counts, months or microseconds.
    scale: i64,
}

/// A unit by its word: the unit of the type, and how many months or microseconds it has.
const UNITS: &[(&str, &str, IntervalUnits, i64)] = &[
    ("YEAR", "YEARS", IntervalUnits::Year, 12),
    ("QUARTER", "QUARTERS", IntervalUnits::Month, 3),
    ("MONTH", "MONTHS", IntervalUnits::Month, 1),
    ("WEEK", "WEEKS", IntervalUnits::Day, 7 * 86_400 * SECOND_MICROS),
    ("DAY", "DAYS", IntervalUnits::Day, 86_400 * SECOND_MICROS),
    ("HOUR", "HOURS", IntervalUnits::Hour, 3_600 * SECOND_MICROS),
    ("MINUTE", "MINUTES", IntervalUnits::Minute, 60 * SECOND_MICROS),
    ("SECOND", "SECONDS", IntervalUnits::Second, SECOND_MICROS),
    ("MILLISECOND", "MILLISECONDS", IntervalUnits::Second, 1_000),
    ("MICROSECOND", "MICROSECONDS", IntervalUnits::Second, 1),
];

/// Whether the token is the word of a unit.
pub(crate) fn is_unit(token: &Token) -> bool {
    unit(token).is_some()
}

fn unit(token: &Token) -> Option<Units> {
    let found = UNITS.iter().find(|(one, many, ..)| words::is_any(token, &[one, many]));
    found.map(|&(_, _, units, scale)| Units { units, scale })
}

/// `DAY`, `DAY(3) TO SECOND(6)`, `WEEKS` and so on.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<Units, ParserError> {
    let token = parser.next_token();
    let Some(first) = unit(&token.token) else {
        return parser.expected("a unit from YEAR to SECOND", token);
    };
    skip_precision(parser)?;
    if !words::come(parser, &["TO"]) || !is_unit(&parser.peek_nth_token_ref(1).token) {
        return Ok(first);
    }
    words::expect(parser, "TO")?;
    let last = parser.next_token();
    let together = unit(&last.token).and_then(|last| first.to(last));
    let Some(together) = together else {
        return parser.expected("a shorter unit of the same kind", last);
    };
    skip_precision(parser)?;
    Ok(together)
}

/// `(2)` and `(2, 6)` limit digits elsewhere; here every number that fits is taken.
fn skip_precision(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    if !matches!(parser.peek_nth_token_ref(1).token, Token::Number(..)) || !parser.consume_token(&Token::LParen) {
        return Ok(());
    }
    parser.parse_literal_uint()?;
    if parser.consume_token(&Token::Comma) {
        parser.parse_literal_uint()?;
    }
    parser.expect_token(&Token::RParen).map(drop)
}

impl Units {
    /// The units of the type.
    pub fn as_type(self) -> IntervalUnits {
        self.units
    }

    /// Whether the word was that of the type, and not `WEEK` or the like.
    fn is_plain(self) -> bool {
        let scale = match self.units {
            IntervalUnits::Month => 1,
            IntervalUnits::Day => 86_400 * SECOND_MICROS,
            IntervalUnits::Second => SECOND_MICROS,
            _ => self.scale,
        };
        self.scale == scale
    }

    /// From this unit to a shorter one.
    fn to(self, last: Self) -> Option<Self> {
        let units = match (self.units, last.units) {
            _ if !self.is_plain() || !last.is_plain() => return None,
            (IntervalUnits::Year, IntervalUnits::Month) => IntervalUnits::YearToMonth,
            (IntervalUnits::Day, IntervalUnits::Hour) => IntervalUnits::DayToHour,
            (IntervalUnits::Day, IntervalUnits::Minute) => IntervalUnits::DayToMinute,
            (IntervalUnits::Day, IntervalUnits::Second) => IntervalUnits::DayToSecond,
            (IntervalUnits::Hour, IntervalUnits::Minute) => IntervalUnits::HourToMinute,
            (IntervalUnits::Hour, IntervalUnits::Second) => IntervalUnits::HourToSecond,
            (IntervalUnits::Minute, IntervalUnits::Second) => IntervalUnits::MinuteToSecond,
            _ => return None,
        };
        Some(Self { units, scale: self.scale })
    }

    /// How many months (of long intervals) or microseconds (of short ones) the text says. None if it does not fit the
    /// units or the number is too large.
    pub fn count(self, text: &str) -> Option<i64> {
        let text = text.trim();
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let mut rest = Rest(text);
        let count = self.parts(&mut rest)?;
        if !rest.0.is_empty() {
            return None;
        }
        if is_negative { count.checked_neg() } else { Some(count) }
    }

    fn parts(self, rest: &mut Rest<'_>) -> Option<i64> {
        let (hour, minute) = (3_600 * SECOND_MICROS, 60 * SECOND_MICROS);
        let leading = |rest: &mut Rest<'_>| rest.number()?.checked_mul(self.scale);
        match self.units {
            IntervalUnits::Second => rest.seconds(i64::MAX, self.scale),
            IntervalUnits::Year
            | IntervalUnits::Month
            | IntervalUnits::Day
            | IntervalUnits::Hour
            | IntervalUnits::Minute => leading(rest),
            IntervalUnits::YearToMonth => leading(rest)?.checked_add(rest.part('-', 11, 1)?),
            IntervalUnits::DayToHour => leading(rest)?.checked_add(rest.part(' ', 23, hour)?),
            IntervalUnits::DayToMinute => {
                let days = leading(rest)?;
                days.checked_add(rest.part(' ', 23, hour)?)?.checked_add(rest.part(':', 59, minute)?)
            }
            IntervalUnits::DayToSecond => {
                let days = leading(rest)?;
                let hours = days.checked_add(rest.part(' ', 23, hour)?)?;
                hours.checked_add(rest.part(':', 59, minute)?)?.checked_add(rest.last_seconds()?)
            }
            IntervalUnits::HourToMinute => leading(rest)?.checked_add(rest.part(':', 59, minute)?),
            IntervalUnits::HourToSecond => {
                let hours = leading(rest)?;
                hours.checked_add(rest.part(':', 59, minute)?)?.checked_add(rest.last_seconds()?)
            }
            IntervalUnits::MinuteToSecond => leading(rest)?.checked_add(rest.last_seconds()?),
        }
    }
}

/// What is left of a literal's text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn number(&mut self) -> Option<i64> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    fn part(&mut self, separator: char, most: i64, scale: i64) -> Option<i64> {
        self.0 = self.0.strip_prefix(separator)?;
        self.number().filter(|number| *number <= most)?.checked_mul(scale)
    }

    fn last_seconds(&mut self) -> Option<i64> {
        self.0 = self.0.strip_prefix(':')?;
        self.seconds(59, SECOND_MICROS)
    }

    /// Seconds, or parts of them by `scale`, with digits behind a point.
    fn seconds(&mut self, most: i64, scale: i64) -> Option<i64> {
        let whole = self.number().filter(|number| *number <= most)?.checked_mul(scale)?;
        let Some(rest) = self.0.strip_prefix('.') else {
            return Some(whole);
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > FRACTION_DIGITS_MAX {
            return None;
        }
        let fraction = &rest[..digits.min(FRACTION_DIGITS)];
        let millionths = format!("{fraction:0<FRACTION_DIGITS$}").parse::<i64>().ok()?;
        self.0 = &rest[digits..];
        whole.checked_add(millionths.checked_mul(scale)? / SECOND_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::dialect::PipelineDialect;
    use crate::lexer;

    fn units(text: &str) -> Option<Units> {
        let dialect = PipelineDialect::alone(100);
        let (tokens, _) = lexer::tokens(text);
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
        let units = parse(&mut parser).ok()?;
        (parser.peek_token_ref().token == Token::EOF).then_some(units)
    }

    #[rstest]
    #[case("YEAR", "2", 24)]
    #[case("QUARTERS", "2", 6)]
    #[case("YEAR TO MONTH", "1-2", 14)]
    #[case("MONTH", " -14 ", -14)]
    #[case("WEEKS", "1", 7 * 86_400_000_000)]
    #[case("DAY(3)", "100", 100 * 86_400_000_000)]
    #[case("DAY TO HOUR", "1 2", 93_600_000_000)]
    #[case("DAY TO MINUTE", "1 2:3", 93_780_000_000)]
    #[case("DAY TO SECOND(3)", "1 2:3:4.5", 93_784_500_000)]
    #[case("HOUR TO MINUTE", "30:1", 108_060_000_000)]
    #[case("HOUR TO SECOND", "1:1:1", 3_661_000_000)]
    #[case("MINUTE TO SECOND", "+90:01.000001", 5_401_000_001)]
    #[case("SECOND(2, 6)", "90.0000019", 90_000_001)]
    #[case("MILLISECONDS", "1.5", 1_500)]
    #[case("MICROSECOND", "7", 7)]
    fn literals_count_in_months_or_microseconds(#[case] unit: &str, #[case] text: &str, #[case] count: i64) {
        assert_eq!(units(unit).expect("units").count(text), Some(count));
    }

    #[rstest]
    #[case("YEAR TO MONTH", "1-12")]
    #[case("YEAR TO MONTH", "1")]
    #[case("DAY", "1 2")]
    #[case("DAY", "")]
    #[case("DAY", "1.5")]
    #[case("DAY TO HOUR", "1 24")]
    #[case("HOUR TO MINUTE", "1:60")]
    #[case("HOUR TO SECOND", "1:1:60")]
    #[case("SECOND", "1.")]
    #[case("SECOND", "1.0000000001")]
    #[case("SECOND", "--1")]
    #[case("DAY", "99999999999999999999")]
    #[case("YEAR", "9223372036854775807")]
    #[case("DAY", "１")]
    fn other_texts_are_no_literals(#[case] unit: &str, #[case] text: &str) {
        assert_eq!(units(unit).expect("units").count(text), None);
    }

    #[rstest]
    #[case("MONTH TO YEAR")]
    #[case("YEAR TO DAY")]
    #[case("WEEK TO HOUR")]
    #[case("DAY TO DAY")]
    #[case("DECADE")]
    #[case("\"DAY\"")]
    fn other_units_are_refused(#[case] text: &str) {
        assert_eq!(units(text), None);
    }
}
