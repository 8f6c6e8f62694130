//! Any Z-sets over any small schema: the file is what a multiset in memory is, after each step, and says what it was before.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/zset.rs"]
mod zset;

use std::collections::BTreeMap;

use alluvium_tablestore::{ApplyError, CreateOptions, Error, Hub, Step, TableFile};
use common::{config, file, mark, uuid};
use proptest::prelude::*;
use zset::{KEY_KINDS, KINDS, Multiset, Row, add, batch_of, held, multiset, schema_of, size, texts, weighted};

/// What one step tries.
#[derive(Debug, Clone)]
struct Plan {
    come: Vec<(Row, i64)>,
    /// Which of the rows there go, and how many of what there are of them.
    go: Vec<(prop::sample::Index, prop::sample::Index)>,
    /// Makes the step one that does not fit first.
    spoil: bool,
    reopen: bool,
    trim: bool,
}

fn plan(columns: usize) -> impl Strategy<Value = Plan> {
    let row = prop::collection::vec(0..64_usize, columns);
    let go = prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..5);
    let come = prop::collection::vec((row, 1..4_i64), 0..6);
    (come, go, prop::bool::weighted(0.3), prop::bool::weighted(0.15), prop::bool::weighted(0.1))
        .prop_map(|(come, go, spoil, reopen, trim)| Plan { come, go, spoil, reopen, trim })
}

fn case() -> impl Strategy<Value = (Vec<usize>, usize, bool, Vec<Plan>)> {
    let keys = prop_oneof![3 => Just(0_usize), 1 => Just(1_usize), 1 => Just(2_usize)];
    keys.prop_flat_map(|keys| {
        let of_key = prop::collection::vec(0..KEY_KINDS, keys);
        let others = prop::collection::vec(0..KINDS, usize::from(keys == 0)..4);
        (of_key, others, Just(keys), any::<bool>())
    })
    .prop_flat_map(|(of_key, others, keys, journal)| {
        let kinds: Vec<usize> = of_key.into_iter().chain(others).collect();
        let plans = prop::collection::vec(plan(kinds.len()), 1..8);
        (Just(kinds), Just(keys), Just(journal), plans)
    })
}

struct Model {
    kinds: Vec<usize>,
    keys: usize,
    /// Copies of each row, and one way to spell it.
    rows: BTreeMap<String, (Row, i64)>,
}

impl Model {
    fn text(&self, row: &Row) -> String {
        texts(&self.kinds, &batch_of(&self.kinds, std::slice::from_ref(row))).remove(0)
    }

    fn key(&self, row: &Row) -> String {
        texts(&self.kinds[..self.keys], &batch_of(&self.kinds[..self.keys], std::slice::from_ref(row))).remove(0)
    }

    fn set(&self) -> Multiset {
        self.rows.iter().map(|(text, (_, copies))| (text.clone(), *copies)).collect()
    }

    /// The plan as a Z-set that fits: each row once, no key twice.
    fn step(&self, plan: &Plan) -> Vec<(Row, i64)> {
        let mut weights: BTreeMap<String, (Row, i64)> = BTreeMap::new();
        let there: Vec<&String> = self.rows.keys().collect();
        for (which, copies) in plan.go.iter().filter(|_| !there.is_empty()) {
            let text = which.get(&there);
            let (row, count) = &self.rows[*text];
            let gone = copies.index(*count as usize) as i64 + 1;
            weights.insert((*text).clone(), (row.clone(), -gone));
        }
        let mut keys: Vec<String> = Vec::new();
        if self.keys > 0 {
            let stay = self.rows.iter().filter(|(text, _)| !weights.contains_key(*text));
            keys = stay.map(|(_, (row, _))| self.key(row)).collect();
        }
        for (row, copies) in &plan.come {
            let mut row = row.clone();
            for (place, kind) in self.kinds.iter().enumerate() {
                // Nothing of a key is NULL, which is the last value.
                row[place] %= size(*kind) - usize::from(place < self.keys);
            }
            let text = self.text(&row);
            if weights.contains_key(&text) {
                continue;
            }
            if self.keys == 0 {
                weights.insert(text, (row, *copies));
            } else if !keys.contains(&self.key(&row)) {
                keys.push(self.key(&row));
                weights.insert(text, (row, 1));
            }
        }
        weights.into_values().collect()
    }

    fn apply(&mut self, step: &[(Row, i64)]) {
        for (row, weight) in step {
            let held = self.rows.entry(self.text(row)).or_insert_with(|| (row.clone(), 0));
            held.1 += weight;
        }
        self.rows.retain(|_, (_, copies)| *copies != 0);
    }

