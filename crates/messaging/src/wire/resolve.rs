//! Rewrites data of the writer's schema to the reader's, after Avro's rules of resolution.
//!
//! For the pairs that a type cannot read at once. What it writes is then read like anything of the reader's own.

use std::collections::HashMap;

use alluvium_avro::{NodeId, Schema, Type};

use crate::model::{DATUM_DEPTH_MAX, json_default};
use crate::model::{take_bytes, take_length, take_number, walk_blocks};

use super::varint;

/// What was decided about pairs of types.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// The reader's branch for (reader's union, writer's type).
    pub(super) branches: HashMap<(NodeId, NodeId), usize>,
    /// For (reader's record, writer's record): the reader's field of each of the writer's, and those that take defaults.
    pub(super) fields: HashMap<(NodeId, NodeId), FieldSteps>,
}

/// The reader's field of each of the writer's, and the reader's fields that take defaults.
type FieldSteps = (Vec<Option<usize>>, Vec<usize>);

/// Rewrites one datum.
pub(crate) fn rewrite(steps: &Steps, reader: &Schema, writer: &Schema, datum: &[u8]) -> Result<Vec<u8>, String> {
    let mut rest = datum;
    let mut out = Vec::with_capacity(datum.len() + 16);
    let run = Run { steps, reader, writer };
    run.pair(reader.root_id(), writer.root_id(), &mut rest, &mut out, 0)?;
    if rest.is_empty() { Ok(out) } else { Err(format!("{} bytes are left over", rest.len())) }
}

struct Run<'s> {
    steps: &'s Steps,
    reader: &'s Schema,
    writer: &'s Schema,
}

