//! Which Rust type an Avro type becomes.

use alluvium_avro::{Fixed, Logical, Node, NodeId, Type};

use super::Emitter;

/// Digits that the decimal type of the kit counts in.
const DECIMAL_DIGITS_MAX: u32 = 28;

/// Longest array that serde writes by itself.
const SERDE_ARRAY_MAX: u32 = 32;

/// A Rust type with what must stand on the field that has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapped {
    pub text: String,
    /// Inside `#[avro(…)]`.
    pub attributes: Vec<String>,
    /// A module for `#[serde(with = …)]`.
    pub serde: Option<&'static str>,
}

impl Mapped {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn with(text: &str, attributes: &[&str]) -> Self {
        Self {
            text: text.to_owned(),
            attributes: attributes.iter().map(|&each| each.to_owned()).collect(),
            serde: None,
        }
    }

    /// Lists and maps hold their values elsewhere already.
    fn unboxed(mut self) -> Self {
        if let Some(inner) = self.text.strip_prefix("Box<").and_then(|text| text.strip_suffix('>')) {
            self.text = inner.to_owned();
        }
        self
    }

    fn around(mut self, open: &str, close: &str) -> Self {
        self.text = format!("{open}{}{close}", self.text);
        self.serde = None;
        self
    }
}

impl Emitter<'_> {
    /// The type of a field: `place` names a union that needs an enum of its own.
    pub(super) fn of_field(
        &mut self,
        owner: NodeId,
        place: &str,
        id: NodeId,
        first_default: bool,
    ) -> Result<Mapped, String> {
        let schema = self.schema;
        let Type::Union(branches) = &schema.node(id).kind else { return self.plain(owner, place, id) };
        match branches.as_slice() {
            [null, inner] if self.is_null(*null) && !(self.is_kit() && first_default) => {
                Ok(self.plain(owner, place, *inner)?.around("Option<", ">"))
            }
            // Kept in this order only where the default is of the first branch, as the derive writes it.
            [inner, null] if self.is_kit() && self.is_null(*null) && first_default => {
                Ok(self.plain(owner, place, *inner)?.around("Option<", ">"))
            }
            _ if !self.is_kit() => Err(format!("{place}: only unions of the form [\"null\", T] become Rust")),
            branches => self.union(owner, place, branches).map(Mapped::new),
        }
    }

    fn is_null(&self, id: NodeId) -> bool {
        matches!(self.schema.node(id).kind, Type::Null)
    }

    /// Any type that is no union of its own.
    pub(super) fn plain(&mut self, owner: NodeId, place: &str, id: NodeId) -> Result<Mapped, String> {
        let schema = self.schema;
        let node = schema.node(id);
        if let Some(logical) = node.logical.filter(|_| self.is_kit()) {
            if let Some(mapped) = self.logical(place, node, logical) {
                return Ok(mapped);
            }
            self.note(place, format!("no Rust type for the logical type {}, so it is a plain value", logical.as_str()));
        }
        Ok(match &node.kind {
            Type::Null => Mapped::new("()"),
            Type::Boolean => Mapped::new("bool"),
            Type::Int => Mapped::new("i32"),
            Type::Long => Mapped::new("i64"),
            Type::Float => Mapped::new("f32"),
            Type::Double => Mapped::new("f64"),
            Type::String
                if self.is_kit() && node.attribute("alv.type").is_some_and(|of| of.as_text() == Some("json")) =>
            {
                Mapped::new("serde_json::Value")
            }
            Type::String => Mapped::new("String"),
            Type::Bytes => Mapped { serde: (!self.is_kit()).then_some("serde_bytes"), ..Mapped::new("Vec<u8>") },
            Type::Array(items) => {
                self.of_field(owner, &format!("{place}Item"), *items, false)?.unboxed().around("Vec<", ">")
            }
            Type::Map(values) => self
                .of_field(owner, &format!("{place}Value"), *values, false)?
                .unboxed()
                .around("std::collections::BTreeMap<String, ", ">"),
            Type::Union(_) => self.of_field(owner, place, id, false)?,
            Type::Record(record) => {
                let name = self.name(&record.name);
                let mapped = Mapped::new(name);
                if self.cycles.contains(&(owner, id)) { mapped.around("Box<", ">") } else { mapped }
            }
            Type::Enum(of) => Mapped::new(self.name(&of.name)),
            Type::Fixed(fixed) => self.fixed(place, fixed),
        })
    }

    fn fixed(&mut self, place: &str, fixed: &Fixed) -> Mapped {
        self.named_by_place(place, fixed);
        let serde = (fixed.size > SERDE_ARRAY_MAX).then_some("serde_bytes");
        Mapped { serde, ..Mapped::new(format!("[u8; {}]", fixed.size)) }
    }

    /// Derived schemas name a fixed type after the field it stands in.
    fn named_by_place(&mut self, place: &str, fixed: &Fixed) {
        self.note(place, format!("the fixed type {} is named after its field in a derived schema", fixed.name));
    }

    fn logical(&mut self, place: &str, node: &Node, logical: Logical) -> Option<Mapped> {
        let fixed = match &node.kind {
            Type::Fixed(fixed) => Some(fixed),
            _ => None,
        };
        if let Some(fixed) = fixed {
            self.named_by_place(place, fixed);
        }
        Some(match (logical, fixed) {
            (Logical::Decimal { precision, .. }, _) if precision > DECIMAL_DIGITS_MAX => return None,
            (Logical::Decimal { precision, scale }, None) => Mapped::with(
                "rust_decimal::Decimal",
                &[&format!("precision = {precision}"), &format!("scale = {scale}")],
            ),
            (Logical::Decimal { precision, scale }, Some(fixed)) => Mapped::with(
                "rust_decimal::Decimal",
                &[
                    "as = \"fixed\"",
                    &format!("precision = {precision}"),
                    &format!("scale = {scale}"),
                    &format!("size = {}", fixed.size),
                ],
            ),
            (Logical::BigDecimal, _) => Mapped::with("rust_decimal::Decimal", &["as = \"big-decimal\""]),
            (Logical::Uuid, None) => Mapped::new("uuid::Uuid"),
            (Logical::Uuid, Some(_)) => Mapped::with("uuid::Uuid", &["as = \"fixed\""]),
            (Logical::Date, _) => Mapped::new("jiff::civil::Date"),
            (Logical::TimeMillis, _) => Mapped::with("jiff::civil::Time", &["logical = \"time-millis\""]),
            (Logical::TimeMicros, _) => Mapped::new("jiff::civil::Time"),
            (Logical::TimestampMillis, _) => Mapped::with("jiff::Timestamp", &["logical = \"timestamp-millis\""]),
            (Logical::TimestampMicros, _) => Mapped::new("jiff::Timestamp"),
            (Logical::TimestampNanos, _) => Mapped::with("jiff::Timestamp", &["logical = \"timestamp-nanos\""]),
            (Logical::LocalTimestampMillis, _) => {
                Mapped::with("jiff::civil::DateTime", &["logical = \"local-timestamp-millis\""])
            }
            (Logical::LocalTimestampMicros, _) => Mapped::new("jiff::civil::DateTime"),
            (Logical::LocalTimestampNanos, _) => {
                Mapped::with("jiff::civil::DateTime", &["logical = \"local-timestamp-nanos\""])
            }
            (Logical::Duration, _) => Mapped::new("alluvium_messaging::model::CalendarDuration"),
        })
    }
}
