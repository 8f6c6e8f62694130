//! Functions over the rows around a row that are no aggregates.

mod udwf;

use alluvium_sql::types::{IntWidth, Type};
use datafusion_expr::WindowUDF;

use crate::functions::{Arg, Outcome, Shape, failure};
pub(crate) use udwf::WindowOfOurs;

/// A function over the rows around a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
}

const FUNCTIONS: [(&str, WindowFunction); 11] = [
    ("row_number", WindowFunction::RowNumber),
    ("rank", WindowFunction::Rank),
    ("dense_rank", WindowFunction::DenseRank),
    ("percent_rank", WindowFunction::PercentRank),
    ("cume_dist", WindowFunction::CumeDist),
    ("ntile", WindowFunction::Ntile),
    ("lag", WindowFunction::Lag),
    ("lead", WindowFunction::Lead),
    ("first_value", WindowFunction::FirstValue),
    ("last_value", WindowFunction::LastValue),
    ("nth_value", WindowFunction::NthValue),
];

/// The function of a name in lower case, for plans.
pub(crate) fn find(name: &str) -> Option<WindowUDF> {
    FUNCTIONS.iter().find(|(each, _)| *each == name).map(|(name, function)| udwf::udwf(name, *function))
}

/// The names of all functions.
pub(crate) fn names() -> Vec<String> {
    FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Plans a call.
pub(crate) fn shape(function: WindowFunction, args: &[Arg<'_>]) -> Outcome<Shape> {
    let big = Type::Int(IntWidth::Big);
    let first = || args.first().map(|arg| arg.column.kind.clone()).ok_or_else(|| failure!("it takes an argument"));
    let number = |result: Type, wanted: usize| {
        if args.len() != wanted {
            return Err(failure!("it takes {wanted} arguments, not {}", args.len()));
        }
        let mut shape = Shape::nullable(vec![big.clone(); wanted], result);
        shape.result.is_nullable = false;
        Ok(shape)
    };
    match function {
        WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank => number(big.clone(), 0),
        WindowFunction::PercentRank | WindowFunction::CumeDist => number(Type::Double, 0),
        WindowFunction::Ntile => number(big.clone(), 1),
        WindowFunction::Lag | WindowFunction::Lead => {
            let kind = first()?;
            if args.len() > 3 {
                return Err(failure!("it takes 1 to 3 arguments, not {}", args.len()));
            }
            let kind = match args.get(2) {
                Some(other) => crate::types::common_type(&kind, &other.column.kind)
                    .ok_or_else(|| failure!("its value and its default have no type in common"))?,
                None => kind,
            };
            Ok(Shape::nullable([kind.clone(), big, kind.clone()][..args.len()].to_vec(), kind))
        }
        WindowFunction::FirstValue | WindowFunction::LastValue if args.len() == 1 => {
            Ok(Shape::nullable(vec![first()?], first()?))
        }
        WindowFunction::NthValue if args.len() == 2 => Ok(Shape::nullable(vec![first()?, big], first()?)),
        _ => Err(failure!("it does not take {} arguments", args.len())),
    }
}
