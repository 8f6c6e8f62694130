//! Functions over groups of rows.
//!
//! Each computes a whole column, one value for each group, from columns of arguments and the weights of rows: a row of weight 3 is
//! there three times. What they keep between is wider than their arguments, and what does not fit in the end fails.

mod bits;
mod collect;
mod extremes;
mod sums;
mod udaf;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{Array, ArrayRef};
use datafusion_expr::AggregateUDF;

use crate::functions::{Arg, Outcome, Shape, failure};
pub(crate) use udaf::AggregateOfOurs;

/// Plans a call.
pub(crate) type ShapeRule = fn(&str, &[Arg<'_>]) -> Outcome<Shape>;
/// Computes a call.
pub(crate) type Kernel = fn(&Groups<'_>) -> Outcome<ArrayRef>;

/// A function over groups of rows.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) name: &'static str,
    pub(crate) shape: ShapeRule,
    pub(crate) kernel: Kernel,
    /// Whether its value over no rows is 0, not NULL.
    pub(crate) counts: bool,
}

/// Rows of arguments, by group.
pub(crate) struct Groups<'a> {
    /// The arguments, of the shape's types.
    pub(crate) args: &'a [ArrayRef],
    /// What was planned.
    pub(crate) shape: &'a Shape,
    /// The rows of each group with their weights, in the order they are taken.
    pub(crate) rows: &'a [Vec<(u32, i64)>],
    /// Whether NULLs are left out where they would count.
    pub(crate) ignores_nulls: bool,
}

impl Groups<'_> {
    pub(crate) fn arg(&self, at: usize) -> Outcome<&ArrayRef> {
        self.args.get(at).ok_or_else(|| failure!("argument {} is missing", at + 1))
    }

    /// The rows of each group where an argument is not NULL.
    pub(crate) fn present<'b>(&'b self, array: &'b dyn Array) -> impl Iterator<Item = Vec<(usize, i64)>> + 'b {
        self.rows.iter().map(move |rows| {
            rows.iter().map(|(row, weight)| (*row as usize, *weight)).filter(|(row, _)| array.is_valid(*row)).collect()
        })
    }
}

macro_rules! aggregate {
    ($name:literal, $shape:expr, $kernel:expr) => {
        Aggregate { name: $name, shape: $shape, kernel: $kernel, counts: false }
    };
}

static AGGREGATES: [Aggregate; 34] = [
    Aggregate { name: "count", shape: count_shape, kernel: sums::count, counts: true },
    Aggregate { name: "countif", shape: condition_count_shape, kernel: sums::count_if, counts: true },
    aggregate!("sum", number_shape, sums::sum),
    aggregate!("avg", number_shape, sums::average),
    aggregate!("min", same_shape, |groups| extremes::extreme(groups, 0, false)),
    aggregate!("max", same_shape, |groups| extremes::extreme(groups, 0, true)),
    aggregate!("arg_min", first_shape, |groups| extremes::extreme(groups, 1, false)),
    aggregate!("arg_max", first_shape, |groups| extremes::extreme(groups, 1, true)),
    aggregate!("any_value", same_shape, |groups| extremes::extreme(groups, 0, false)),
    aggregate!("mode", same_shape, extremes::mode),
    aggregate!("array_agg", list_shape, collect::array_agg),
    aggregate!("__single", same_shape, collect::single),
    aggregate!("bool_and", condition_shape, |groups| bits::all(groups)),
    aggregate!("logical_and", condition_shape, |groups| bits::all(groups)),
    aggregate!("every", condition_shape, |groups| bits::all(groups)),
    aggregate!("bool_or", condition_shape, |groups| bits::any(groups)),
    aggregate!("logical_or", condition_shape, |groups| bits::any(groups)),
    aggregate!("some", condition_shape, |groups| bits::any(groups)),
    aggregate!("bit_and", bits_shape, |groups| bits::bits(groups, bits::Bits::And)),
    aggregate!("bit_or", bits_shape, |groups| bits::bits(groups, bits::Bits::Or)),
    aggregate!("bit_xor", bits_shape, |groups| bits::bits(groups, bits::Bits::Xor)),
    aggregate!("stddev", number_shape, |groups| sums::spread(groups, true, true)),
    aggregate!("stddev_samp", number_shape, |groups| sums::spread(groups, true, true)),
    aggregate!("stddev_pop", number_shape, |groups| sums::spread(groups, false, true)),
    aggregate!("variance", number_shape, |groups| sums::spread(groups, true, false)),
    aggregate!("var_samp", number_shape, |groups| sums::spread(groups, true, false)),
    aggregate!("var_pop", number_shape, |groups| sums::spread(groups, false, false)),
    aggregate!("covar_pop", pair_shape, |groups| sums::paired(groups, sums::Paired::CovarPop)),
    aggregate!("covar_samp", pair_shape, |groups| sums::paired(groups, sums::Paired::CovarSamp)),
    aggregate!("regr_sxx", pair_shape, |groups| sums::paired(groups, sums::Paired::Sxx)),
    aggregate!("regr_syy", pair_shape, |groups| sums::paired(groups, sums::Paired::Syy)),
    Aggregate { name: "regr_count", shape: pair_count_shape, kernel: sums::count, counts: true },
    aggregate!("stdev", number_shape, |groups| sums::spread(groups, true, true)),
    aggregate!("grouping", grouping_shape, |_| { Err(failure!("GROUPING needs GROUPING SETS, CUBE or ROLLUP")) }),
];

