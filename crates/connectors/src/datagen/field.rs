//! How the values of one column are made.

use alluvium_sql::types::{ColumnType, Field as SqlField, IntWidth, Type};

use super::random::Random;
use super::ranges;
use super::settings::{FieldSettings, Strategy};
use super::span::{Pick, Span, SpanSpec};
use super::values;
use super::words::Make;
use crate::cells::Cell;
use crate::table;

/// How long a text, and how many bytes a binary value may be.
pub const LENGTH_MAX: i128 = 65_536;
/// How many elements an array or map may have.
pub const ELEMENTS_MAX: i128 = 10_000;
/// How many bytes a row may have.
pub const ROW_BYTES_MAX: u64 = 64 << 20;

/// How the values of a column, field, element or key are made.
#[derive(Clone, Debug)]
pub(super) struct Field {
    null_percentage: u64,
    kind: Kind,
    /// Bytes that a value has at most, roughly.
    pub bytes_max: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    Null,
    Values(Vec<Cell>, Pick),
    Bool(Pick),
    Int(Span),
    Float {
        start: f64,
        end: f64,
        scale: f64,
        pick: Pick,
    },
    /// Numbers as text.
    Numbers(i128),
    /// Random letters of a length.
    Letters(Span),
    Words(Make, std::ops::Range<usize>),
    Uuid {
        is_counting: bool,
    },
    Bytes {
        length: Span,
        is_counting: bool,
    },
    Array {
        length: Span,
        element: Box<Field>,
    },
    Map {
        length: Span,
        key: Box<Field>,
        value: Box<Field>,
    },
    Row(Vec<Field>),
}

/// What is wrong: below which member of the settings, and what.
pub(super) type FieldError = (String, String);

impl Field {
    /// How values of a type are made by settings.
    ///
    /// # Errors
    ///
    /// The settings do not suit the type; they name fields that are not there.
    pub fn new(column: &ColumnType, settings: &FieldSettings) -> Result<Self, FieldError> {
        let here = |reason: String| (String::new(), reason);
        let null_percentage = settings.null_percentage.unwrap_or(0);
        if null_percentage > 100 {
            return Err(here(format!("its `null_percentage` is {null_percentage} and must be 0 to 100")));
        }
        if null_percentage > 0 && !column.is_nullable {
            return Err(here("it has a `null_percentage` and may not be NULL".to_owned()));
        }
        if !(settings.e > 0.0 && settings.e.is_finite()) {
            return Err(here(format!("its `e` is {} and must be above 0", settings.e)));
        }
        let made = match &settings.values {
            Some(list) => values_kind(column, settings, list).map_err(here)?,
            None => kind(&column.kind, settings)?,
        };
        Ok(Self { null_percentage, bytes_max: bytes_max(&made), kind: made })
    }

    /// The value of a row.
    pub fn value(&self, counter: u64, random: &mut Random) -> Cell {
        if self.null_percentage > 0 && random.below(100) < u128::from(self.null_percentage) {
            return Cell::Null;
        }
        match &self.kind {
            Kind::Null => Cell::Null,
            Kind::Values(list, pick) => list[pick.place(list.len() as u128, counter, random) as usize].clone(),
            Kind::Bool(pick) => Cell::Bool(pick.place(2, counter, random) == 1),
            Kind::Int(span) => Cell::Int(span.value(counter, random)),
            Kind::Float { start, end, scale, pick } => Cell::Float(float(*start, *end, *scale, pick, counter, random)),
            Kind::Numbers(scale) => Cell::Text((i128::from(counter) * scale).to_string()),
            Kind::Letters(length) => Cell::Text(letters(length.value(counter, random), random)),
            Kind::Words(make, parts) => Cell::Text(make(random, parts.clone())),
            Kind::Uuid { is_counting } => Cell::Text(uuid(*is_counting, counter, random)),
            Kind::Bytes { length, is_counting } => {
                let length = length.value(counter, random).max(0) as u64;
                let byte = |at: u64, random: &mut Random| {
                    if *is_counting { counter.wrapping_add(at) as u8 } else { random.bits() as u8 }
                };
                Cell::Bytes((0..length).map(|at| byte(at, random)).collect())
            }
            Kind::Array { length, element } => {
                let length = length.value(counter, random).max(0) as u64;
                Cell::List((0..length).map(|at| element.value(counter.wrapping_add(at), random)).collect())
            }
            Kind::Map { length, key, value } => map(length.value(counter, random), key, value, counter, random),
            Kind::Row(fields) => Cell::Row(fields.iter().map(|field| field.value(counter, random)).collect()),
        }
    }
}

