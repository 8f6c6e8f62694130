//! Our roads beside the engine's own, measured in the same run: `cargo run --release -p alluvium-tablestore --example bench`.
//!
//! Prints rates and ratios; nothing fails on time.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use alluvium_tablestore::{
    Change, Column, CsvOptions, DedupMode, ExtraColumns, Hub, HubConfig, LoadFormat, LoadSpec, Mark, Moment,
    RowsDecoder, TableFile, TableSchema,
};
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;

const BLOCK_ROWS: i64 = 5_000;
const BLOCKS: i64 = 200;
const LOAD_ROWS: i64 = 2_000_000;
const ROUNDS: u32 = 3;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let hub = Hub::open(HubConfig {
        data_dir: dir.path().join("data"),
        blob_dir: dir.path().join("blobs"),
        export_dir: dir.path().join("exports"),
        memory_limit_bytes: 2 << 30,
        threads: 2,
        attached_max: 50,
        probe_command: None,
    })?;
    let schema = TableSchema::new(
        vec![
            Column::new("id", "BIGINT", true, None)?,
            Column::new("name", "VARCHAR", true, None)?,
            Column::new("amount", "DOUBLE", true, None)?,
        ],
        &[],
    )?;
    let mut bench = Bench { hub, schema, dir: dir.path().to_owned(), made: 0 };
    for round in 0..ROUNDS {
        let rows = (BLOCK_ROWS * BLOCKS) as f64;
        let (raw, ours) = (bench.raw_append()?, bench.our_append()?);
        println!(
            "round {round}: append  raw {:9.0} rows/s  ours {:9.0} rows/s  ratio {:.2}",
            rows / raw,
            rows / ours,
            raw / ours
        );
        let avro = bench.avro_decode()?;
        println!("round {round}: decode single Avro objects {:9.0} rows/s", rows / avro);
        let rows = LOAD_ROWS as f64;
        let (csv, parquet) = bench.files()?;
        for (what, path, format) in
            [("csv    ", &csv, LoadFormat::Csv(CsvOptions::default())), ("parquet", &parquet, LoadFormat::Parquet)]
        {
            let (copy, ours) = (bench.raw_copy(path, &format)?, bench.our_load(path, format)?);
            println!(
                "round {round}: {what} COPY {:9.0} rows/s  ours {:9.0} rows/s  ratio {:.2}",
                rows / copy,
                rows / ours,
                copy / ours
            );
        }
    }
    Ok(())
}

struct Bench {
    hub: Hub,
    schema: TableSchema,
    dir: std::path::PathBuf,
    made: u32,
}

fn mark(seq: u64) -> Mark {
    Mark { seq, hash: format!("hash of {seq}"), stream_created_micros: 1 }
}

fn moment() -> Moment {
    Moment { event_time_micros: 0, seed: "bench".into() }
}

fn block(from: i64) -> Result<RecordBatch, Failed> {
    let ids: Vec<i64> = (from..from + BLOCK_ROWS).collect();
    let names: Vec<String> = ids.iter().map(|id| format!("customer number {id}")).collect();
    let amounts: Vec<f64> = ids.iter().map(|id| *id as f64 * 0.25).collect();
    Ok(RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
        ("name", Arc::new(StringArray::from(names))),
        ("amount", Arc::new(Float64Array::from(amounts))),
    ])?)
}

impl Bench {
    fn table(&mut self) -> Result<TableFile, Failed> {
        self.made += 1;
        let file = TableFile {
            generation: 1,
            tenant: "default".into(),
            project: "p".into(),
            bucket: "b".into(),
            table: "t".into(),
            uid: format!("u{}", self.made),
        };
        self.hub.create(&file, &self.schema, &mark(1))?;
        Ok(file)
    }

    fn raw(&mut self) -> Result<duckdb::Connection, Failed> {
        self.made += 1;
        let path = self.dir.join(format!("raw{}.duckdb", self.made));
        let connection = duckdb::Connection::open_in_memory()?;
        let sql = format!("SET threads = 2; ATTACH '{}' AS raw (BLOCK_SIZE 16384); USE raw", path.display());
        connection.execute_batch(&sql)?;
        connection.execute_batch("CREATE TABLE data (id BIGINT, name VARCHAR, amount DOUBLE)")?;
        Ok(connection)
    }

