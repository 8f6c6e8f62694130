use serde_json::json;

use super::*;
use crate::testing::{connector, run, table};
use crate::{Context, input};

const PERSON: &[(&str, &str)] = &[
    ("id", "BIGINT"),
    ("name", "VARCHAR"),
    ("emailAddress", "VARCHAR"),
    ("creditCard", "VARCHAR"),
    ("city", "VARCHAR"),
    ("state", "VARCHAR"),
    ("date_time", "TIMESTAMP"),
    ("extra", "VARCHAR"),
];
const AUCTION: &[(&str, &str)] = &[
    ("id", "BIGINT"),
    ("itemName", "VARCHAR"),
    ("description", "VARCHAR"),
    ("initialBid", "BIGINT"),
    ("reserve", "BIGINT"),
    ("date_time", "TIMESTAMP"),
    ("expires", "TIMESTAMP"),
    ("seller", "BIGINT"),
    ("category", "BIGINT"),
    ("extra", "VARCHAR"),
];
const BID: &[(&str, &str)] = &[
    ("auction", "BIGINT"),
    ("bidder", "BIGINT"),
    ("price", "BIGINT"),
    ("channel", "VARCHAR"),
    ("url", "VARCHAR"),
    ("date_time", "TIMESTAMP"),
    ("extra", "VARCHAR"),
];

fn made(kind: &str, columns: &[(&str, &str)], options: serde_json::Value) -> Result<Box<dyn Input>, Error> {
    let config = connector("nexmark", json!({"table": kind, "options": options}))?;
    input(&config, &table(columns), &Context::default())
}

async fn events(kind: &str, columns: &[(&str, &str)], count: u64) -> Vec<Vec<String>> {
    run(made(kind, columns, json!({"events": count})).unwrap(), None).await.rows()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

#[tokio::test]
async fn of_fifty_events_one_is_a_person_and_three_are_auctions() {
    for (count, expected) in [(0, [0, 0, 0]), (1, [1, 0, 0]), (4, [1, 3, 0]), (50, [1, 3, 46]), (1007, [21, 63, 923])] {
        let counts = [
            events("person", PERSON, count).await.len(),
            events("auction", AUCTION, count).await.len(),
            events("bid", BID, count).await.len(),
        ];
        assert_eq!(counts, expected, "{count}");
    }
}

#[tokio::test]
async fn events_refer_to_what_is_there_or_comes_at_once() {
    let count = 20_000;
    let people = events("person", PERSON, count).await;
    let auctions = events("auction", AUCTION, count).await;
    let bids = events("bid", BID, count).await;
    for (at, person) in (1000..).zip(&people) {
        assert_eq!(number(&person[0]), at);
    }
    for (at, auction) in (1000..).zip(&auctions) {
        assert_eq!(number(&auction[0]), at);
        assert!((1000..1000 + people.len() as i64 + 10).contains(&number(&auction[7])), "{auction:?}");
        assert!(auction[6] > auction[5] && number(&auction[4]) > number(&auction[3]), "{auction:?}");
        assert!((10..15).contains(&number(&auction[8])), "{auction:?}");
    }
    for (at, bid) in bids.iter().enumerate() {
        // Some are early: the next ten auctions are bid for, too.
        let auctions_then = 3 * (at as i64 / 46 + 1) + 10;
        assert!((1000..1000 + auctions_then).contains(&number(&bid[0])), "{at}: {bid:?}");
        assert!((100..=100_000_000).contains(&number(&bid[2])), "{bid:?}");
    }
    let hot = bids.iter().filter(|bid| number(&bid[0]) % 100 == 0).count();
    assert!(hot > bids.len() / 3, "{hot}");
    assert_eq!(bids[0][5], "2015-07-15T00:00:00");
}

#[tokio::test]
async fn events_are_the_same_for_any_number_of_threads_and_go_on_where_they_stopped() {
    let of = |threads: u64| {
        made("bid", BID, json!({"events": 1000, "threads": threads, "batch_size_per_thread": 30})).unwrap()
    };
    let all = run(of(4), None).await;
    assert_eq!(all.rows(), run(of(1), None).await.rows());
    let mut before = 0;
    for (payload, position, _) in &all.chunks {
        before += payload.records() as usize;
        assert_eq!(run(of(3), Some(position.clone())).await.rows(), all.rows()[before..]);
    }
}

#[test]
fn tables_of_other_columns_are_refused() {
    for (kind, columns) in [("bid", PERSON), ("person", &[("id", "VARCHAR")][..]), ("auction", &[("price", "BIGINT")])]
    {
        let error = made(kind, columns, json!({})).err().unwrap();
        assert!(matches!(error, Error::Member { member, .. } if member == "transport.config.table"), "{kind}");
    }
    assert!(made("bid", &BID[2..3], json!({})).is_ok());
    assert!(made("bidder", BID, json!({})).is_err() && made("bid", BID, json!({"threads": 0})).is_err());
}
