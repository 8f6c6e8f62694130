//! What functions are made of.

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray};
use arrow::datatypes::ArrowPrimitiveType;

use super::{Arg, Call, FunctionError, Outcome, Shape, failure};
use crate::types::type_text;

/// Computes a column row by row: NULL where an argument is NULL, else the body, which gives an `Option`.
macro_rules! strict {
    ($rows:expr, $out:ty; $($name:ident in $array:expr),+ => $body:expr) => {{
        let mut column = Vec::with_capacity($rows);
        for row in 0..$rows {
            if $( arrow::array::Array::is_null($array, row) )||+ {
                column.push(None);
                continue;
            }
            $( let $name = $array.value(row); )+
            column.push($body);
        }
        std::sync::Arc::new(column.into_iter().collect::<$out>()) as arrow::array::ArrayRef
    }};
}
pub(crate) use strict;

impl Call<'_> {
    pub(crate) fn texts(&self, at: usize) -> Outcome<&StringArray> {
        self.args.get(at).and_then(|each| each.as_string_opt()).ok_or_else(|| self.misfit(at))
    }

    pub(crate) fn numbers<T: ArrowPrimitiveType>(&self, at: usize) -> Outcome<&PrimitiveArray<T>> {
        self.args.get(at).and_then(|each| each.as_primitive_opt::<T>()).ok_or_else(|| self.misfit(at))
    }

    pub(crate) fn booleans(&self, at: usize) -> Outcome<&BooleanArray> {
        self.args.get(at).and_then(|each| each.as_boolean_opt()).ok_or_else(|| self.misfit(at))
    }

    pub(crate) fn column(&self, at: usize) -> Outcome<&ArrayRef> {
        self.args.get(at).ok_or_else(|| self.misfit(at))
    }

    /// The type that an argument was converted to.
    pub(crate) fn param(&self, at: usize) -> Outcome<&Type> {
        self.shape.params.get(at).ok_or_else(|| self.misfit(at))
    }

    fn misfit(&self, at: usize) -> FunctionError {
        let kind = self.args.get(at).map(|each| each.data_type().to_string());
        failure!("argument {} is {kind:?}, which was not planned", at + 1)
    }
}

/// The arguments' number is within bounds.
pub(crate) fn count(args: &[Arg<'_>], min: usize, max: usize) -> Outcome<()> {
    if (min..=max).contains(&args.len()) {
        return Ok(());
    }
    let wanted = if min == max { format!("{min}") } else { format!("{min} to {max}") };
    Err(failure!("it takes {wanted} arguments, not {}", args.len()))
}

/// What simple functions take and give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Int,
    Big,
    Double,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
}

impl Kind {
    pub(crate) fn kind(self) -> Type {
        match self {
            Self::Boolean => Type::Boolean,
            Self::Int => Type::Int(IntWidth::Normal),
            Self::Big => Type::Int(IntWidth::Big),
            Self::Double => Type::Double,
            Self::Text => Type::Varchar(None),
            Self::Bytes => Type::Varbinary(None),
            Self::Date => Type::Date,
            Self::Time => Type::Time,
            Self::Timestamp => Type::Timestamp,
        }
    }

    /// Whether a value of this type is taken without being cast by who wrote the program.
    pub(crate) fn takes(self, given: &Type) -> bool {
        matches!(
            (self, given),
            (_, Type::Null)
                | (Self::Boolean, Type::Boolean)
                | (Self::Int | Self::Big, Type::Int(_) | Type::UInt(_))
                | (Self::Double, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double)
                | (Self::Text, Type::Char(_) | Type::Varchar(_) | Type::Uuid)
                | (Self::Bytes, Type::Binary(_) | Type::Varbinary(_))
                | (Self::Date | Self::Timestamp, Type::Date | Type::Timestamp)
                | (Self::Time, Type::Time)
        )
    }
}

/// A call of a function that takes these kinds, the last of them as often as wanted up to `max`.
pub(crate) fn fixed(args: &[Arg<'_>], kinds: &[Kind], min: usize, max: usize, result: Kind) -> Outcome<Shape> {
    count(args, min, max)?;
    let mut params = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let kind = kinds.get(at).or(kinds.last()).copied().ok_or_else(|| failure!("it takes no arguments"))?;
        if !kind.takes(&arg.column.kind) {
            return Err(wrong(args, at, &type_text(&kind.kind())));
        }
        params.push(kind.kind());
    }
    Ok(Shape::strict(args, params, result.kind()))
}

/// The error about an argument of a type that does not fit.
pub(crate) fn wrong(args: &[Arg<'_>], at: usize, wanted: &str) -> FunctionError {
    let given = args.get(at).map_or_else(|| "missing".to_owned(), |arg| type_text(&arg.column.kind));
    failure!("argument {} is {given} where {wanted} is wanted", at + 1)
}

/// The types of arguments as they are written in errors.
pub(crate) fn types_text(args: &[Arg<'_>]) -> String {
    args.iter().map(|arg| type_text(&arg.column.kind)).collect::<Vec<_>>().join(", ")
}
