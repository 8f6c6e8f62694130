//! A program over two tables, what its tables should hold, and what another database makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alluvium_dataflow::{
    Change, ChangeKind, Compiler, Engine, PartEngine, Program, Step, Table, Zset, rows_from_texts,
};
use alluvium_sql::compile;
use duckdb::{Connection, Statement};

use super::common::{Row, table};
use super::dice::{Dice, at_hour, hour, text, value};

/// A view, in the words of each side.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The columns it is declared with, if it reads itself: `x INT, y INT`.
    pub declared: Option<&'static str>,
    /// Its query.
    pub query: String,
    /// What is asked of the other side, if that is something else.
    pub other: Option<String>,
}

impl View {
    pub fn new(name: impl Into<String>, query: String) -> Self {
        Self { name: name.into(), query, ..Self::default() }
    }

    /// A view that is written otherwise on the other side.
    pub fn with(name: impl Into<String>, query: String, other: String) -> Self {
        Self { other: Some(other), ..Self::new(name, query) }
    }
}

/// The rows that tables should have.
#[derive(Default)]
pub struct Model {
    pub t: Vec<Row>,
    pub u: BTreeMap<String, Row>,
    pub hour: usize,
    /// The latest hour of a row of `t` before this step.
    latest: Option<usize>,
}

/// A program that runs, and what it should say.
pub struct World {
    tables: Vec<Table>,
    views: Vec<View>,
    /// By how many hours rows of `t` may come late.
    lateness: Option<usize>,
    program: Program,
    pub engine: PartEngine,
    pub model: Model,
    held: BTreeMap<String, BTreeMap<Row, i64>>,
    duck: Connection,
    /// The views that ask for the time, or read one that does.
    timed: BTreeSet<String>,
}

/// The inverse of [`at_hour`].
fn hours(at: &str) -> usize {
    (at[8..10].parse::<usize>().unwrap() - 1) * 24 + at[11..13].parse::<usize>().unwrap()
}

