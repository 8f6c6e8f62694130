//! The types of columns and expressions.

use std::fmt;

/// Digits that a decimal number has at most.
pub const DECIMAL_DIGITS_MAX: u8 = 38;

/// The type of a value, without whether it may be NULL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// The type of a bare `NULL`.
    Null,
    /// True or false.
    Boolean,
    /// Whole numbers of 8, 16, 32 or 64 bits.
    Int(IntWidth),
    /// Whole numbers of 8, 16, 32 or 64 bits that are not negative.
    UInt(IntWidth),
    /// Decimal numbers: digits in all, and those behind the point.
    Decimal(u8, u8),
    /// Floating-point numbers of 32 bits.
    Real,
    /// Floating-point numbers of 64 bits.
    Double,
    /// Text of so many characters, filled up with blanks.
    Char(u32),
    /// Text of at most so many characters; of any length without.
    Varchar(Option<u32>),
    /// So many bytes.
    Binary(u32),
    /// At most so many bytes; any number without.
    Varbinary(Option<u32>),
    /// A day.
    Date,
    /// A time of day, in nanoseconds.
    Time,
    /// A point in time without a zone, in microseconds.
    Timestamp,
    /// A point in time in UTC, in microseconds.
    TimestampTz,
    /// A span of time: months for the long ones, microseconds for the short ones.
    Interval(IntervalUnits),
    /// A UUID.
    Uuid,
    /// A list; its elements may be NULL.
    Array(Box<Type>),
    /// Values by key; keys are never NULL, values may be.
    Map(Box<Type>, Box<Type>),
    /// Named fields in their order.
    Row(Vec<Field>),
    /// A value that carries its type with it.
    Variant,
}

/// How wide a whole number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntWidth {
    /// 8 bits.
    Tiny,
    /// 16 bits.
    Small,
    /// 32 bits.
    Normal,
    /// 64 bits.
    Big,
}

/// The units between which the parts of an interval are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntervalUnits {
    /// `YEAR`.
    Year,
    /// `YEAR TO MONTH`.
    YearToMonth,
    /// `MONTH`.
    Month,
    /// `DAY`.
    Day,
    /// `DAY TO HOUR`.
    DayToHour,
    /// `DAY TO MINUTE`.
    DayToMinute,
    /// `DAY TO SECOND`.
    DayToSecond,
    /// `HOUR`.
    Hour,
    /// `HOUR TO MINUTE`.
    HourToMinute,
    /// `HOUR TO SECOND`.
    HourToSecond,
    /// `MINUTE`.
    Minute,
    /// `MINUTE TO SECOND`.
    MinuteToSecond,
    /// `SECOND`.
    Second,
}

impl IntervalUnits {
    /// Whether it counts months and not microseconds.
    #[must_use]
    pub fn is_long(self) -> bool {
        matches!(self, Self::Year | Self::YearToMonth | Self::Month)
    }
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub column_type: ColumnType,
}

/// A type, and whether a value of it may be NULL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnType {
    /// The type.
    pub kind: Type,
    /// Whether NULL is one of its values.
    pub is_nullable: bool,
}

/// A name as a program means it: folded to lower case, or exactly as quoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    /// The name, folded if it was not quoted.
    pub name: String,
    /// Whether it was quoted.
    pub is_case_sensitive: bool,
}

impl Identifier {
    /// A name that is not quoted.
    #[must_use]
    pub fn folded(name: &str) -> Self {
        Self { name: name.to_lowercase(), is_case_sensitive: false }
    }

    /// A quoted name.
    #[must_use]
    pub fn quoted(name: &str) -> Self {
        Self { name: name.to_owned(), is_case_sensitive: true }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
