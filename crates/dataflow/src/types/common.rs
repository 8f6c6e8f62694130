//! What types have in common: what two branches of a choice are, what two sides of a comparison are, and what arithmetic on
//! decimal numbers gives.

use alluvium_sql::types::{ColumnType, DECIMAL_DIGITS_MAX, Field, IntWidth, IntervalUnits, Type};

/// Digits behind the point that a quotient has at least.
const QUOTIENT_SCALE_MIN: u8 = 6;

/// The digits that hold every whole number of a width.
pub(crate) fn decimal_digits_of_int(width: IntWidth) -> u8 {
    match width {
        IntWidth::Tiny => 3,
        IntWidth::Small => 5,
        IntWidth::Normal => 10,
        IntWidth::Big => 19,
    }
}

/// A number as a decimal: its digits and those behind the point. None for floating-point numbers and what is no number.
pub(crate) fn decimal_of(kind: &Type) -> Option<(u8, u8)> {
    match kind {
        // Nineteen digits do not hold the greatest of the widest.
        Type::UInt(IntWidth::Big) => Some((20, 0)),
        Type::Int(width) | Type::UInt(width) => Some((decimal_digits_of_int(*width), 0)),
        Type::Decimal(digits, scale) => Some((*digits, *scale)),
        _ => None,
    }
}

fn capped(digits: u8, scale: u8) -> Type {
    let digits = digits.min(DECIMAL_DIGITS_MAX);
    Type::Decimal(digits, scale.min(digits))
}