impl Run<'_> {
    fn pair(
        &self,
        reader: NodeId,
        writer: NodeId,
        rest: &mut &[u8],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DATUM_DEPTH_MAX {
            return Err(format!("nests deeper than {DATUM_DEPTH_MAX}"));
        }
        let (r, w) = (&self.reader.node(reader).kind, &self.writer.node(writer).kind);
        if let Type::Union(branches) = w {
            let branch = usize::try_from(take_number(rest)?).ok().and_then(|at| branches.get(at));
            return self.pair(reader, *branch.ok_or("a union's branch is out of range")?, rest, out, depth + 1);
        }
        match (r, w) {
            (Type::Union(branches), _) => {
                let at = *self.steps.branches.get(&(reader, writer)).ok_or("the reader has no such branch")?;
                varint::write(out, at as i64);
                self.pair(branches[at], writer, rest, out, depth + 1)
            }
            (Type::Record(own), Type::Record(theirs)) => {
                let (sources, absent) =
                    self.steps.fields.get(&(reader, writer)).ok_or("these records were never compared")?;
                let mut parts: Vec<Vec<u8>> = vec![Vec::new(); own.fields.len()];
                for (field, source) in theirs.fields.iter().zip(sources) {
                    match source {
                        Some(at) => self.pair(own.fields[*at].kind, field.kind, rest, &mut parts[*at], depth + 1)?,
                        None => self.skip(field.kind, rest, depth + 1)?,
                    }
                }
                for at in absent {
                    let field = &own.fields[*at];
                    let default = field.default.as_ref().ok_or("a default is gone")?;
                    json_default(self.reader, field.kind, default, &mut parts[*at])?;
                }
                parts.iter().for_each(|part| out.extend_from_slice(part));
                Ok(())
            }
            (Type::Array(own), Type::Array(theirs)) => {
                walk_blocks(rest, |rest| {
                    out.push(2);
                    self.pair(*own, *theirs, rest, out, depth + 1)
                })?;
                out.push(0);
                Ok(())
            }
            (Type::Map(own), Type::Map(theirs)) => {
                walk_blocks(rest, |rest| {
                    out.push(2);
                    copy_sized(rest, out)?;
                    self.pair(*own, *theirs, rest, out, depth + 1)
                })?;
                out.push(0);
                Ok(())
            }
            (Type::Enum(own), Type::Enum(theirs)) => {
                let symbol = usize::try_from(take_number(rest)?).ok().and_then(|at| theirs.symbols.get(at));
                let symbol = symbol.ok_or("an enum's symbol is out of range")?;
                let at = own
                    .symbols
                    .iter()
                    .position(|each| each == symbol)
                    .or_else(|| own.symbols.iter().position(|each| Some(each) == own.default.as_ref()));
                varint::write(
                    out,
                    at.ok_or_else(|| format!("there is neither symbol `{symbol}` nor a default"))? as i64,
                );
                Ok(())
            }
            (Type::Fixed(_), Type::Fixed(theirs)) => {
                out.extend_from_slice(take_bytes(rest, theirs.size as usize)?);
                Ok(())
            }
            _ => primitive(r, w, rest, out),
        }
    }

    fn skip(&self, writer: NodeId, rest: &mut &[u8], depth: usize) -> Result<(), String> {
        if depth > DATUM_DEPTH_MAX {
            return Err(format!("nests deeper than {DATUM_DEPTH_MAX}"));
        }
        match &self.writer.node(writer).kind {
            Type::Null => {}
            Type::Boolean => {
                take_bytes(rest, 1)?;
            }
            Type::Int | Type::Long | Type::Enum(_) => {
                take_number(rest)?;
            }
            Type::Float => {
                take_bytes(rest, 4)?;
            }
            Type::Double => {
                take_bytes(rest, 8)?;
            }
            Type::Bytes | Type::String => {
                let length = take_length(rest)?;
                take_bytes(rest, length)?;
            }
            Type::Fixed(fixed) => {
                take_bytes(rest, fixed.size as usize)?;
            }
            Type::Array(items) => walk_blocks(rest, |rest| self.skip(*items, rest, depth + 1))?,
            Type::Map(values) => walk_blocks(rest, |rest| {
                let length = take_length(rest)?;
                take_bytes(rest, length)?;
                self.skip(*values, rest, depth + 1)
            })?,
            Type::Union(branches) => {
                let branch = usize::try_from(take_number(rest)?).ok().and_then(|at| branches.get(at));
                self.skip(*branch.ok_or("a union's branch is out of range")?, rest, depth + 1)?;
            }
            Type::Record(record) => {
                for field in &record.fields {
                    self.skip(field.kind, rest, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

fn primitive(reader: &Type, writer: &Type, rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    match (reader, writer) {
        (Type::Null, Type::Null) => {}
        (Type::Boolean, Type::Boolean) => out.extend_from_slice(take_bytes(rest, 1)?),
        (Type::Int | Type::Long, Type::Int | Type::Long) => varint::write(out, take_number(rest)?),
        (Type::Float, Type::Int | Type::Long) => out.extend_from_slice(&(take_number(rest)? as f32).to_le_bytes()),
        (Type::Double, Type::Int | Type::Long) => out.extend_from_slice(&(take_number(rest)? as f64).to_le_bytes()),
        (Type::Float, Type::Float) => out.extend_from_slice(take_bytes(rest, 4)?),
        (Type::Double, Type::Double) => out.extend_from_slice(take_bytes(rest, 8)?),
        (Type::Double, Type::Float) => {
            let (bytes, _) = take_bytes(rest, 4)?.as_chunks::<4>();
            let number = bytes.first().map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
            out.extend_from_slice(&f64::from(number).to_le_bytes());
        }
        (Type::Bytes | Type::String, Type::Bytes | Type::String) => copy_sized(rest, out)?,
        _ => return Err(format!("{} cannot be read from {}", reader.word(), writer.word())),
    }
    Ok(())
}

fn copy_sized(rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let length = take_length(rest)?;
    let bytes = take_bytes(rest, length)?;
    varint::write(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
    Ok(())
}