    fn raw_append(&mut self) -> Result<f64, Failed> {
        let connection = self.raw()?;
        let blocks: Vec<RecordBatch> = (0..BLOCKS).map(|n| block(n * BLOCK_ROWS)).collect::<Result<_, _>>()?;
        let began = Instant::now();
        for block in blocks {
            connection.execute_batch("BEGIN")?;
            let mut appender = connection.appender("data")?;
            appender.append_record_batch(block)?;
            appender.flush()?;
            drop(appender);
            connection.execute_batch("COMMIT")?;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    fn our_append(&mut self) -> Result<f64, Failed> {
        let file = self.table()?;
        let blocks: Vec<RecordBatch> = (0..BLOCKS).map(|n| block(n * BLOCK_ROWS)).collect::<Result<_, _>>()?;
        let began = Instant::now();
        for (seq, batch) in (1..).zip(blocks) {
            self.hub.apply(&file, &mark(seq), &mark(seq + 1), vec![Change::Append { batch, moment: moment() }])?;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    fn avro_decode(&mut self) -> Result<f64, Failed> {
        let text = r#"{"type":"record","name":"Row","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"},
            {"name":"amount","type":"double"}]}"#;
        let fingerprint = RowsDecoder::fingerprint(text)?;
        let mut decoder = RowsDecoder::new(self.schema.clone(), HashMap::from([(fingerprint, text.to_owned())]));
        let mut record = vec![0xc3, 0x01];
        record.extend(fingerprint.to_le_bytes());
        // id 7, a name of 15 bytes, an amount.
        record.extend([14, 30]);
        record.extend(b"customer number");
        record.extend(1.25f64.to_le_bytes());
        let payloads = vec![record.as_slice(); BLOCK_ROWS as usize];
        let began = Instant::now();
        for _ in 0..BLOCKS {
            let decoded = decoder.decode_many(&payloads);
            if !decoded.errors.is_empty() {
                return Err("the records do not decode".into());
            }
        }
        Ok(began.elapsed().as_secs_f64())
    }

    fn files(&mut self) -> Result<(std::path::PathBuf, std::path::PathBuf), Failed> {
        let blobs = self.hub.config().blob_dir.clone();
        let (csv, parquet) = (blobs.join("load-csv"), blobs.join("load-parquet"));
        if !csv.exists() {
            let mut out = std::io::BufWriter::new(std::fs::File::create(&csv)?);
            writeln!(out, "id,name,amount")?;
            for id in 0..LOAD_ROWS {
                writeln!(out, "{id},customer number {id},{}.25", id % 1000)?;
            }
            out.flush()?;
            drop(out);
            duckdb::Connection::open_in_memory()?.execute_batch(&format!(
                "COPY (FROM read_csv('{}')) TO '{}' (FORMAT parquet)",
                csv.display(),
                parquet.display()
            ))?;
        }
        Ok((csv, parquet))
    }

    fn raw_copy(&mut self, path: &std::path::Path, format: &LoadFormat) -> Result<f64, Failed> {
        let connection = self.raw()?;
        let options = match format {
            LoadFormat::Csv(_) => "FORMAT csv, HEADER true",
            LoadFormat::Parquet => "FORMAT parquet",
        };
        let began = Instant::now();
        connection.execute_batch(&format!("COPY data FROM '{}' ({options})", path.display()))?;
        Ok(began.elapsed().as_secs_f64())
    }

    fn our_load(&mut self, path: &std::path::Path, format: LoadFormat) -> Result<f64, Failed> {
        let file = self.table()?;
        let spec = LoadSpec {
            path: path.to_owned(),
            format,
            incremental: false,
            dedup_mode: DedupMode::UpdateDuplicates,
            extra_columns: ExtraColumns::Fail,
            columns: None,
            moment: moment(),
        };
        let began = Instant::now();
        self.hub.apply(&file, &mark(1), &mark(2), vec![Change::Load(spec)])?;
        Ok(began.elapsed().as_secs_f64())
    }
}
