//! Relations in memory, and requests on them.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use alluvium_query::{
    Batches, BoxError, Engine, Format, Insert, Limits, QueryError, RelationInfo, RelationKind, Relations, Sink,
};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, LargeBinaryArray,
    RecordBatch, StringArray, Time64NanosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use futures::StreamExt;

/// A relation and its rows.
#[derive(Clone)]
pub struct Held {
    pub info: RelationInfo,
    pub batches: Vec<RecordBatch>,
}

/// Relations that are as they were when they were made.
#[derive(Clone, Default)]
pub struct Memory {
    pub relations: Vec<Held>,
    /// How many batches were asked for.
    pub asked: Arc<AtomicUsize>,
    /// Which columns were asked for.
    pub projections: Arc<Mutex<Vec<Option<Vec<usize>>>>>,
}

impl Memory {
    pub fn with(mut self, name: &str, batches: Vec<RecordBatch>) -> Self {
        self.relations.push(held(name, batches));
        self
    }
}

pub fn held(name: &str, batches: Vec<RecordBatch>) -> Held {
    let schema = batches[0].schema();
    let info = RelationInfo {
        name: name.into(),
        kind: RelationKind::Table,
        schema,
        is_materialized: true,
        defaults: Vec::new(),
    };
    Held { info, batches }
}

impl Relations for Memory {
    fn relations(&self) -> Vec<RelationInfo> {
        self.relations.iter().map(|held| held.info.clone()).collect()
    }

    fn scan(&self, name: &str, projection: Option<&[usize]>, _batch_rows: usize) -> Result<Batches, BoxError> {
        self.projections.lock().unwrap().push(projection.map(<[usize]>::to_vec));
        let held = self.relations.iter().find(|held| held.info.name == name).ok_or("no such relation")?;
        let places = projection.map(<[usize]>::to_vec);
        assert!(places.as_ref().is_none_or(|places| !places.is_empty()));
        let asked = self.asked.clone();
        let cut = move |batch: RecordBatch| {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(places.as_ref().map_or(Ok(batch.clone()), |places| batch.project(places))?)
        };
        Ok(Box::new(held.batches.clone().into_iter().map(cut)))
    }
}

/// Keeps what is inserted.
#[derive(Clone, Default)]
pub struct Kept(pub Arc<Mutex<Vec<Insert>>>);

impl Kept {
    /// All rows, and which columns they have.
    pub fn rows(&self) -> Vec<(String, Vec<usize>, RecordBatch)> {
        let inserts = self.0.lock().unwrap();
        let whole = |insert: &Insert| concat_batches(&insert.batches[0].schema(), &insert.batches).unwrap();
        inserts.iter().map(|insert| (insert.table.clone(), insert.given.clone(), whole(insert))).collect()
    }
}

#[async_trait]
impl Sink for Kept {
    async fn insert(&self, rows: Insert) -> Result<(), BoxError> {
        if rows.table == "closed" {
            return Err("the table is closed".into());
        }
        self.0.lock().unwrap().push(rows);
        Ok(())
    }
}

pub fn engine() -> Engine {
    Engine::new(Limits::default()).unwrap()
}

/// The body of the answer, and whether it ended as it should.
pub struct Body {
    pub bytes: Vec<u8>,
    pub error: Option<QueryError>,
}

impl Body {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

pub async fn ask_with(
    engine: &Engine,
    relations: &Memory,
    sink: &Kept,
    sql: &str,
    format: Format,
) -> Result<Body, QueryError> {
    let session = engine.session(Arc::new(relations.clone()), Arc::new(sink.clone()));
    let answer = session.plan(sql).await?.run(format).await?;
    let mut body = Body { bytes: Vec::new(), error: None };
    let mut stream = Box::pin(answer.into_body());
    while let Some(chunk) = stream.next().await {
        assert!(body.error.is_none(), "nothing comes behind an error");
        match chunk {
            Ok(chunk) => body.bytes.extend_from_slice(&chunk),
            Err(error) => body.error = Some(error),
        }
    }
    Ok(body)
}

pub async fn ask(relations: &Memory, sql: &str, format: Format) -> Result<Body, QueryError> {
    ask_with(&engine(), relations, &Kept::default(), sql, format).await
}

/// The lines of JSON, one for each row.
pub async fn json(relations: &Memory, sql: &str) -> Vec<serde_json::Value> {
    let body = ask(relations, sql, Format::Json).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    body.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the request is refused with before anything of it is done.
pub async fn refusal(relations: &Memory, sql: &str) -> QueryError {
    let session = engine().session(Arc::new(relations.clone()), Arc::new(Kept::default()));
    match session.plan(sql).await {
        Ok(_) => panic!("not refused: {sql}"),
        Err(error) => error,
    }
}

pub fn people() -> RecordBatch {
    let fields = vec![
        Field::new("id", DataType::Int32, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("Height", DataType::Float64, true),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![1, 2, 3])),
        Arc::new(StringArray::from(vec![Some("ann"), None, Some("bob")])),
        Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The numbers from 0 on, so many in each batch.
pub fn numbers(batches: i64, rows: i64) -> Vec<RecordBatch> {
    let batch = |n: i64| {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(n * rows..(n + 1) * rows));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    };
    (0..batches).map(batch).collect()
}

/// A column of each plain type.
pub fn types() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("integer", Arc::new(Int32Array::from(vec![Some(-1), None]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("decimal", Arc::new(Decimal128Array::from(vec![Some(12345), None]).with_precision_and_scale(10, 2).unwrap())),
        ("double", Arc::new(Float64Array::from(vec![Some(f64::INFINITY), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("ä\"\n"), None]))),
        ("bytes", Arc::new(LargeBinaryArray::from_opt_vec(vec![Some(b"\x00\xff"), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_723), None]))),
        ("time", Arc::new(Time64NanosecondArray::from(vec![Some(3_600_000_000_001), None]))),
        ("stamp", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_704_067_200_000_001), None]))),
        (
            "zoned",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_704_067_200_000_001), None]).with_timezone("UTC")),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

pub fn memory() -> Memory {
    let mut hidden = held("hidden", vec![people()]);
    hidden.info.is_materialized = false;
    let mut view = held("tall", vec![people()]);
    view.info.kind = RelationKind::View;
    let mut memory = Memory::default()
        .with("people", vec![people()])
        .with("People", numbers(1, 2))
        .with("types", vec![types()])
        .with("closed", vec![people()]);
    memory.relations.extend([hidden, view]);
    memory
}
