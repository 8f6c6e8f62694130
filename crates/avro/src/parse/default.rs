//! Defaults: JSON that must be a value of the field's type.

use std::cell::Cell;

use super::{Fault, Reading};
use crate::deep;
use crate::json::{Spanned, SpannedValue, line_and_column};
use crate::schema::{NodeId, Type};

impl Reading<'_, '_, '_> {
    /// Judges the defaults, now that every type is known.
    pub(super) fn check_defaults(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let budget = Cell::new(DEFAULT_STEPS_MAX);
            if let Err(reason) = self.fits(waiting.kind, waiting.value, &budget) {
                let place = line_and_column(self.parser.text, waiting.value.at);
                let message = format!("Invalid default for field {}: {reason}", waiting.field);
                self.parser.find_at(Fault::Default, place, waiting.pointer, message);
            }
        }
    }

    fn fits(&self, kind: NodeId, value: &Spanned, budget: &Cell<u32>) -> Result<(), String> {
        let left = budget.get().checked_sub(1).ok_or("it fits too many ways to be judged")?;
        budget.set(left);
        deep(|| self.fits_here(kind, value, budget))
    }

    fn fits_here(&self, kind: NodeId, value: &Spanned, budget: &Cell<u32>) -> Result<(), String> {
        let kind = &self.parser.nodes[kind.0 as usize].kind;
        let not = || {
            let mut shown = String::new();
            value.value.to_json().write_compact(&mut shown);
            shown.truncate(shown.char_indices().nth(SHOWN_MAX).map_or(shown.len(), |(at, _)| at));
            Err(format!("{shown} is no {}", kind.name().map_or(kind.word(), crate::Name::full)))
        };
        let good = match (kind, &value.value) {
            (Type::Null, SpannedValue::Null)
            | (Type::Boolean, SpannedValue::Bool(_))
            | (Type::String, SpannedValue::Text(_))
            | (Type::Float | Type::Double, SpannedValue::Number(_)) => true,
            (Type::Int, SpannedValue::Number(text)) => text.parse::<i32>().is_ok(),
            (Type::Long, SpannedValue::Number(text)) => text.parse::<i64>().is_ok(),
            // JSON has no word for them; Java reads and writes these.
            (Type::Float | Type::Double, SpannedValue::Text(text)) => {
                matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity")
            }
            (Type::Bytes, SpannedValue::Text(text)) => is_bytes(text),
            (Type::Fixed(fixed), SpannedValue::Text(text)) => {
                is_bytes(text) && text.chars().count() == fixed.size as usize
            }
            (Type::Enum(of), SpannedValue::Text(text)) => of.symbols.contains(text),
            (Type::Array(items), SpannedValue::Array(values)) => {
                return values.iter().try_for_each(|value| self.fits(*items, value, budget));
            }
            (Type::Map(values), SpannedValue::Object(members)) => {
                return members.iter().try_for_each(|(_, value)| self.fits(*values, value, budget));
            }
            (Type::Union(branches), _) => branches.iter().any(|branch| self.fits(*branch, value, budget).is_ok()),
            (Type::Record(record), SpannedValue::Object(members)) => {
                return record.fields.iter().try_for_each(|field| {
                    match members.iter().rev().find(|(name, _)| name.value == field.name) {
                        Some((_, value)) => self.fits(field.kind, value, budget),
                        // Its own default is judged where it stands.
                        None if field.default.is_some() => Ok(()),
                        None => Err(format!("the field {} of {} is missing", field.name, record.name)),
                    }
                });
            }
            _ => false,
        };
        if good { Ok(()) } else { not() }
    }
}

/// Most pairs of type and value looked at for one default: unions of records that hold each other multiply them.
const DEFAULT_STEPS_MAX: u32 = 100_000;

/// Most letters of a wrong default that are repeated in the message.
const SHOWN_MAX: usize = 100;

/// Bytes are written as a text of the letters U+0000 to U+00FF.
fn is_bytes(text: &str) -> bool {
    text.chars().all(|letter| letter <= '\u{FF}')
}
