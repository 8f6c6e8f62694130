//! The columns of a relation: as the engine has them, and as its file does.

use std::sync::Arc;

use alluvium_formats::types;
use alluvium_pipelines::DeploymentError;
use alluvium_sql::types::{Field, IntWidth, Type};
use alluvium_tablestore::{Column, Error, TableSchema};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use crate::program::Shown;

/// Columns as the engine has them.
pub(crate) fn engine_schema(columns: &[Field]) -> SchemaRef {
    let nullable = columns.iter().map(|column| {
        let mut column_type = column.column_type.clone();
        column_type.is_nullable = true;
        types::field(&column.name.name, &column_type)
    });
    Arc::new(Schema::new(nullable.collect::<Vec<_>>()))
}

/// The columns of the engine as queries and files have them: maps are those of Arrow.
pub(crate) fn shared_schema(schema: &SchemaRef) -> SchemaRef {
    let shared = |field: &FieldRef| field.as_ref().clone().with_data_type(types::with_arrow_maps(field.data_type()));
    Arc::new(Schema::new(schema.fields().iter().map(shared).collect::<Vec<_>>()))
}

/// Rows of the engine as files take them.
pub(crate) fn with_arrow_maps(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let schema = shared_schema(&batch.schema());
    as_engine(batch, &schema)
}

/// Rows of a file in the columns of the engine.
pub(crate) fn as_engine(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| types::recast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| unfit(&error))?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| unfit(&error))
}

pub(crate) fn unfit(error: &arrow::error::ArrowError) -> Error {
    Error::Corrupt { table: "of a pipeline".to_owned(), reason: error.to_string() }
}

/// The columns of a relation as its file has them.
pub(crate) fn stored_schema(shown: &Shown) -> Result<TableSchema, DeploymentError> {
    let refused = |reason: String| {
        let name = &shown.name.name;
        DeploymentError::new("StorageError", format!("{name} cannot be kept as a table: {reason}"))
    };
    let columns = shown.columns.iter().map(|column| {
        let kind = stored_type(&column.column_type.kind);
        // NOT NULL is checked when rows come in; views may say it of columns where it only follows from what they compute.
        Column::new(&column.name.name, &kind, true, None).map_err(|error| refused(error.message))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let key: Vec<String> = shown.key.iter().map(|at| columns[*at].name.clone()).collect();
    TableSchema::new(columns, &key).map_err(|error| refused(error.message))
}

/// A type as DuckDB writes it.
fn stored_type(kind: &Type) -> String {
    let int = |width: IntWidth| match width {
        IntWidth::Tiny => "TINYINT",
        IntWidth::Small => "SMALLINT",
        IntWidth::Normal => "INTEGER",
        IntWidth::Big => "BIGINT",
    };
    match kind {
        Type::Boolean => "BOOLEAN".to_owned(),
        Type::Int(width) => int(*width).to_owned(),
        Type::UInt(width) => format!("U{}", int(*width)),
        Type::Decimal(digits, scale) => format!("DECIMAL({digits},{scale})"),
        Type::Real => "FLOAT".to_owned(),
        Type::Double => "DOUBLE".to_owned(),
        Type::Null | Type::Char(_) | Type::Varchar(_) | Type::Uuid | Type::Variant => "VARCHAR".to_owned(),
        Type::Binary(_) | Type::Varbinary(_) => "BLOB".to_owned(),
        Type::Date => "DATE".to_owned(),
        Type::Time => "TIME_NS".to_owned(),
        Type::Timestamp => "TIMESTAMP".to_owned(),
        Type::TimestampTz => "TIMESTAMP WITH TIME ZONE".to_owned(),
        Type::Interval(_) => "BIGINT".to_owned(),
        Type::Array(item) => format!("{}[]", stored_type(item)),
        Type::Map(key, value) => format!("MAP({}, {})", stored_type(key), stored_type(value)),
        Type::Row(fields) => {
            let field = |field: &Field| {
                format!("\"{}\" {}", field.name.name.replace('"', "\"\""), stored_type(&field.column_type.kind))
            };
            format!("STRUCT({})", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}
