//! Rows from files to Avro.
