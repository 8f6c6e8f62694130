//! What a program is from outside: its tables and views, their columns, properties and connectors, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Column, Connector};
use crate::compile::Compiled;
use crate::position::SourceRange;
use crate::statement::{ForeignKey, Name, Property, ViewKind};
use crate::types::{ColumnType, Identifier, IntWidth, IntervalUnits, Type};

/// What is told of a program. It serialises to the JSON that clients know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramInfo {
    /// Its tables and views.
    pub schema: Schema,
    /// Code for functions that are not written in SQL; there is none.
    pub udf_stubs: String,
    /// The connectors of its tables by endpoint.
    pub input_connectors: BTreeMap<String, Map<String, Value>>,
    /// The connectors of its views by endpoint.
    pub output_connectors: BTreeMap<String, Map<String, Value>>,
}

/// The tables and views of a program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schema {
    /// The tables.
    pub inputs: Vec<RelationInfo>,
    /// The views that give something out.
    pub outputs: Vec<RelationInfo>,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelationInfo {
    /// Its name.
    pub name: String,
    /// Whether the name was quoted.
    pub case_sensitive: bool,
    /// Its columns, each an object.
    pub fields: Vec<Value>,
    /// Whether it is kept to be queried.
    pub materialized: bool,
    /// Its properties.
    pub properties: BTreeMap<String, PropertyInfo>,
    /// The columns of its primary key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_key: Option<Vec<String>>,
    /// Its foreign keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKeyInfo>,
}

/// A property and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PropertyInfo {
    /// The value.
    pub value: String,
    /// The place of the key.
    pub key_position: SourceRange,
    /// The place of the value.
    pub value_position: SourceRange,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignKeyInfo {
    /// The columns.
    pub columns: Vec<String>,
    /// The table they refer to.
    pub refers: String,
    /// The columns there.
    pub tocolumns: Vec<String>,
}

impl Compiled {
    /// What is told of the program.
    #[must_use]
    pub fn program_info(&self) -> ProgramInfo {
        let configs = |connectors: &BTreeMap<String, Connector>| {
            connectors.iter().map(|(endpoint, connector)| (endpoint.clone(), connector.config.clone())).collect()
        };
        ProgramInfo {
            schema: Schema { inputs: inputs(&self.catalog), outputs: outputs(&self.catalog) },
            udf_stubs: String::new(),
            input_connectors: configs(&self.catalog.inputs),
            output_connectors: configs(&self.catalog.outputs),
        }
    }
}

fn inputs(catalog: &Catalog) -> Vec<RelationInfo> {
    let input = |table: &crate::catalog::Table| RelationInfo {
        primary_key: table.primary_key.as_ref().map(|key| key.iter().map(|name| name.name.clone()).collect()),
        foreign_keys: table.foreign_keys.iter().map(foreign_key).collect(),
        ..relation(&table.name.identifier, &table.columns, table.is_materialized, &table.properties)
    };
    catalog.tables().map(input).collect()
}

fn outputs(catalog: &Catalog) -> Vec<RelationInfo> {
    let views = catalog.views().filter(|view| view.kind != ViewKind::Local);
    views
        .map(|view| {
            let is_materialized = view.kind == ViewKind::Materialized;
            relation(&view.name.identifier, &view.columns, is_materialized, &view.properties)
        })
        .collect()
}

fn relation(name: &Identifier, columns: &[Column], materialized: bool, properties: &[Property]) -> RelationInfo {
    let property = |property: &Property| {
        let Property { key, value, key_range, value_range } = property.clone();
        (key, PropertyInfo { value, key_position: key_range, value_position: value_range })
    };
    RelationInfo {
        name: name.name.clone(),
        case_sensitive: name.is_case_sensitive,
        fields: columns.iter().map(field).collect(),
        materialized,
        properties: properties.iter().map(property).collect(),
        primary_key: None,
        foreign_keys: Vec::new(),
    }
}

fn foreign_key(key: &ForeignKey) -> ForeignKeyInfo {
    let names = |names: &[Name]| names.iter().map(|name| name.identifier.name.clone()).collect();
    ForeignKeyInfo {
        columns: names(&key.columns),
        refers: key.table.identifier.name.clone(),
        tocolumns: names(&key.to),
    }
}

fn field(column: &Column) -> Value {
    let mut field = named(&column.name, &column.column_type, column.is_unused);
    for (key, term) in [("lateness", &column.lateness), ("watermark", &column.watermark), ("default", &column.default)]
    {
        if let Some(term) = term {
            field.insert(key.to_owned(), json!(term.text));
        }
    }
    Value::Object(field)
}

