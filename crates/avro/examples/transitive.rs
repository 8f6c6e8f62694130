//! How long a FULL_TRANSITIVE check of a new version of a 50-field schema takes against 1,000 parsed versions.
//! `cargo run --release -p alluvium-avro --example transitive`

use std::fmt::Write as _;
use std::time::Instant;

use alluvium_avro::{Level, Policy, Schema, check};

const VERSIONS: u32 = 1_000;
const FIELDS: usize = 50;
const RUNS: usize = 21;

fn version(number: u32) -> Schema {
    let mut fields = String::new();
    for index in 0..FIELDS {
        let kind = match index % 5 {
            0 => r#""string""#.to_owned(),
            1 => r#"["null","long"]"#.to_owned(),
            2 => format!(r#"{{"type":"enum","name":"E{index}","symbols":["A","B","C"],"default":"A"}}"#),
            3 => r#"{"type":"array","items":"double"}"#.to_owned(),
            _ => format!(r#"{{"type":"record","name":"N{index}","fields":[{{"name":"x","type":"int","default":0}}]}}"#),
        };
        let comma = if index > 0 { "," } else { "" };
        let default = if index % 5 == 1 { r#","default":null"# } else { "" };
        let _ = write!(fields, r#"{comma}{{"name":"field_{index}","type":{kind}{default},"doc":"version {number}"}}"#);
    }
    Schema::parse(&format!(r#"{{"type":"record","name":"Wide","fields":[{fields}]}}"#)).expect("a valid schema")
}

fn main() {
    let parsing = Instant::now();
    let history: Vec<(u32, Schema)> = (1..=VERSIONS).map(|number| (number, version(number))).collect();
    println!("parsed {VERSIONS} versions of {FIELDS} fields in {:.1?}", parsing.elapsed());
    let new = version(VERSIONS + 1);
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            assert!(check(&new, &history, Level::FullTransitive, Policy::Strict).is_empty());
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("FULL_TRANSITIVE check: median {:.2?}, worst {:.2?} of {RUNS}", times[RUNS / 2], times[RUNS - 1]);
}
