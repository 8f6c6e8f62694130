use serde_json::{Value, json};

use super::*;
use crate::error::Error;
use crate::testing::{connector, limits, run, run_with, table};
use crate::{Context, input};

const BIG: &str = "BIGINT";

fn made(plan: Value, columns: &[(&str, &str)]) -> Result<Box<dyn Input>, Error> {
    input(&connector("datagen", plan)?, &table(columns), &Context::default())
}

/// The values of one column by its settings, with a fixed seed.
async fn column(kind: &str, settings: Value, count: u64) -> Vec<String> {
    let plan = json!({"seed": 7, "plan": [{"limit": count, "fields": {"x": settings}}]});
    let seen = run(made(plan, &[("x", kind)]).unwrap_or_else(|error| panic!("{kind}: {error}")), None).await;
    assert!(seen.status.end_of_input, "{:?}", seen.status);
    seen.rows().into_iter().map(|mut row| row.remove(0)).collect()
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test]
async fn values_count_from_the_start_of_their_range_and_begin_again_at_its_end() {
    for (kind, settings, expected) in [
        (BIG, json!({}), &["0", "1", "2", "3", "4"][..]),
        ("INT", json!({"range": [10, 13]}), &["10", "11", "12", "10", "11"]),
        ("INT", json!({"range": [10, 100], "scale": 50}), &["10", "60", "20", "70", "30"]),
        ("INT", json!({"range": [0, 5], "scale": -1}), &["0", "4", "3", "2", "1"]),
        ("TINYINT", json!({"range": [126, 128]}), &["126", "127", "126", "127", "126"]),
        ("TINYINT UNSIGNED", json!({"range": [254, 256]}), &["254", "255", "254", "255", "254"]),
        ("DECIMAL(5, 2)", json!({"range": [1.5, 3.5]}), &["1.50", "2.50", "1.50", "2.50", "1.50"]),
        ("DOUBLE", json!({"range": [0.5, 2.5]}), &["0.5", "1.5", "0.5", "1.5", "0.5"]),
        ("REAL", json!({"scale": 2}), &["0.0", "2.0", "4.0", "6.0", "8.0"]),
        ("VARCHAR", json!({"scale": 3}), &["0", "3", "6", "9", "12"]),
        ("BOOLEAN", json!({}), &["false", "true", "false", "true", "false"]),
        (
            "DATE",
            json!({"range": ["2024-02-28", "2024-03-02"]}),
            &["2024-02-28", "2024-02-29", "2024-03-01", "2024-02-28", "2024-02-29"],
        ),
        (
            "TIME",
            json!({"range": ["23:59:59", "24:00:00"], "scale": 500}),
            &["23:59:59", "23:59:59.500", "23:59:59", "23:59:59.500", "23:59:59"],
        ),
        (
            "TIMESTAMP",
            json!({"range": ["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]}),
            &[
                "2024-01-01T00:00:00",
                "2024-01-01T00:00:00.001",
                "2024-01-01T00:00:00.002",
                "2024-01-01T00:00:00.003",
                "2024-01-01T00:00:00.004",
            ],
        ),
        ("TIMESTAMP WITH TIME ZONE", json!({"range": [1000, 2000], "scale": 1000}), &["1970-01-01T00:00:01"; 5]),
        (
            "UUID",
            json!({}),
            &[
                "00000000-0000-0000-0000-000000000000",
                "00000000-0000-0000-0000-000000000001",
                "00000000-0000-0000-0000-000000000002",
                "00000000-0000-0000-0000-000000000003",
                "00000000-0000-0000-0000-000000000004",
            ],
        ),
        ("VARBINARY", json!({"range": [0, 3]}), &["", "01", "0203", "", "04"]),
        ("INT ARRAY", json!({"range": [1, 3], "value": {"range": [7, 9]}}), &["[7]", "[8, 7]", "[7]", "[8, 7]", "[7]"]),
        (
            "MAP<VARCHAR, INT>",
            json!({"range": [1, 2]}),
            &[
                "[{key: 0, value: 0}]",
                "[{key: 1, value: 1}]",
                "[{key: 2, value: 2}]",
                "[{key: 3, value: 3}]",
                "[{key: 4, value: 4}]",
            ],
        ),
        (
            "ROW(a INT NULL, b VARCHAR NULL)",
            json!({"fields": {"a": {"scale": 2}}}),
            &["{a: 0, b: 0}", "{a: 2, b: 1}", "{a: 4, b: 2}", "{a: 6, b: 3}", "{a: 8, b: 4}"],
        ),
    ] {
        assert_eq!(column(kind, settings.clone(), 5).await, texts(expected), "{kind} {settings}");
    }
}

#[tokio::test]
async fn values_of_a_list_are_picked_by_the_strategy() {
    let of = |strategy: &str| json!({"strategy": strategy, "values": ["a", "b", null]});
    assert_eq!(column("VARCHAR", of("increment"), 5).await, texts(&["a", "b", "∅", "a", "b"]));
    for strategy in ["uniform", "zipf"] {
        let drawn = column("VARCHAR", of(strategy), 600).await;
        let count = |value: &str| drawn.iter().filter(|each| *each == value).count();
        let (a, b, none) = (count("a"), count("b"), count("∅"));
        assert_eq!(a + b + none, 600);
        assert!(
            if strategy == "zipf" { a > b && b > none } else { a.abs_diff(b) < 100 && b.abs_diff(none) < 100 },
            "{a} {b} {none}"
        );
    }
    for (kind, values, expected) in [
        (BIG, json!([5, -5]), &["5", "-5", "5"][..]),
        (BIG, json!([]), &["∅"; 3]),
        ("DATE", json!(["2000-01-01", 1]), &["2000-01-01", "1970-01-02", "2000-01-01"]),
        ("TIME", json!(["01:02:03"]), &["01:02:03"; 3]),
        ("DECIMAL(4, 1)", json!([1.5, "2.25"]), &["1.5", "2.2", "1.5"]),
        ("UUID", json!(["ABCDEF00-0000-0000-0000-000000000000"]), &["abcdef00-0000-0000-0000-000000000000"; 3]),
        ("VARIANT", json!([{"a": 1}]), &["{\"a\":1}"; 3]),
        ("VARBINARY", json!([[1, 255]]), &["01ff"; 3]),
        ("BOOLEAN", json!([true]), &["true"; 3]),
        ("INT ARRAY", json!([[1, null]]), &["[1, ∅]"; 3]),
        ("MAP<VARCHAR, INT>", json!([{"k": 1}]), &["[{key: k, value: 1}]"; 3]),
        ("ROW(a INT NULL)", json!([{"A": 1}]), &["{a: 1}"; 3]),
    ] {
        assert_eq!(column(kind, json!({"values": values}), 3).await, texts(expected), "{kind} {values}");
    }
}

#[tokio::test]
async fn random_values_stay_in_their_ranges() {
    for strategy in ["uniform", "zipf"] {
        let with = |range: Value, scale: i64| json!({"strategy": strategy, "range": range, "scale": scale});
        for value in column("INT", with(json!([-2, 3]), 10), 500).await {
            assert!([-20, -10, 0, 10, 20].contains(&value.parse::<i64>().unwrap()), "{value}");
        }
        for value in column("DOUBLE", with(json!([1, 2]), 3), 200).await {
            assert!((3.0..6.0).contains(&value.parse::<f64>().unwrap()), "{value}");
        }
        for value in column("VARCHAR(10)", with(json!([2, 5]), 1), 200).await {
            assert!((2..5).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{value}");
        }
        for value in column("DATE", with(json!(["2020-01-01", "2020-01-03"]), 1), 100).await {
            assert!(["2020-01-01", "2020-01-02"].contains(&value.as_str()), "{value}");
        }
        for value in column("VARBINARY", with(json!([3, 4]), 1), 50).await {
            assert_eq!(value.len(), 6);
        }
        for value in column("INT ARRAY", with(json!([2, 3]), 1), 50).await {
            assert_eq!(value.matches(',').count(), 1, "{value}");
        }
    }
    // Without a range: all of the type.
    for (kind, low, high) in [("TINYINT", -128, 127), ("TINYINT UNSIGNED", 0, 255), ("DECIMAL(2, 0)", -99, 99)] {
        let drawn = column(kind, json!({"strategy": "uniform"}), 5000).await;
        let drawn: Vec<i64> = drawn.iter().map(|value| value.parse().unwrap()).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&low), Some(&high)), "{kind}");
    }
    for kind in
        ["BIGINT", "BIGINT UNSIGNED", "DECIMAL(38, 10)", "DATE", "TIME", "TIMESTAMP", "UUID", "VARCHAR", "BOOLEAN"]
    {
        let drawn = column(kind, json!({"strategy": "uniform"}), 100).await;
        assert!(drawn.iter().any(|value| *value != drawn[0]), "{kind}");
    }
}

#[tokio::test]
async fn words_are_words() {
    assert!(column("VARCHAR", json!({"strategy": "email"}), 20).await.iter().all(|value| value.contains('@')));
    for value in column("VARCHAR", json!({"strategy": "words", "range": [3, 4]}), 20).await {
        assert_eq!(value.split(' ').count(), 3, "{value}");
    }
    for value in column("VARCHAR", json!({"strategy": "password", "range": [5, 6]}), 20).await {
        assert_eq!(value.chars().count(), 5, "{value}");
    }
}

#[tokio::test]
async fn some_values_are_null() {
    let nulls = |percentage: u64| async move {
        let drawn = column(BIG, json!({"null_percentage": percentage}), 1000).await;
        drawn.iter().filter(|value| *value == "∅").count()
    };
    assert_eq!((nulls(0).await, nulls(100).await), (0, 1000));
    assert!((200..300).contains(&nulls(25).await));
}

#[tokio::test]
async fn the_same_seed_makes_the_same_rows_wherever_it_goes_on_and_however_many_work() {
    let columns = [("id", BIG), ("n", "INT"), ("w", "VARCHAR")];
    let plan = |seed: Option<u64>, workers: u64, chunk: u64| {
        json!({"seed": seed, "workers": workers, "plan": [{"limit": 100, "worker_chunk_size": chunk, "fields": {
            "n": {"strategy": "uniform", "null_percentage": 10}, "w": {"strategy": "name"}
        }}, {"limit": 10}]})
    };
    let first = run(made(plan(Some(1), 1, 30), &columns).unwrap(), None).await;
    assert_eq!(first.rows().len(), 110);
    for (workers, chunk) in [(1, 30), (4, 7), (3, 1000)] {
        let again = run(made(plan(Some(1), workers, chunk), &columns).unwrap(), None).await;
        assert_eq!(again.rows(), first.rows(), "{workers} {chunk}");
    }
    let other = run(made(plan(Some(2), 1, 30), &columns).unwrap(), None).await;
    assert_ne!(other.rows(), first.rows());
    // A seed that nobody chose stands in the positions.
    let drawn = run(made(plan(None, 1, 30), &columns).unwrap(), None).await;
    let rows = drawn.rows();
    let mut before = 0;
    for (payload, position, _) in &drawn.chunks {
        before += payload.records() as usize;
        let rest = run(made(plan(None, 1, 30), &columns).unwrap(), Some(position.clone())).await;
        assert_eq!(rest.rows(), rows[before..], "{position}");
    }
    let wrong = run(made(plan(None, 1, 30), &columns).unwrap(), Some(json!({"offset": 1}))).await;
    assert!(wrong.status.fatal_error.is_some());
}

#[tokio::test]
async fn plans_come_in_order_and_limits_hold() {
    let plan = json!({"plan": [
        {"limit": 2, "fields": {"id": {"range": [10, 20]}}}, {"limit": 0}, {"limit": 3}
    ]});
    let seen = run(made(plan, &[("id", BIG)]).unwrap(), None).await;
    assert_eq!(seen.rows().concat(), texts(&["10", "11", "0", "1", "2"]));
    let nothing = run(made(json!({"plan": []}), &[("id", BIG)]).unwrap(), None).await;
    assert!(nothing.chunks.is_empty() && nothing.status.end_of_input);
    // The columns of a table without any, too.
    let rows = run(made(json!({"plan": [{"limit": 3}]}), &[]).unwrap(), None).await;
    assert_eq!(rows.chunks[0].0.records(), 3);
}

#[tokio::test]
async fn chunks_are_no_greater_than_they_may_be() {
    for (plan, batch, expected) in [
        (json!({"limit": 25}), 10_000, &[25][..]),
        (json!({"limit": 25, "worker_chunk_size": 10}), 10_000, &[10, 10, 5]),
        (json!({"limit": 5}), 2, &[2, 2, 1]),
    ] {
        let input = made(json!({"plan": [plan]}), &[("id", BIG)]).unwrap();
        let seen = run_with(input, None, crate::Limits { batch_records: batch, ..limits() }).await;
        let sizes: Vec<u64> = seen.chunks.iter().map(|(payload, ..)| payload.records()).collect();
        assert_eq!(sizes, expected, "{plan}");
    }
}

#[tokio::test]
async fn transactions_have_about_as_many_rows_as_they_should() {
    let plan = json!({"transaction_size": 20, "plan": [{"limit": 50, "worker_chunk_size": 10}]});
    let seen = run(made(plan, &[("id", BIG)]).unwrap(), None).await;
    let transactions: Vec<Option<u64>> = seen.chunks.iter().map(|chunk| chunk.2).collect();
    assert_eq!(transactions, [Some(0), Some(0), Some(1), Some(1), Some(2)]);
}

#[test]
fn rows_are_due_at_their_rate() {
    let pace = Pace::new(Some(1000), 500);
    assert_eq!(pace.wait(500), None);
    let wait = pace.wait(1500).unwrap();
    assert!(wait <= std::time::Duration::from_secs(1) && wait > std::time::Duration::from_millis(500), "{wait:?}");
    assert_eq!(Pace::new(None, 0).wait(u64::MAX), None);
    let chunk = |rate, size| Plan { rate, worker_chunk_size: size, ..Plan::default() }.chunk_rows();
    assert_eq!(
        [chunk(None, None), chunk(Some(7), None), chunk(Some(70_000), None), chunk(Some(7), Some(3))],
        [10_000, 7, 10_000, 3]
    );
}

#[test]
fn what_does_not_suit_the_table_is_refused_with_its_place() {
    let field = |settings: Value| json!({"plan": [{}, {"fields": {"x": settings}}]});
    for (kind, config, member) in [
        (BIG, json!({"plan": [{"fields": {"y": {}}}]}), "transport.config.plan[0].fields.y"),
        (BIG, json!({"plan": [{"fields": {"x": {}, "X": {}}}]}), "transport.config.plan[0].fields.x"),
        (BIG, json!({"plan": [{"speed": 1}]}), "transport.config.plan[0].speed"),
        (BIG, json!({"planes": []}), "transport.config.planes"),
        (BIG, json!({"plan": [{"rate": 0}]}), "transport.config.plan[0].rate"),
        (BIG, json!({"workers": 0}), "transport.config.workers"),
        (BIG, json!({"transaction_size": 0}), "transport.config.transaction_size"),
        (BIG, field(json!({"strategy": "sonnet"})), "transport.config.plan[1].fields.x.strategy"),
        (BIG, field(json!({"strategy": "word"})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"range": [1, 1]})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"range": [2, 1]})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"range": [1]})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"range": ["a", "b"]})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"values": ["a"]})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"null_percentage": 101})), "transport.config.plan[1].fields.x"),
        (BIG, field(json!({"strategy": "zipf", "e": 0})), "transport.config.plan[1].fields.x"),
        ("BIGINT NOT NULL", field(json!({"null_percentage": 1})), "transport.config.plan[1].fields.x"),
        ("BIGINT NOT NULL", field(json!({"values": []})), "transport.config.plan[1].fields.x"),
        ("BIGINT NOT NULL", field(json!({"values": [null]})), "transport.config.plan[1].fields.x"),
        ("TINYINT", field(json!({"range": [0, 129]})), "transport.config.plan[1].fields.x"),
        (
            "TINYINT",
            field(json!({"strategy": "uniform", "range": [0, 100], "scale": 2})),
            "transport.config.plan[1].fields.x",
        ),
        ("DECIMAL(3, 1)", field(json!({"range": [0, 101]})), "transport.config.plan[1].fields.x"),
        ("VARCHAR", field(json!({"strategy": "uniform", "range": [-1, 5]})), "transport.config.plan[1].fields.x"),
        ("VARCHAR", field(json!({"strategy": "word", "values": ["a"]})), "transport.config.plan[1].fields.x"),
        ("DATE", field(json!({"range": ["2020-01-01", "yesterday"]})), "transport.config.plan[1].fields.x"),
        ("VARIANT", field(json!({})), "transport.config.plan[0].fields.x"),
        ("INT ARRAY", field(json!({"value": {"range": [5, 4]}})), "transport.config.plan[1].fields.x.value"),
        ("MAP<VARCHAR, INT>", field(json!({"key": {"null_percentage": 1}})), "transport.config.plan[1].fields.x.key"),
        ("ROW(a INT NULL)", field(json!({"fields": {"b": {}}})), "transport.config.plan[1].fields.x.fields.b"),
        (
            "VARCHAR ARRAY",
            field(json!({"range": [9000, 9001], "value": {"strategy": "uniform", "range": [60000, 65000]}})),
            "transport.config.plan[1].fields",
        ),
    ] {
        match made(config.clone(), &[("x", kind)]).err() {
            Some(Error::Member { member: found, reason, .. }) => assert_eq!(found, member, "{kind} {config}: {reason}"),
            other => panic!("{kind} {config}: {other:?}"),
        }
    }
}