fn program(views: &[View], lateness: Option<usize>) -> Program {
    let late = lateness.map_or(String::new(), |hours| format!(" LATENESS INTERVAL '{hours}' HOUR"));
    let mut text = format!(
        "CREATE TABLE t (a INT, b BIGINT, c VARCHAR, d TIMESTAMP{late});
         CREATE TABLE u (id INT NOT NULL PRIMARY KEY, a INT, g BIGINT);\n"
    );
    for view in views {
        if let Some(columns) = view.declared {
            writeln!(text, "DECLARE RECURSIVE VIEW {} ({columns});", view.name).unwrap();
        }
    }
    for view in views {
        writeln!(text, "CREATE VIEW {} AS {};", view.name, view.query).unwrap();
    }
    let mut compiler = Compiler::default();
    let compiled = compile(&text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{text}: {:?}", compiled.messages);
    compiler.finish(&compiled.catalog).unwrap()
}

pub fn counted(zset: &Zset) -> BTreeMap<Row, i64> {
    zset.to_texts().into_iter().collect()
}

impl World {
    pub fn new(views: Vec<View>, lateness: Option<usize>) -> Self {
        let tables =
            vec![table("t", "a INT; b BIGINT; c VARCHAR; d TIMESTAMP"), table("u", "id INT!!; a INT; g BIGINT")];
        let program = program(&views, lateness);
        let engine = PartEngine::new(program.clone()).unwrap();
        let duck = Connection::open_in_memory().unwrap();
        // The rows are few: what several threads have to say to one another costs more than they do. What is prepared once must not
        // rely on the rows that there were then.
        let mut text =
            "PRAGMA threads = 1; PRAGMA disable_optimizer; CREATE TABLE t(a INT, b BIGINT, c VARCHAR, d TIMESTAMP);
            CREATE TABLE u(id INT, a INT, g BIGINT); SET VARIABLE now = TIMESTAMP '2020-01-01';"
                .to_owned();
        for view in &views {
            let query = view.other.as_ref().unwrap_or(&view.query).replace("NOW()", "getvariable('now')");
            write!(text, "CREATE VIEW {} AS {query};", view.name).unwrap();
        }
        duck.execute_batch(&text).unwrap_or_else(|error| panic!("{views:?}: {error}"));
        duck.set_prepared_statement_cache_capacity(views.len());
        let mut timed = BTreeSet::new();
        for view in &views {
            if view.query.contains("NOW()") || timed.iter().any(|other: &String| view.query.contains(other)) {
                timed.insert(view.name.clone());
            }
        }
        let held = BTreeMap::new();
        Self { tables, views, lateness, program, engine, model: Model::default(), held, duck, timed }
    }

    fn push(&mut self, table: usize, kind: ChangeKind, rows: &[Row], columns: &[usize]) {
        let rows: Vec<Vec<Option<&str>>> =
            rows.iter().map(|row| row.iter().map(|value| value.as_deref()).collect()).collect();
        let batch = rows_from_texts(&self.tables[table], &rows).unwrap().project(columns).unwrap();
        self.engine.push(&self.tables[table].name, Change { kind, batch, columns: columns.to_vec() }).unwrap();
    }

    /// Whether a row of `t` comes too late.
    fn is_late(&self, row: &Row) -> bool {
        match (self.lateness, self.model.latest, row[3].as_deref().map(hours)) {
            (Some(lateness), Some(latest), Some(at)) => at + lateness < latest,
            _ => false,
        }
    }

    fn insert_t(&mut self, rows: &[Row]) {
        self.push(0, ChangeKind::Insert, rows, &[0, 1, 2, 3]);
        let taken: Vec<Row> = rows.iter().filter(|row| !self.is_late(row)).cloned().collect();
        self.model.t.extend(taken);
    }

    /// One random change of a table, of the model too.
    pub fn change(&mut self, dice: &mut Dice<'_>) {
        match dice.roll(9) {
            6 => self.model.hour += dice.roll(3),
            0 | 1 => {
                let rows = vec![vec![value(dice), value(dice), text(dice), hour(dice)]; 1 + dice.roll(5) / 4];
                self.insert_t(&rows);
            }
            8 => {
                let row = |dice: &mut Dice<'_>| vec![value(dice), value(dice), text(dice), hour(dice)];
                let rows = vec![row(dice), row(dice), row(dice)];
                self.insert_t(&rows);
            }
            2 if !self.model.t.is_empty() => {
                let at = dice.roll(self.model.t.len());
                let row = self.model.t[at].clone();
                self.push(0, ChangeKind::Delete, std::slice::from_ref(&row), &[0, 1, 2, 3]);
                if !self.is_late(&row) {
                    self.model.t.swap_remove(at);
                }
            }
            3 | 4 => {
                let id = dice.roll(5).to_string();
                let row = vec![Some(id.clone()), value(dice), value(dice)];
                self.push(1, ChangeKind::Insert, std::slice::from_ref(&row), &[0, 1, 2]);
                self.model.u.insert(id, row);
            }
            7 => {
                let id = dice.roll(5).to_string();
                let row = vec![Some(id.clone()), None, value(dice)];
                self.push(1, ChangeKind::Update, std::slice::from_ref(&row), &[0, 2]);
                if let Some(found) = self.model.u.get_mut(&id) {
                    found[2].clone_from(&row[2]);
                }
            }
            _ => {
                let id = dice.roll(5).to_string();
                self.push(1, ChangeKind::Delete, &[vec![Some(id.clone()), None, None]], &[0]);
                self.model.u.remove(&id);
            }
        }
    }

    /// Tells the engine the time.
    fn tick(&mut self) {
        let now = at_hour(self.model.hour);
        let batch = rows_from_texts(&table("now", "now TIMESTAMP!"), &[vec![Some(now.as_str())]]).unwrap();
        // It is there where a view asks for the time.
        if self.engine.snapshot("now").is_some() {
            self.engine.push("now", Change::insert(batch)).unwrap();
        }
    }

    /// Makes a step and compares all that can be seen.
    pub fn step(&mut self) {
        self.tick();
        let step = self.engine.step().unwrap_or_else(|error| panic!("{error}: {:?}", self.views));
        self.take(&step);
        self.mark();
        self.fill();
        for view in &self.views {
            let wanted = self.wanted(view);
            let nothing = BTreeMap::new();
            assert_eq!(self.held.get(&view.name).unwrap_or(&nothing), &wanted, "what was told: {view:?}");
            assert_eq!(counted(&self.engine.view(&view.name).unwrap()), wanted, "what is held: {view:?}");
        }
    }

    /// Begins anew from the tables as they were stored, and compares again.
    pub fn restart(&self) {
        let stored = ["t", "u", "now"].map(|name| Some((name.to_owned(), self.engine.snapshot(name)?)));
        let stored: BTreeMap<String, Zset> = stored.into_iter().flatten().collect();
        assert_eq!(stored["t"].weights.iter().sum::<i64>(), self.model.t.len() as i64, "{:?}", self.views);
        let first = PartEngine::new(self.program.clone()).unwrap().hydrate(stored).unwrap();
        for view in &self.views {
            let first = first.views.get(&view.name).map(counted).unwrap_or_default();
            assert_eq!(first, self.wanted(view), "from tables: {view:?}");
        }
    }

    /// How late it is for rows of the next step.
    fn mark(&mut self) {
        let latest = self.model.t.iter().filter_map(|row| row[3].as_deref().map(hours)).max();
        self.model.latest = self.model.latest.max(latest);
    }

    fn take(&mut self, step: &Step) {
        assert!(step.rejected.is_empty(), "{:?}", self.views);
        for (name, rows) in &step.views {
            let held = self.held.entry(name.clone()).or_default();
            for (row, weight) in rows.to_texts() {
                let count = held.entry(row.clone()).or_default();
                *count += weight;
                assert!(*count >= 0, "{name}: {row:?} is there {count} times: {:?}", self.views);
            }
            held.retain(|_, count| *count != 0);
        }
    }

    /// Brings the model's rows to the other side.
    fn fill(&self) {
        let mut text = "DELETE FROM t; DELETE FROM u;".to_owned();
        for (name, rows) in [("t", self.model.t.iter().collect::<Vec<_>>()), ("u", self.model.u.values().collect())] {
            let row = |row: &Row| {
                let value =
                    |value: &Option<String>| value.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
                format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))
            };
            let rows: Vec<String> = rows.into_iter().map(row).collect();
            if !rows.is_empty() {
                write!(text, "INSERT INTO {name} VALUES {};", rows.join(", ")).unwrap();
            }
        }
        write!(text, "SET VARIABLE now = TIMESTAMP '{}'", at_hour(self.model.hour)).unwrap();
        self.duck.execute_batch(&text).unwrap_or_else(|error| panic!("{:?}: {error}", self.views));
    }

    /// What the other side gives for a view.
    fn wanted(&self, view: &View) -> BTreeMap<Row, i64> {
        let text = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {}", view.name);
        // The time is a part of what is prepared; all else is prepared once.
        let (mut cached, mut fresh);
        let statement: &mut Statement<'_> = if self.timed.contains(&view.name) {
            fresh = self.duck.prepare(&text).map_err(|error| format!("{view:?}: {error}")).unwrap();
            &mut fresh
        } else {
            cached = self.duck.prepare_cached(&text).map_err(|error| format!("{view:?}: {error}")).unwrap();
            &mut cached
        };
        let mut rows = statement.query([]).unwrap();
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next().unwrap() {
            let width = row.as_ref().column_count();
            let values: Row =
                (0..width).map(|at| row.get::<_, Option<String>>(at).unwrap().map(|text| same_words(&text))).collect();
            *found.entry(values).or_insert(0) += 1;
        }
        found
    }
}

/// Points in time as the engine shows them.
fn same_words(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_time = bytes.len() == 19 && bytes[4] == b'-' && bytes[10] == b' ' && bytes[13] == b':';
    if is_time { text.replacen(' ', "T", 1) } else { text.to_owned() }
}
