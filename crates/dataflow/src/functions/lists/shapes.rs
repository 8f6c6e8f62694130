//! What functions of arrays and rows take and give.

use alluvium_sql::types::{ColumnType, Field, Identifier, IntWidth, Type};

use super::super::support::{Kind, count, types_text, wrong};
use super::super::{Arg, Outcome, Shape, failure, maps, variant};
use crate::types::common_type;

const BIG: Type = Type::Int(IntWidth::Big);

pub(super) fn array_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut common = Type::Null;
    for arg in args {
        common = common_type(&common, &arg.column.kind)
            .ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    }
    let mut shape = Shape::nullable(vec![common.clone(); args.len()], Type::Array(Box::new(common)));
    shape.result.is_nullable = false;
    Ok(shape)
}

pub(super) fn row_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.is_empty() {
        return Err(failure!("a row has one field or more"));
    }
    let fields = args
        .iter()
        .enumerate()
        .map(|(at, arg)| Field {
            name: Identifier::quoted(&format!("EXPR${at}")),
            column_type: ColumnType { is_nullable: true, ..arg.column.clone() },
        })
        .collect();
    let params = args.iter().map(|arg| arg.column.kind.clone()).collect();
    Ok(Shape { params, result: ColumnType { kind: Type::Row(fields), is_nullable: false } })
}

pub(super) fn field_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    if args[0].column.kind == Type::Variant {
        return variant::at_shape(args);
    }
    let (Type::Row(fields), Some(name)) = (&args[0].column.kind, args[1].text()) else {
        return Err(wrong(args, 0, "a row"));
    };
    let found = fields
        .iter()
        .find(|field| field.name.name == name)
        .or_else(|| fields.iter().find(|field| field.name.name.eq_ignore_ascii_case(name)));
    let field = found.ok_or_else(|| failure!("the row has no field '{name}'"))?;
    Ok(Shape::nullable(vec![args[0].column.kind.clone(), Type::Varchar(None)], field.column_type.kind.clone()))
}

pub(super) fn list_kind(args: &[Arg<'_>], at: usize) -> Outcome<Type> {
    match args.get(at).map(|arg| &arg.column.kind) {
        Some(Type::Array(item)) => Ok(item.as_ref().clone()),
        Some(Type::Null) => Ok(Type::Null),
        _ => Err(wrong(args, at, "an array")),
    }
}

pub(super) fn list_of(item: Type) -> Type {
    Type::Array(Box::new(item))
}

pub(super) fn one_list_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let list = list_of(list_kind(args, 0)?);
    Ok(Shape::strict(args, vec![list.clone()], list))
}

pub(super) fn lists_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, usize::MAX)?;
    let mut common = Type::Null;
    for at in 0..args.len() {
        let item = list_kind(args, at)?;
        common = common_type(&common, &item).ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    }
    Ok(Shape::strict(args, vec![list_of(common.clone()); args.len()], list_of(common)))
}

pub(super) fn two_lists_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    lists_shape(args)
}

pub(super) fn overlap_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = two_lists_shape(args)?;
    shape.result.kind = Type::Boolean;
    Ok(shape)
}

pub(super) fn item_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let item = list_kind(args, 0)?;
    Ok(Shape::nullable(vec![list_of(item.clone())], item))
}

pub(super) fn length_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    if matches!(args[0].column.kind, Type::Map(..)) {
        return maps::length_shape(args);
    }
    Ok(Shape::strict(args, vec![list_of(list_kind(args, 0)?)], Type::Int(IntWidth::Normal)))
}

pub(super) fn element_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    item_shape(args)
}

/// An array and a value that may be one of its elements.
pub(super) fn with_value(args: &[Arg<'_>], list: usize, value: usize, result: Option<Type>) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let item = list_kind(args, list)?;
    let common = common_type(&item, &args[value].column.kind)
        .ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    let mut params = vec![common.clone(), common.clone()];
    params[list] = list_of(common.clone());
    let is_nullable = args[list].column.is_nullable || result.is_some();
    Ok(Shape { params, result: ColumnType { kind: result.unwrap_or_else(|| list_of(common)), is_nullable } })
}

pub(super) fn at_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    if args[0].column.kind == Type::Variant {
        return variant::at_shape(args);
    }
    if matches!(args[0].column.kind, Type::Map(..)) {
        return maps::key_shape(args, None);
    }
    let item = list_kind(args, 0)?;
    if !matches!(args[1].column.kind, Type::Int(_) | Type::UInt(_) | Type::Null) {
        return Err(wrong(args, 1, "BIGINT"));
    }
    Ok(Shape::nullable(vec![list_of(item.clone()), BIG], item))
}

pub(super) fn sort_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 2)?;
    let list = list_of(list_kind(args, 0)?);
    let mut params = vec![list.clone()];
    if let Some(order) = args.get(1) {
        if order.column.kind != Type::Boolean {
            return Err(wrong(args, 1, "BOOLEAN"));
        }
        params.push(Type::Boolean);
    }
    Ok(Shape::strict(args, params, list))
}

pub(super) fn repeat_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    if !matches!(args[1].column.kind, Type::Int(_) | Type::Null) {
        return Err(wrong(args, 1, "INTEGER"));
    }
    let item = args[0].column.kind.clone();
    Ok(Shape::nullable(vec![item.clone(), BIG], list_of(item)))
}

pub(super) fn insert_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 3, 3)?;
    if !matches!(args[1].column.kind, Type::Int(_) | Type::Null) {
        return Err(wrong(args, 1, "INTEGER"));
    }
    let item = common_type(&list_kind(args, 0)?, &args[2].column.kind)
        .ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    Ok(Shape::nullable(vec![list_of(item.clone()), BIG, item.clone()], list_of(item)))
}

pub(super) fn join_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 3)?;
    let item = list_kind(args, 0)?;
    if matches!(item, Type::Array(_) | Type::Map(..) | Type::Row(_)) {
        return Err(wrong(args, 0, "an array of simple values"));
    }
    if let Some(at) = (1..args.len()).find(|at| !Kind::Text.takes(&args[*at].column.kind)) {
        return Err(wrong(args, at, "VARCHAR"));
    }
    let text = Type::Varchar(None);
    let params =
        std::iter::once(list_of(text.clone())).chain(std::iter::repeat_n(text.clone(), args.len() - 1)).collect();
    Ok(Shape::strict(args, params, text))
}