fn values_kind(column: &ColumnType, settings: &FieldSettings, list: &[serde_json::Value]) -> Result<Kind, String> {
    if list.is_empty() {
        return if column.is_nullable {
            Ok(Kind::Null)
        } else {
            Err("its `values` are none and it may not be NULL".into())
        };
    }
    let cells: Vec<Cell> = list.iter().map(|value| values::cell(&column.kind, value)).collect::<Result<_, _>>()?;
    if cells.contains(&Cell::Null) && !column.is_nullable {
        return Err("NULL is one of its `values` and it may not be NULL".to_owned());
    }
    let pick = Pick::of(settings, cells.len() as u128);
    let pick = pick.ok_or("`values` go with the strategies `increment`, `uniform` and `zipf`")?;
    Ok(Kind::Values(cells, pick))
}

fn kind(kind: &Type, settings: &FieldSettings) -> Result<Kind, FieldError> {
    let here = |reason: String| (String::new(), reason);
    let nested = |at: &str, settings: Option<&FieldSettings>, kind: &Type| {
        let column = ColumnType { kind: kind.clone(), is_nullable: at != "key" };
        let field = Field::new(&column, settings.unwrap_or(&FieldSettings::default()));
        field.map(Box::new).map_err(|(below, reason)| (joined(at, &below), reason))
    };
    Ok(match kind {
        Type::Null => Kind::Null,
        Type::Boolean => Kind::Bool(plain_pick(settings, 2).map_err(here)?),
        Type::Real | Type::Double => float_kind(settings).map_err(here)?,
        Type::Char(_) | Type::Varchar(_) => text_kind(kind, settings).map_err(here)?,
        Type::Uuid => match plain_pick(settings, 1).map_err(here)? {
            Pick::Zipf(_) => return Err(here("`zipf` needs `values` for a UUID".to_owned())),
            pick => Kind::Uuid { is_counting: pick == Pick::Increment },
        },
        Type::Binary(length) => {
            let fixed = (i128::from(*length), i128::from(*length) + 1);
            Kind::Bytes {
                length: length_span(settings, fixed, LENGTH_MAX).map_err(here)?,
                is_counting: is_counting(settings),
            }
        }
        Type::Varbinary(_) => Kind::Bytes {
            length: length_span(settings, (0, 5), LENGTH_MAX).map_err(here)?,
            is_counting: is_counting(settings),
        },
        Type::Array(element) => Kind::Array {
            length: length_span(settings, (0, 5), ELEMENTS_MAX).map_err(here)?,
            element: nested("value", settings.value.as_deref(), element)?,
        },
        Type::Map(key, value) => Kind::Map {
            length: length_span(settings, (0, 5), ELEMENTS_MAX).map_err(here)?,
            key: nested("key", settings.key.as_deref(), key)?,
            value: nested("value", settings.value.as_deref(), value)?,
        },
        Type::Row(fields) => Kind::Row(row(fields, settings.fields.as_ref())?),
        Type::Interval(_) | Type::Variant => {
            return Err(here("values of its type are made from `values` only".to_owned()));
        }
        number => Kind::Int(number_span(number, settings).map_err(here)?),
    })
}

/// How the fields of a row, or the columns of a table, are made.
///
/// # Errors
///
/// As for [`Field::new`]; settings for a field that is not there.
pub(super) fn row(
    fields: &[SqlField],
    settings: Option<&std::collections::BTreeMap<String, FieldSettings>>,
) -> Result<Vec<Field>, FieldError> {
    let mut given: Vec<Option<(&String, &FieldSettings)>> = vec![None; fields.len()];
    for (name, settings) in settings.into_iter().flatten() {
        let at = table::position(fields, name)
            .ok_or_else(|| (format!("fields.{name}"), "there is no such column".to_owned()))?;
        if given[at].replace((name, settings)).is_some() {
            return Err((format!("fields.{name}"), "the column is given twice".to_owned()));
        }
    }
    let default = FieldSettings::default();
    let made = fields.iter().zip(given).map(|(field, given)| {
        let (name, settings) = given.unwrap_or((&field.name.name, &default));
        Field::new(&field.column_type, settings)
            .map_err(|(below, reason)| (joined(&format!("fields.{name}"), &below), reason))
    });
    made.collect()
}