    /// A row that goes more often than it is there, or a key that is there.
    fn spoiled(&self, plan: &Plan) -> Option<(Row, i64)> {
        if let Some((row, copies)) = self.rows.values().next().filter(|_| plan.reopen) {
            return Some(if self.keys == 0 { (row.clone(), -copies - 1) } else { (row.clone(), 1) });
        }
        let absent = plan.come.iter().map(|(row, _)| {
            let sizes = self.kinds.iter().enumerate();
            sizes.map(|(place, kind)| row[place] % (size(*kind) - usize::from(place < self.keys))).collect::<Row>()
        });
        let is_absent = |row: &Row| match self.keys {
            0 => !self.rows.contains_key(&self.text(row)),
            _ => self.rows.values().all(|(other, _)| self.key(other) != self.key(row)),
        };
        absent.filter(is_absent).map(|row| (row, -1)).next()
    }
}

fn split(step: &[(Row, i64)]) -> (Vec<Row>, Vec<i64>) {
    step.iter().cloned().unzip()
}

fn check_journal(hub: &Hub, file: &TableFile, model: &Model, past: &[Multiset], from: usize) {
    let kinds = &model.kinds;
    let now = past.len() - 1;
    for (step, then) in past.iter().enumerate().skip(from) {
        assert_eq!(&multiset(kinds, hub.as_of_step(file, step as u64).unwrap()), then, "as of step {step} of {now}");
        let mut set = then.clone();
        for rows in hub.steps_since(file, step as u64).unwrap() {
            let rows = rows.unwrap();
            assert!(rows.step > step as u64 && rows.step <= now as u64);
            add(&mut set, texts(kinds, &rows.batch).into_iter().zip(rows.weights));
        }
        assert_eq!(&set, past.last().unwrap(), "since step {step} of {now}");
    }
    assert!(from == 0 || hub.as_of_step(file, from as u64 - 1).is_err());
    assert!(hub.as_of_step(file, now as u64 + 1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_file_is_the_sum_of_its_steps((kinds, keys, journal, plans) in case()) {
        let dir = tempfile::tempdir().unwrap();
        let mut hub = Hub::open(config(dir.path())).unwrap();
        let file = file(&uuid());
        let schema = schema_of(&kinds, keys);
        let step = |number: usize| Step { number: number as u64, program_version: 3 };
        let options = CreateOptions { step: Some(step(0)), keeps_steps: journal };
        hub.create_with(&file, &schema, &mark(0), options).unwrap();
        let mut model = Model { kinds: kinds.clone(), keys, rows: BTreeMap::new() };
        let mut past = vec![Multiset::new()];
        let mut from = 0;
        for plan in &plans {
            let now = past.len() - 1;
            let apply = |hub: &Hub, rows: &[(Row, i64)]| {
                let (rows, weights) = split(rows);
                let change = weighted(batch_of(&kinds, &rows), &weights);
                hub.apply_step(&file, &mark(now as u64), &mark(now as u64 + 1), step(now + 1), vec![change])
            };
            if plan.spoil && let Some(bad) = model.spoiled(plan) {
                let outcome = apply(&hub, &[bad]);
                let is_inconsistent = matches!(outcome, Err(ApplyError::Store(Error::Corrupt { .. })));
                prop_assert!(is_inconsistent, "{:?}", outcome);
                prop_assert_eq!(&held(&hub, &file, &kinds), past.last().unwrap());
            }
            let rows = model.step(plan);
            let applied = apply(&hub, &rows).unwrap();
            model.apply(&rows);
            past.push(model.set());
            if plan.reopen {
                drop(hub);
                hub = Hub::open(config(dir.path())).unwrap();
            }
            let count: i64 = model.set().values().sum();
            prop_assert_eq!(applied.rows, count as u64);
            prop_assert_eq!(hub.stats(&file).unwrap().rows, count as u64);
            prop_assert_eq!(hub.checksum(&file).unwrap().rows, count as u64);
            prop_assert_eq!(held(&hub, &file, &kinds), model.set());
            let at = hub.step(&file).unwrap().unwrap();
            prop_assert_eq!((at.step, at.program_version, at.mark), (now as u64 + 1, 3, mark(now as u64 + 1)));
            if journal && plan.trim {
                from = past.len() / 2;
                hub.trim_steps(&file, from as u64 + 1).unwrap();
            }
        }
        if journal {
            check_journal(&hub, &file, &model, &past, from);
        } else {
            prop_assert_eq!(hub.as_of_step(&file, 0).err().map(|error| error.code()), Some("steps_not_kept"));
        }
    }
}
