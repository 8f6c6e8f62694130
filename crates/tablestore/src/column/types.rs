//! The types a column may have, and how DuckDB spells them.

use std::fmt;

use super::keywords::needs_quotes;
use crate::quote;

/// A DuckDB type. Parsed by [`ColumnType::parse`], printed in DuckDB's canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are DuckDB's own type names")]
pub enum ColumnType {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    HugeInt,
    UTinyInt,
    USmallInt,
    UInteger,
    UBigInt,
    UHugeInt,
    Float,
    Double,
    /// `width` digits (1–38) in all, `scale` of them after the point.
    Decimal {
        width: u8,
        scale: u8,
    },
    Varchar,
    Blob,
    Bit,
    Date,
    Time,
    TimeTz,
    /// Microseconds without zone.
    Timestamp,
    TimestampS,
    TimestampMs,
    TimestampNs,
    /// Microseconds since the epoch.
    TimestampTz,
    Interval,
    Uuid,
    Json,
    /// Its labels in order; at least one, none twice.
    Enum(Vec<String>),
    List(Box<ColumnType>),
    /// A list of exactly so many elements.
    Array(Box<ColumnType>, u32),
    /// Named fields in order; at least one, none twice.
    Struct(Vec<(String, ColumnType)>),
    Map(Box<ColumnType>, Box<ColumnType>),
}

impl ColumnType {
    /// The name of a type without parameters; `None` for the others.
    pub(super) fn plain_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Boolean => "BOOLEAN",
            Self::TinyInt => "TINYINT",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::HugeInt => "HUGEINT",
            Self::UTinyInt => "UTINYINT",
            Self::USmallInt => "USMALLINT",
            Self::UInteger => "UINTEGER",
            Self::UBigInt => "UBIGINT",
            Self::UHugeInt => "UHUGEINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Varchar => "VARCHAR",
            Self::Blob => "BLOB",
            Self::Bit => "BIT",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimeTz => "TIME WITH TIME ZONE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampS => "TIMESTAMP_S",
            Self::TimestampMs => "TIMESTAMP_MS",
            Self::TimestampNs => "TIMESTAMP_NS",
            Self::TimestampTz => "TIMESTAMP WITH TIME ZONE",
            Self::Interval => "INTERVAL",
            Self::Uuid => "UUID",
            Self::Json => "JSON",
            Self::Decimal { .. }
            | Self::Enum(_)
            | Self::List(_)
            | Self::Array(..)
            | Self::Struct(_)
            | Self::Map(..) => return None,
        })
    }

    /// The type for use in a statement: as printed, but every struct field quoted.
    pub fn to_sql(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out, &|name| quote::ident(name));
        out
    }

    /// Whether values of this type are numbers.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, Self::Float | Self::Double | Self::Decimal { .. })
    }

    /// Whether values of this type are whole numbers.
    pub fn is_integer(&self) -> bool {
        matches!(
            self,
            Self::TinyInt
                | Self::SmallInt
                | Self::Integer
                | Self::BigInt
                | Self::HugeInt
                | Self::UTinyInt
                | Self::USmallInt
                | Self::UInteger
                | Self::UBigInt
                | Self::UHugeInt
        )
    }

    fn write(&self, out: &mut dyn fmt::Write, name: &dyn Fn(&str) -> String) -> fmt::Result {
        if let Some(plain) = self.plain_name() {
            return out.write_str(plain);
        }
        match self {
            Self::Decimal { width, scale } => write!(out, "DECIMAL({width},{scale})"),
            Self::Enum(labels) => {
                let labels: Vec<String> = labels.iter().map(|label| quote::literal(label)).collect();
                write!(out, "ENUM({})", labels.join(", "))
            }
            Self::List(element) => {
                element.write(out, name)?;
                out.write_str("[]")
            }
            Self::Array(element, length) => {
                element.write(out, name)?;
                write!(out, "[{length}]")
            }
            Self::Struct(fields) => {
                out.write_str("STRUCT(")?;
                for (index, (field, field_type)) in fields.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(out, "{comma}{} ", name(field))?;
                    field_type.write(out, name)?;
                }
                out.write_str(")")
            }
            Self::Map(key, value) => {
                out.write_str("MAP(")?;
                key.write(out, name)?;
                out.write_str(", ")?;
                value.write(out, name)?;
                out.write_str(")")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, &|name| {
            if needs_quotes(name) { quote::ident(name) } else { name.to_owned() }
        })?;
        formatter.pad(&out)
    }
}
