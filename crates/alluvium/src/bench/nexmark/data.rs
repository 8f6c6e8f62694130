//! The events as files, written once and read by all who are measured: a line is `batch,weight,event,` and the columns of its table.
//!
//! Lines of a batch stand together, those that go before those that come. Bids lie in two files, batches in turn, so that two can read them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alluvium_connectors::nexmark::events;
use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::csv::{Reader, ReaderBuilder};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use nexmark::event::Event;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Events that come in together.
pub const BATCH_EVENTS: u64 = 10_000;
/// Rows of the side input.
const SIDE_ROWS: u64 = 10_000;
/// The columns that all files begin with.
pub const LEAD: [&str; 3] = ["batch", "weight", "event"];
/// Of so many events one is deleted later, and one changed.
const TOUCHED_OF: u64 = 20;
/// How many batches later at most.
const LATER_MAX: u64 = 8;
/// What the number of a changed event is higher by.
const CHANGED: u64 = 1 << 40;

/// Events that were written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Data {
    /// Where.
    pub dir: PathBuf,
    /// How many happened, deletes and changes too.
    pub events: u64,
    /// In so many batches.
    pub batches: u64,
}

type Lines = csv::Writer<BufWriter<File>>;

/// What is written.
struct Files {
    person: Lines,
    auction: Lines,
    bids: [Lines; 2],
}

impl Data {
    /// Writes so many events. With `changes`, one of ten is deleted or changed some batches later.
    pub fn write(dir: &Path, events_wanted: u64, has_changes: bool) -> Result<Self, Failure> {
        let lines = |name: &str| -> Result<Lines, Failure> {
            Ok(csv::Writer::from_writer(BufWriter::new(File::create(dir.join(name))?)))
        };
        let mut side = lines("side_input.csv")?;
        for key in 0..SIDE_ROWS {
            side.write_record([key.to_string(), format!("side value {key}")]).map_err(Failure::bug)?;
        }
        side.flush()?;
        let mut files = Files {
            person: lines("person.csv")?,
            auction: lines("auction.csv")?,
            bids: [lines("bid-0.csv")?, lines("bid-1.csv")?],
        };
        let mut later: BTreeMap<u64, Vec<(u64, Event, bool)>> = BTreeMap::new();
        let mut source = events(0);
        let (mut happened, batches) = (events_wanted, events_wanted.div_ceil(BATCH_EVENTS));
        for batch in 0..batches {
            let due = later.remove(&batch).unwrap_or_default();
            happened += due.len() as u64;
            for (number, event, _) in &due {
                files.put(batch, -1, *number, event)?;
            }
            for (number, event, is_changed) in due {
                if is_changed {
                    files.put(batch, 1, number + CHANGED, &changed(event))?;
                }
            }
            let numbers = batch * BATCH_EVENTS..((batch + 1) * BATCH_EVENTS).min(events_wanted);
            for (number, event) in numbers.zip(source.by_ref()) {
                files.put(batch, 1, number, &event)?;
                if let Some((is_changed, after)) = fate(number).filter(|_| has_changes) {
                    later.entry(batch + after).or_default().push((number, event, is_changed));
                }
            }
        }
        let Files { person, auction, bids: [even, odd] } = files;
        for mut lines in [person, auction, even, odd] {
            lines.flush()?;
        }
        Ok(Self { dir: dir.to_owned(), events: happened, batches })
    }

    /// The rows of the side input.
    pub fn side_input(&self) -> Result<RecordBatch, Failure> {
        let schema = schema(&[("side_key", Kind::Whole), ("side_value", Kind::Text)]);
        let batches = open(&self.dir.join("side_input.csv"), &schema)?.collect::<Result<Vec<_>, _>>();
        concat_batches(&schema, &batches.map_err(Failure::bug)?).map_err(Failure::bug)
    }

    /// The batches, in their order.
    pub fn read(&self) -> Result<Batches, Failure> {
        let cursor = |name: &str, columns: &[(&str, Kind)]| Cursor::open(&self.dir.join(name), columns);
        Ok(Batches {
            person: cursor("person.csv", &PERSON)?,
            auction: cursor("auction.csv", &AUCTION)?,
            bids: [cursor("bid-0.csv", &BID)?, cursor("bid-1.csv", &BID)?],
            at: 0,
            end: self.batches,
        })
    }
}

