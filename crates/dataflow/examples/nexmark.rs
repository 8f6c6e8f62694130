//! How fast programs are planned and rows are taken: queries over an auction, of events that are made up from a seed.
//!
//! `cargo run --release -p alluvium-dataflow --example nexmark [events] [rows per step] [query]`
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use alluvium_dataflow::{Change, Compiler, Engine, PartEngine, Program};
use alluvium_sql::compile;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

const TABLES: &str = "
CREATE TABLE person (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR, city VARCHAR, state VARCHAR, date_time TIMESTAMP);
CREATE TABLE auction (id BIGINT NOT NULL PRIMARY KEY, item VARCHAR, seller BIGINT, category BIGINT, date_time TIMESTAMP, expires TIMESTAMP);
CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, date_time TIMESTAMP);
";

const QUERIES: [(&str, &str); 9] = [
    ("q0", "SELECT auction, bidder, price, date_time FROM bid"),
    ("q1", "SELECT auction, bidder, 0.908 * price AS price, date_time FROM bid"),
    ("q2", "SELECT auction, price FROM bid WHERE auction % 123 = 0"),
    (
        "q3",
        "SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')",
    ),
    (
        "q4",
        "SELECT category, AVG(final) AS price FROM (SELECT MAX(b.price) AS final, a.category FROM auction a JOIN bid b ON a.id = b.auction WHERE b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category) AS q GROUP BY category",
    ),
    (
        "q5",
        "SELECT auction, n, window_start FROM (SELECT *, RANK() OVER (PARTITION BY window_start ORDER BY n DESC) AS place FROM (SELECT auction, window_start, COUNT(*) AS n FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start) AS c) AS r WHERE place = 1",
    ),
    (
        "q8",
        "SELECT p.id, p.name, p.window_start FROM (SELECT id, name, window_start FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) GROUP BY id, name, window_start) AS p JOIN (SELECT seller, window_start FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) GROUP BY seller, window_start) AS a ON p.id = a.seller AND p.window_start = a.window_start",
    ),
    (
        "q18",
        "SELECT auction, bidder, price, date_time FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC) AS place FROM bid) AS r WHERE place = 1",
    ),
    (
        "q20",
        "SELECT b.auction, b.bidder, b.price, a.item, a.category FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10",
    ),
];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Of 50 events one is a person and three are auctions.
fn step_of(dice: &mut Dice, from: u64, rows: u64, program: &Program) -> Vec<(&'static str, Change)> {
    let moment = |event: u64| i64::try_from(event * 100).unwrap() + 1_600_000_000_000_000;
    let text = |values: &[String]| -> ArrayRef { std::sync::Arc::new(StringArray::from(values.to_vec())) };
    let number = |values: Vec<i64>| -> ArrayRef { std::sync::Arc::new(Int64Array::from(values)) };
    let time = |values: Vec<i64>| -> ArrayRef { std::sync::Arc::new(TimestampMicrosecondArray::from(values)) };
    let (mut persons, mut auctions, mut bids) = (Vec::new(), Vec::new(), Vec::new());
    for event in from..from + rows {
        match event % 50 {
            0 => persons.push(event),
            1..=3 => auctions.push(event),
            _ => bids.push(event),
        }
    }
    let recent = |dice: &mut Dice, event: u64, span: u64| (event / 50).saturating_sub(dice.roll(span));
    let ids = |events: &[u64]| events.iter().map(|event| i64::try_from(*event).unwrap()).collect::<Vec<_>>();
    let times = |events: &[u64], later: i64| events.iter().map(|event| moment(*event) + later).collect::<Vec<_>>();
    let named = |events: &[u64], what: &str| events.iter().map(|event| format!("{what} {event}")).collect::<Vec<_>>();
    let states = ["OR", "ID", "CA", "WA", "AZ", "WY"];
    let state: Vec<String> =
        persons.iter().map(|_| states[usize::try_from(dice.roll(6)).unwrap()].to_owned()).collect();
    let seller = auctions.iter().map(|event| i64::try_from(recent(dice, *event, 100) * 50).unwrap()).collect();
    let category = auctions.iter().map(|_| 10 + i64::try_from(dice.roll(5)).unwrap()).collect();
    let mut pick = |event: &u64| i64::try_from(recent(dice, *event, 100) * 50 + 1 + dice.roll(3)).unwrap();
    let of = bids.iter().map(&mut pick).collect();
    let bidder = bids.iter().map(|event| i64::try_from(recent(dice, *event, 1000) * 50).unwrap()).collect();
    let price = bids.iter().map(|_| 100 + i64::try_from(dice.roll(10_000)).unwrap()).collect();
    let channel =
        bids.iter().map(|_| ["web", "app"][usize::try_from(dice.roll(2)).unwrap()].to_owned()).collect::<Vec<_>>();
    let columns: [(&'static str, Vec<ArrayRef>); 3] = [
        (
            "person",
            vec![
                number(ids(&persons)),
                text(&named(&persons, "name")),
                text(&named(&persons, "city")),
                text(&state),
                time(times(&persons, 0)),
            ],
        ),
        (
            "auction",
            vec![
                number(ids(&auctions)),
                text(&named(&auctions, "item")),
                number(seller),
                number(category),
                time(times(&auctions, 0)),
                time(times(&auctions, 10_000_000)),
            ],
        ),
        ("bid", vec![number(of), number(bidder), number(price), text(&channel), time(times(&bids, 0))]),
    ];
    let change = |(table, columns): (&'static str, Vec<ArrayRef>)| {
        (
            table,
            Change::insert(
                RecordBatch::try_new(program.tables()[table].schema(), columns).expect("columns of the table"),
            ),
        )
    };
    columns.into_iter().map(change).collect()
}

fn planned(text: &str) -> (Program, Duration) {
    let start = Instant::now();
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    (compiler.finish(&compiled.catalog).expect("a program"), start.elapsed())
}

/// A program of so many views, each over the one before or over tables.
fn large(views: usize) -> String {
    let mut text = "CREATE TABLE t (a INT, b BIGINT, c VARCHAR);\nCREATE TABLE u (a INT, e VARCHAR);\n".to_owned();
    for at in 0..views {
        let from = if at % 7 == 0 { "t".to_owned() } else { format!("v{}", at - 1) };
        writeln!(text, "CREATE VIEW v{at} AS\nSELECT x.a, SUM(x.b) AS b, MIN(x.c) AS c\nFROM {from} x JOIN u ON x.a = u.a\nWHERE x.b > {at} AND u.e LIKE 'x%'\nGROUP BY x.a;").expect("a text");
    }
    text
}

fn main() {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(1_000_000, |text| text.parse().expect("a number of events"));
    let rows: u64 = args.next().map_or(10_000, |text| text.parse().expect("a number of rows"));
    let only = args.next();
    let text = large(100);
    for _ in 0..3 {
        println!("planning {} lines, 100 views: {:?}", text.lines().count(), planned(&text).1);
    }
    for (name, query) in QUERIES.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        let (program, plan_time) = planned(&format!("{TABLES}CREATE VIEW v AS {query};"));
        let (tables, _) = planned(TABLES);
        let mut engine = PartEngine::new(program).expect("an engine");
        let mut dice = Dice(88_172_645_463_325_252);
        let (mut spent, mut slowest, mut out) = (Duration::ZERO, Duration::ZERO, 0_usize);
        for from in (0..events).step_by(usize::try_from(rows).expect("a number of rows")) {
            let changes = step_of(&mut dice, from, rows.min(events - from), &tables);
            let start = Instant::now();
            changes.into_iter().for_each(|(table, change)| engine.push(table, change).expect("rows of the table"));
            let step = engine.step().expect("a step");
            let took = start.elapsed();
            spent += took;
            slowest = slowest.max(took);
            out += step.views.get("v").map_or(0, alluvium_dataflow::Zset::len);
        }
        let memory = engine.memory();
        println!(
            "{name}: {:.0} events/s, slowest step {slowest:?}, planned in {plan_time:?}, {out} rows out, {} MB of tables, {} MB of operations",
            events as f64 / spent.as_secs_f64(),
            memory.table_bytes >> 20,
            memory.state_bytes >> 20,
        );
    }
}