fn named(name: &Identifier, kind: &ColumnType, is_unused: bool) -> Map<String, Value> {
    let mut field = Map::new();
    field.insert("name".to_owned(), json!(name.name));
    field.insert("case_sensitive".to_owned(), json!(name.is_case_sensitive));
    field.insert("columntype".to_owned(), column_type(kind));
    field.insert("unused".to_owned(), json!(is_unused));
    field
}

/// A type as clients know it: its name, whether it may be NULL, and what else makes it up.
#[must_use]
pub fn column_type(column_type: &ColumnType) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!(type_name(&column_type.kind)));
    object.insert("nullable".to_owned(), json!(column_type.is_nullable));
    let nested = |kind: &Type, is_nullable| self::column_type(&ColumnType { kind: kind.clone(), is_nullable });
    let mut set = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    match &column_type.kind {
        Type::Decimal(digits, scale) => {
            set("precision", json!(digits));
            set("scale", json!(scale));
        }
        Type::Char(length) | Type::Binary(length) | Type::Varchar(Some(length)) | Type::Varbinary(Some(length)) => {
            set("precision", json!(length));
        }
        Type::Varchar(None) | Type::Varbinary(None) => set("precision", json!(-1)),
        Type::Time | Type::Timestamp | Type::TimestampTz => set("precision", json!(0)),
        Type::Array(element) => set("component", nested(element, true)),
        Type::Map(key, value) => {
            set("key", nested(key, false));
            set("value", nested(value, true));
        }
        Type::Row(fields) => {
            let field = |field: &crate::types::Field| Value::Object(named(&field.name, &field.column_type, false));
            set("fields", fields.iter().map(field).collect());
        }
        _ => {}
    }
    Value::Object(object)
}

fn type_name(kind: &Type) -> &'static str {
    match kind {
        Type::Null => "NULL",
        Type::Boolean => "BOOLEAN",
        Type::Int(IntWidth::Tiny) => "TINYINT",
        Type::Int(IntWidth::Small) => "SMALLINT",
        Type::Int(IntWidth::Normal) => "INTEGER",
        Type::Int(IntWidth::Big) => "BIGINT",
        Type::UInt(IntWidth::Tiny) => "UTINYINT",
        Type::UInt(IntWidth::Small) => "USMALLINT",
        Type::UInt(IntWidth::Normal) => "UINTEGER",
        Type::UInt(IntWidth::Big) => "UBIGINT",
        Type::Decimal(..) => "DECIMAL",
        Type::Real => "REAL",
        Type::Double => "DOUBLE",
        Type::Char(_) => "CHAR",
        Type::Varchar(_) => "VARCHAR",
        Type::Binary(_) => "BINARY",
        Type::Varbinary(_) => "VARBINARY",
        Type::Date => "DATE",
        Type::Time => "TIME",
        Type::Timestamp => "TIMESTAMP",
        Type::TimestampTz => "TIMESTAMP_TZ",
        Type::Interval(units) => interval_name(*units),
        Type::Uuid => "UUID",
        Type::Array(_) => "ARRAY",
        Type::Map(..) => "MAP",
        Type::Row(_) => "STRUCT",
        Type::Variant => "VARIANT",
    }
}

fn interval_name(units: IntervalUnits) -> &'static str {
    match units {
        IntervalUnits::Year => "INTERVAL_YEAR",
        IntervalUnits::YearToMonth => "INTERVAL_YEAR_MONTH",
        IntervalUnits::Month => "INTERVAL_MONTH",
        IntervalUnits::Day => "INTERVAL_DAY",
        IntervalUnits::DayToHour => "INTERVAL_DAY_HOUR",
        IntervalUnits::DayToMinute => "INTERVAL_DAY_MINUTE",
        IntervalUnits::DayToSecond => "INTERVAL_DAY_SECOND",
        IntervalUnits::Hour => "INTERVAL_HOUR",
        IntervalUnits::HourToMinute => "INTERVAL_HOUR_MINUTE",
        IntervalUnits::HourToSecond => "INTERVAL_HOUR_SECOND",
        IntervalUnits::Minute => "INTERVAL_MINUTE",
        IntervalUnits::MinuteToSecond => "INTERVAL_MINUTE_SECOND",
        IntervalUnits::Second => "INTERVAL_SECOND",
    }
}