/// What becomes of an event: whether it is changed or deleted, and after how many batches.
fn fate(number: u64) -> Option<(bool, u64)> {
    let dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let after = 1 + dice / TOUCHED_OF % LATER_MAX;
    match dice % TOUCHED_OF {
        0 => Some((false, after)),
        1 => Some((true, after)),
        _ => None,
    }
}

/// An event as it is changed, in something that queries look at.
fn changed(event: Event) -> Event {
    match event {
        Event::Person(mut person) => {
            "OR".clone_into(&mut person.state);
            Event::Person(person)
        }
        Event::Auction(mut auction) => {
            auction.category = 10 + (auction.category - 9) % 5;
            Event::Auction(auction)
        }
        Event::Bid(mut bid) => {
            bid.price += 1;
            Event::Bid(bid)
        }
    }
}

impl Files {
    fn put(&mut self, batch: u64, weight: i64, number: u64, event: &Event) -> Result<(), Failure> {
        let lead = [batch.to_string(), weight.to_string(), number.to_string()];
        let (lines, columns) = match event {
            Event::Person(it) => {
                let texts = [&it.name, &it.email_address, &it.credit_card, &it.city, &it.state].map(String::clone);
                let row = [vec![it.id.to_string()], texts.to_vec(), vec![time(it.date_time)?, it.extra.clone()]];
                (&mut self.person, row.concat())
            }
            Event::Auction(it) => {
                let numbers = [it.initial_bid, it.reserve].map(|number| number.to_string());
                let ids = [it.seller, it.category].map(|number| number.to_string());
                let texts = [it.id.to_string(), it.item_name.clone(), it.description.clone()];
                let times = [time(it.date_time)?, time(it.expires)?];
                let row = [&texts[..], &numbers, &times, &ids, std::slice::from_ref(&it.extra)];
                (&mut self.auction, row.concat())
            }
            Event::Bid(it) => {
                let numbers = [it.auction, it.bidder, it.price].map(|number| number.to_string());
                let texts = [it.channel.clone(), it.url.clone(), time(it.date_time)?, it.extra.clone()];
                (&mut self.bids[usize::from(batch % 2 == 1)], [&numbers[..], &texts].concat())
            }
        };
        lines.write_record(lead.iter().chain(&columns)).map_err(Failure::bug)
    }
}