/// The type of a sum or difference of two decimals.
pub(crate) fn decimal_sum((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> Type {
    let scale = s1.max(s2);
    capped((p1 - s1).max(p2 - s2) + scale + 1, scale)
}

/// The type of a product of two decimals.
pub(crate) fn decimal_product((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> Type {
    capped(p1 + p2, s1 + s2)
}

/// The type of a quotient of two decimals.
pub(crate) fn decimal_quotient((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> Type {
    let whole = DECIMAL_DIGITS_MAX.min(p1 - s1 + s2);
    let scale = QUOTIENT_SCALE_MIN.max(s1 + p2 + 1).min(DECIMAL_DIGITS_MAX - whole);
    capped(whole + scale, scale)
}

/// The type that holds numbers of both types: the wider on the ladder from `TINYINT` over `DECIMAL` to `DOUBLE`.
pub(crate) fn numeric_common(left: &Type, right: &Type) -> Option<Type> {
    if left == right {
        return matches!(left, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double)
            .then(|| left.clone());
    }
    Some(match (left, right) {
        (Type::Int(a), Type::Int(b)) => Type::Int(*a.max(b)),
        (Type::UInt(a), Type::UInt(b)) => Type::UInt(*a.max(b)),
        (Type::Int(signed), Type::UInt(unsigned)) | (Type::UInt(unsigned), Type::Int(signed)) => {
            if unsigned >= signed {
                Type::UInt(*unsigned)
            } else {
                Type::Int(*signed)
            }
        }
        (Type::Double | Type::Real, Type::Decimal(..))
        | (Type::Decimal(..), Type::Double | Type::Real)
        | (Type::Double, Type::Real | Type::Int(_) | Type::UInt(_))
        | (Type::Real | Type::Int(_) | Type::UInt(_), Type::Double) => Type::Double,
        (Type::Real, Type::Int(_) | Type::UInt(_)) | (Type::Int(_) | Type::UInt(_), Type::Real) => Type::Real,
        _ => {
            let ((p1, s1), (p2, s2)) = (decimal_of(left)?, decimal_of(right)?);
            let scale = s1.max(s2);
            let whole = (p1 - s1).max(p2 - s2);
            capped(whole + scale, scale)
        }
    })
}

/// The type that both sides of a comparison become. Text becomes what the other side is.
pub(crate) fn comparable_type(left: &Type, right: &Type) -> Option<Type> {
    match (left, right) {
        (Type::Null, other) | (other, Type::Null) => Some(other.clone()),
        (Type::Uuid, Type::Char(_) | Type::Varchar(_)) | (Type::Char(_) | Type::Varchar(_), Type::Uuid) => {
            Some(Type::Uuid)
        }
        (Type::Variant, _) | (_, Type::Variant) => Some(Type::Variant),
        // Neither width holds the numbers of the other: compared are the numbers, not their bits.
        (Type::Int(signed), Type::UInt(unsigned)) | (Type::UInt(unsigned), Type::Int(signed)) => {
            Some(match (signed, unsigned) {
                (signed, unsigned) if signed > unsigned => Type::Int(*signed),
                (_, IntWidth::Tiny) => Type::Int(IntWidth::Small),
                (_, IntWidth::Small) => Type::Int(IntWidth::Normal),
                (_, IntWidth::Normal) => Type::Int(IntWidth::Big),
                (_, IntWidth::Big) => Type::Decimal(20, 0),
            })
        }
        (Type::Char(_) | Type::Varchar(_), other) | (other, Type::Char(_) | Type::Varchar(_))
            if !matches!(other, Type::Char(_) | Type::Varchar(_)) =>
        {
            is_written_as_text(other).then(|| other.clone())
        }
        _ => common_type(left, right),
    }
}

fn is_written_as_text(kind: &Type) -> bool {
    !matches!(kind, Type::Array(_) | Type::Map(..) | Type::Row(_) | Type::Binary(_) | Type::Varbinary(_))
}

/// The type that values of both types become without loss: of branches of a choice, or of rows put together.
pub(crate) fn common_type(left: &Type, right: &Type) -> Option<Type> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Type::Null, other) | (other, Type::Null) => Some(other.clone()),
        (Type::Char(a) | Type::Varchar(Some(a)), Type::Char(b) | Type::Varchar(Some(b))) => {
            Some(Type::Varchar(Some(*a.max(b))))
        }
        (Type::Char(_) | Type::Varchar(_), Type::Char(_) | Type::Varchar(_)) => Some(Type::Varchar(None)),
        (Type::Binary(a) | Type::Varbinary(Some(a)), Type::Binary(b) | Type::Varbinary(Some(b))) => {
            Some(Type::Varbinary(Some(*a.max(b))))
        }
        (Type::Binary(_) | Type::Varbinary(_), Type::Binary(_) | Type::Varbinary(_)) => Some(Type::Varbinary(None)),
        (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date) => Some(Type::Timestamp),
        (Type::Date | Type::Timestamp, Type::TimestampTz) | (Type::TimestampTz, Type::Date | Type::Timestamp) => {
            Some(Type::TimestampTz)
        }
        (Type::Interval(a), Type::Interval(b)) if a.is_long() == b.is_long() => {
            Some(Type::Interval(if a.is_long() { IntervalUnits::YearToMonth } else { IntervalUnits::DayToSecond }))
        }
        (Type::Variant, _) | (_, Type::Variant) => Some(Type::Variant),
        (Type::Array(a), Type::Array(b)) => Some(Type::Array(Box::new(common_type(a, b)?))),
        (Type::Map(k1, v1), Type::Map(k2, v2)) => {
            Some(Type::Map(Box::new(common_type(k1, k2)?), Box::new(common_type(v1, v2)?)))
        }
        (Type::Row(a), Type::Row(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| common_field(a, b)).collect::<Option<Vec<_>>>().map(Type::Row)
        }
        _ => numeric_common(left, right),
    }
}

fn common_field(left: &Field, right: &Field) -> Option<Field> {
    let kind = common_type(&left.column_type.kind, &right.column_type.kind)?;
    let is_nullable = left.column_type.is_nullable || right.column_type.is_nullable;
    Some(Field { name: left.name.clone(), column_type: ColumnType { kind, is_nullable } })
}