fn joined(at: &str, below: &str) -> String {
    if below.is_empty() { at.to_owned() } else { format!("{at}.{below}") }
}

fn is_counting(settings: &FieldSettings) -> bool {
    matches!(settings.strategy, Strategy::Increment)
}

fn plain_pick(settings: &FieldSettings, count: u128) -> Result<Pick, String> {
    Pick::of(settings, count).ok_or_else(|| "words are for columns of text only".to_owned())
}

/// The range of lengths; the scale is of no matter to it.
fn length_span(settings: &FieldSettings, default: (i128, i128), most: i128) -> Result<Span, String> {
    let (start, end) = ranges::ends(settings.range.as_deref(), ranges::whole, "a length")?.unwrap_or(default);
    if start < 0 || end - 1 > most {
        return Err(format!("its range [{start}, {end}) of lengths is not within [0, {most}]"));
    }
    let unscaled = FieldSettings { scale: 1, ..settings.clone() };
    Span::new(&unscaled, &SpanSpec { start, end, per_count: 1, unit: 1, least: 0, most })
}

fn text_kind(kind: &Type, settings: &FieldSettings) -> Result<Kind, String> {
    Ok(match &settings.strategy {
        Strategy::Increment => Kind::Numbers(i128::from(settings.scale)),
        Strategy::Words(words) => {
            let given = ranges::ends(settings.range.as_deref(), ranges::whole, "a length")?;
            let parts = match (given, &words.parts) {
                (Some((start, end)), _) if start < 0 || end > 1000 => {
                    return Err("its range is not within [0, 1000)".into());
                }
                (Some((start, end)), _) if start >= end => return Err(format!("its range [{start}, {end}) is empty")),
                (Some((start, end)), Some(_)) => start as usize..end as usize,
                (_, parts) => parts.clone().unwrap_or(1..2),
            };
            Kind::Words(words.make, parts)
        }
        Strategy::Uniform | Strategy::Zipf => {
            let end = match kind {
                Type::Char(length) | Type::Varchar(Some(length)) => 25.min(i128::from(*length) + 1),
                _ => 25,
            };
            Kind::Letters(length_span(settings, (0, end), LENGTH_MAX)?)
        }
    })
}

/// The range of a type whose values are whole numbers in memory.
fn number_span(kind: &Type, settings: &FieldSettings) -> Result<Span, String> {
    let range = settings.range.as_deref();
    let spec = |ends: Option<(i128, i128)>, default: (i128, i128), per_count, unit, least, most| {
        let (start, end) = ends.unwrap_or(default);
        Span::new(settings, &SpanSpec { start, end, per_count, unit, least, most })
    };
    let counted = |least: i128, most: i128| if is_counting(settings) { (0, most + 1) } else { (least, most + 1) };
    match kind {
        Type::Int(width) | Type::UInt(width) => {
            let bits = match width {
                IntWidth::Tiny => 8,
                IntWidth::Small => 16,
                IntWidth::Normal => 32,
                IntWidth::Big => 64,
            };
            let (least, most) = match kind {
                Type::UInt(_) => (0, (1_i128 << bits) - 1),
                _ => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            };
            spec(ranges::ends(range, ranges::whole, "a whole number")?, counted(least, most), 1, 1, least, most)
        }
        Type::Decimal(digits, scale) => {
            let ten = |power: u8| 10_i128.checked_pow(u32::from(power)).ok_or("it has too many digits");
            let most = ten(*digits)? - 1;
            let ends = ranges::ends(range, |value| ranges::decimal(value, *scale), "a number")?;
            spec(ends, counted(-most, most), ten(*scale)?, 1, -most, most)
        }
        Type::Date => {
            let ends = ranges::ends(range, ranges::days, "a day (`YYYY-MM-DD`, or days since 1970)")?;
            // 0001-01-01 to 9999-12-31.
            spec(ends, (0, 47_482), 1, 1, -719_162, 2_932_896)
        }
        Type::Time => {
            let ends = ranges::ends(range, ranges::time_ms, "a time (`HH:MM:SS`, or milliseconds)")?;
            spec(ends, (0, ranges::DAY_MS), 1, 1_000_000, 0, ranges::DAY_MS * 1_000_000 - 1)
        }
        Type::Timestamp | Type::TimestampTz => {
            let ends = ranges::ends(range, ranges::moment_ms, "a moment (RFC 3339, or milliseconds since 1970)")?;
            let day = ranges::DAY_MS * 1000;
            spec(ends, (0, 4_102_444_800_000), 1, 1000, -719_162 * day, 2_932_897 * day - 1)
        }
        other => Err(format!("values of {other} cannot be made")),
    }
}