fn time(ms: u64) -> Result<String, Failure> {
    let time = Timestamp::from_millisecond(ms as i64).map_err(Failure::bug)?;
    Ok(time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Whole,
    Text,
    Time,
}

use Kind::{Text, Time, Whole};

const PERSON: [(&str, Kind); 8] = [
    ("id", Whole),
    ("name", Text),
    ("email_address", Text),
    ("credit_card", Text),
    ("city", Text),
    ("state", Text),
    ("date_time", Time),
    ("extra", Text),
];
const AUCTION: [(&str, Kind); 10] = [
    ("id", Whole),
    ("item_name", Text),
    ("description", Text),
    ("initial_bid", Whole),
    ("reserve", Whole),
    ("date_time", Time),
    ("expires", Time),
    ("seller", Whole),
    ("category", Whole),
    ("extra", Text),
];
const BID: [(&str, Kind); 7] = [
    ("auction", Whole),
    ("bidder", Whole),
    ("price", Whole),
    ("channel", Text),
    ("url", Text),
    ("date_time", Time),
    ("extra", Text),
];

fn schema(columns: &[(&str, Kind)]) -> SchemaRef {
    let field = |(name, kind): &(&str, Kind)| {
        let data_type = match kind {
            Whole => DataType::Int64,
            Text => DataType::Utf8,
            Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        Field::new(*name, data_type, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn open(path: &Path, schema: &SchemaRef) -> Result<Reader<BufReader<File>>, Failure> {
    let reader = ReaderBuilder::new(schema.clone()).with_header(false).with_batch_size(BATCH_EVENTS as usize);
    reader.build(BufReader::new(File::open(path)?)).map_err(Failure::bug)
}

/// Rows of one table in one batch, with the number of their event before their columns.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The table.
    pub table: &'static str,
    /// Rows that go.
    pub gone: RecordBatch,
    /// Rows that come.
    pub come: RecordBatch,
}

/// A reader of batches.
pub struct Batches {
    person: Cursor,
    auction: Cursor,
    bids: [Cursor; 2],
    at: u64,
    end: u64,
}

impl Iterator for Batches {
    type Item = Result<[Rows; 3], Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        self.at += 1;
        (at < self.end).then(|| {
            let bids = &mut self.bids[usize::from(at % 2 == 1)];
            Ok([self.person.rows("person", at)?, self.auction.rows("auction", at)?, bids.rows("bid", at)?])
        })
    }
}

/// A reader of one file.
struct Cursor {
    reader: Reader<BufReader<File>>,
    /// The columns behind `batch` and `weight`.
    schema: SchemaRef,
    /// What is read and not given out.
    rest: Option<RecordBatch>,
}

impl Cursor {
    fn open(path: &Path, columns: &[(&str, Kind)]) -> Result<Self, Failure> {
        let lead = LEAD.map(|name| (name, Whole));
        let reader = open(path, &schema(&[&lead[..], columns].concat()))?;
        Ok(Self { reader, schema: schema(&[&lead[2..], columns].concat()), rest: None })
    }

    fn rows(&mut self, table: &'static str, batch: u64) -> Result<Rows, Failure> {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        loop {
            let Some(rest) = self
                .rest
                .take()
                .map_or_else(|| self.reader.next().transpose(), |rest| Ok(Some(rest)))
                .map_err(Failure::bug)?
            else {
                break;
            };
            let whole = |at: usize| rest.column(at).as_primitive::<Int64Type>().values();
            let count = whole(0).partition_point(|number| *number <= batch as i64);
            let leaving = whole(1)[..count].partition_point(|weight| *weight < 0);
            let columns = rest.project(&(2..rest.num_columns()).collect::<Vec<_>>()).map_err(Failure::bug)?;
            gone.push(columns.slice(0, leaving));
            come.push(columns.slice(leaving, count - leaving));
            if count < rest.num_rows() {
                self.rest = Some(rest.slice(count, rest.num_rows() - count));
                break;
            }
        }
        let together = |parts: &[RecordBatch]| concat_batches(&self.schema, parts).map_err(Failure::bug);
        Ok(Rows { table, gone: together(&gone)?, come: together(&come)? })
    }
}

/// The columns of a batch in the types of a schema.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Failure> {
    if batch.num_columns() != schema.fields().len() {
        return Err(Failure::bug(format!("{} columns, not {}", batch.num_columns(), schema.fields().len())));
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<ArrayRef>, _>>();
    RecordBatch::try_new(schema.clone(), columns.map_err(Failure::bug)?).map_err(Failure::bug)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Writes events, reads them, and gives how many rows came and went, by table.
    fn counted(events: u64, has_changes: bool) -> (Data, BTreeMap<&'static str, (usize, usize)>) {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::write(dir.path(), events, has_changes).unwrap();
        let (mut there, mut counts, mut batches) = (HashSet::new(), BTreeMap::new(), 0);
        for batch in data.read().unwrap() {
            batches += 1;
            for rows in batch.unwrap() {
                let numbers = |rows: &RecordBatch| rows.column(0).as_primitive::<Int64Type>().values().to_vec();
                let (gone, come) = (numbers(&rows.gone), numbers(&rows.come));
                assert!(gone.iter().all(|event| there.remove(&(rows.table, *event))), "what goes was there");
                assert!(come.iter().all(|event| there.insert((rows.table, *event))), "what comes was not");
                let count: &mut (usize, usize) = counts.entry(rows.table).or_default();
                *count = (count.0 + come.len(), count.1 + gone.len());
            }
        }
        assert_eq!(batches, data.batches);
        assert_eq!(data.side_input().unwrap().num_rows() as u64, SIDE_ROWS);
        (data, counts)
    }

    #[test]
    fn all_events_are_read_in_their_batches() {
        let (data, counts) = counted(25_000, false);
        assert_eq!((data.events, data.batches), (25_000, 3));
        assert_eq!(counts, BTreeMap::from([("person", (500, 0)), ("auction", (1_500, 0)), ("bid", (23_000, 0))]));
    }

    #[test]
    fn one_of_ten_events_goes_or_changes() {
        let (data, counts) = counted(200_000, true);
        let more = data.events - 200_000;
        let gone: usize = counts.values().map(|(_, gone)| gone).sum();
        assert_eq!(gone as u64, more, "each of them takes a row away");
        // Those that would be due after the end do not happen: of the twenty batches the last eight, in part.
        assert!((13_000..20_000).contains(&more), "{more}");
        assert!(counts.values().all(|(_, gone)| *gone > 0), "{counts:?}");
        let come: usize = counts.values().map(|(come, _)| come).sum();
        let changed = come as u64 - 200_000;
        assert!(changed * 10 > more * 4 && changed * 10 < more * 6, "{changed} of {more}");
    }
}