/// The function of a name in lower case, for plans.
pub(crate) fn find(name: &str) -> Option<AggregateUDF> {
    AGGREGATES.iter().find(|each| each.name == name).map(udaf::udaf)
}

/// The names of all functions, in order.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> =
        AGGREGATES.iter().filter(|each| !each.name.starts_with("__")).map(|each| each.name.to_owned()).collect();
    names.sort();
    names
}

/// The optimizer replaces it where there are sets of keys.
#[expect(clippy::unnecessary_wraps, reason = "all aggregates are planned by functions of this form")]
fn grouping_shape(_: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    Ok(never_null(own(args), Type::Int(IntWidth::Normal)))
}

fn takes(name: &str, args: &[Arg<'_>], wanted: usize) -> Outcome<()> {
    if args.len() == wanted {
        return Ok(());
    }
    Err(failure!("{} takes {wanted} arguments, not {}", name.to_uppercase(), args.len()))
}

fn refused(name: &str, args: &[Arg<'_>]) -> crate::functions::FunctionError {
    failure!("{} is not defined for {}", name.to_uppercase(), crate::functions::types_text(args))
}

const BIG: Type = Type::Int(IntWidth::Big);

fn own(args: &[Arg<'_>]) -> Vec<Type> {
    args.iter().map(|arg| arg.column.kind.clone()).collect()
}

fn never_null(params: Vec<Type>, result: Type) -> Shape {
    let mut shape = Shape::nullable(params, result);
    shape.result.is_nullable = false;
    shape
}

fn count_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.is_empty() {
        return Err(failure!("{} takes * or an argument", name.to_uppercase()));
    }
    Ok(never_null(own(args), BIG))
}

fn pair_count_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 2)?;
    count_shape(name, args)
}

fn condition_count_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    condition_shape(name, args)?;
    Ok(never_null(vec![Type::Boolean], BIG))
}

fn condition_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 1)?;
    if !matches!(args[0].column.kind, Type::Boolean | Type::Null) {
        return Err(refused(name, args));
    }
    Ok(Shape::nullable(vec![Type::Boolean], Type::Boolean))
}

fn is_number(kind: &Type) -> bool {
    matches!(kind, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double)
}

fn number_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 1)?;
    let kind = match &args[0].column.kind {
        // A bare NULL is a number of no kind in particular.
        Type::Null => Type::Int(IntWidth::Normal),
        kind if is_number(kind) => kind.clone(),
        _ => return Err(refused(name, args)),
    };
    Ok(Shape::nullable(vec![kind.clone()], kind))
}

fn pair_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 2)?;
    let kind =
        crate::types::numeric_common(&args[0].column.kind, &args[1].column.kind).ok_or_else(|| refused(name, args))?;
    Ok(Shape::nullable(vec![kind.clone(), kind.clone()], kind))
}

fn bits_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 1)?;
    let kind = args[0].column.kind.clone();
    if !matches!(kind, Type::Int(_) | Type::UInt(_) | Type::Binary(_) | Type::Varbinary(_)) {
        return Err(refused(name, args));
    }
    Ok(Shape::nullable(vec![kind.clone()], kind))
}

fn same_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 1)?;
    Ok(Shape::nullable(own(args), args[0].column.kind.clone()))
}

fn first_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 2)?;
    Ok(Shape::nullable(own(args), args[0].column.kind.clone()))
}

fn list_shape(name: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    takes(name, args, 1)?;
    Ok(Shape::nullable(own(args), Type::Array(Box::new(args[0].column.kind.clone()))))
}