fn float_kind(settings: &FieldSettings) -> Result<Kind, String> {
    let ends = ranges::ends(settings.range.as_deref(), serde_json::Value::as_f64, "a number")?;
    let (start, end) = ends.unwrap_or(if is_counting(settings) { (0.0, f64::MAX) } else { (0.0, 1.0) });
    if start >= end {
        return Err(format!("its range [{start}, {end}) is empty"));
    }
    let pick = plain_pick(settings, (end - start).clamp(1.0, 1e38) as u128)?;
    Ok(Kind::Float { start, end, scale: settings.scale as f64, pick })
}

fn float(start: f64, end: f64, scale: f64, pick: &Pick, counter: u64, random: &mut Random) -> f64 {
    match pick {
        Pick::Increment => start + (counter as f64 * scale).rem_euclid(end - start),
        Pick::Uniform => {
            let share = random.unit();
            (start * (1.0 - share) + end * share) * scale
        }
        Pick::Zipf(zipf) => (start + zipf.draw(random) as f64) * scale,
    }
}

fn letters(length: i128, random: &mut Random) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..length).map(|_| char::from(LETTERS[random.below(62) as usize])).collect()
}

fn uuid(is_counting: bool, counter: u64, random: &mut Random) -> String {
    let bits = if is_counting {
        u128::from(counter)
    } else {
        let bits = (u128::from(random.bits()) << 64) | u128::from(random.bits());
        // Version 4, as random ones are.
        bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
    };
    let text = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

fn map(length: i128, key: &Field, value: &Field, counter: u64, random: &mut Random) -> Cell {
    let mut entries: Vec<(Cell, Cell)> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for at in 0..length.max(0) as u64 {
        let made = key.value(counter.wrapping_add(at), random);
        let value = value.value(counter.wrapping_add(at), random);
        // A key that came already is left out: the map is that much smaller.
        if known.insert(format!("{made:?}")) {
            entries.push((made, value));
        }
    }
    Cell::Map(entries)
}

/// Bytes that a value has at most, roughly.
fn bytes_max(kind: &Kind) -> u64 {
    const CELL: u64 = 48;
    let longest = |span: &Span| span.most().max(0) as u64;
    match kind {
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float { .. } => CELL,
        Kind::Numbers(_) | Kind::Uuid { .. } => 2 * CELL,
        Kind::Values(list, _) => list.iter().map(cell_bytes).max().unwrap_or(CELL),
        Kind::Letters(length) | Kind::Bytes { length, .. } => CELL + longest(length),
        // Part by part no longer than a long paragraph.
        Kind::Words(_, parts) => CELL + 500 * parts.end as u64,
        Kind::Array { length, element } => CELL.saturating_add(longest(length).saturating_mul(element.bytes_max)),
        Kind::Map { length, key, value } => {
            CELL.saturating_add(longest(length).saturating_mul(key.bytes_max.saturating_add(value.bytes_max)))
        }
        Kind::Row(fields) => fields.iter().fold(CELL, |sum, field| sum.saturating_add(field.bytes_max)),
    }
}

fn cell_bytes(cell: &Cell) -> u64 {
    48 + match cell {
        Cell::Text(text) => text.len() as u64,
        Cell::Bytes(bytes) => bytes.len() as u64,
        Cell::List(all) | Cell::Row(all) => all.iter().map(cell_bytes).sum(),
        Cell::Map(all) => all.iter().map(|(key, value)| cell_bytes(key) + cell_bytes(value)).sum(),
        Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) => 0,
    }
}
