//! Versions of a program: what of two is the same, and what a program is as a graph.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_dataflow::{Changes, Compiler, Outline, Program};
use alluvium_sql::compile;

fn program(text: &str) -> Program {
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    compiler.finish(&compiled.catalog).unwrap()
}

const OLD: &str = "
CREATE TABLE t (a INT, b BIGINT, c VARCHAR);
CREATE TABLE u (id INT PRIMARY KEY, g INT);
CREATE VIEW sums AS SELECT a, SUM(b) AS s FROM t GROUP BY a;
CREATE VIEW big AS SELECT * FROM sums WHERE s > 10;
CREATE VIEW joined AS SELECT t.b, u.g FROM t JOIN u ON t.a = u.id;
CREATE VIEW lists AS SELECT a FROM t WHERE c IN ('x', 'y');
";

#[test]
fn what_did_not_change_is_found_again() {
    let none = Changes::default();
    let views = |names: &[&str]| Changes {
        modified_views: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Changes::default()
    };
    let cases: Vec<(&str, String, Changes)> = vec![
        ("the same", OLD.to_owned(), none.clone()),
        (
            "names inside a query",
            OLD.replace("FROM t JOIN u ON t.a = u.id", "FROM t AS q JOIN u ON q.a = u.id")
                .replace("t.b, u.g", "q.b, u.g"),
            none.clone(),
        ),
        (
            "order of definition",
            {
                let mut lines: Vec<&str> = OLD.lines().collect();
                lines.swap(1, 2);
                lines.swap(5, 6);
                lines.join("\n")
            },
            none.clone(),
        ),
        ("a condition", OLD.replace("s > 10", "s > 11"), views(&["big"])),
        ("below another view", OLD.replace("SUM(b) AS s", "MAX(b) AS s"), views(&["big", "sums"])),
        ("a name of a column", OLD.replace("AS SELECT t.b, u.g", "(x, y) AS SELECT t.b, u.g"), views(&["joined"])),
        ("a constant text", OLD.replace("'x', 'y'", "'x'', ''y'"), views(&["lists"])),
        (
            "a column that is not read",
            OLD.replace("c VARCHAR)", "c VARCHAR, d DATE)"),
            Changes { modified_tables: vec!["t".to_owned()], ..none.clone() },
        ),
        (
            "a type",
            OLD.replace("b BIGINT", "b INT"),
            Changes { modified_tables: vec!["t".to_owned()], ..views(&["big", "joined", "sums"]) },
        ),
        (
            "a key",
            OLD.replace("id INT PRIMARY KEY", "id INT NOT NULL"),
            Changes { modified_tables: vec!["u".to_owned()], ..views(&["joined"]) },
        ),
        (
            "a promise",
            OLD.replace("c VARCHAR)", "c VARCHAR) WITH ('append_only' = 'true')"),
            Changes { modified_tables: vec!["t".to_owned()], ..none.clone() },
        ),
        (
            "relations",
            OLD.replace("VIEW big", "VIEW large").replace("CREATE TABLE u", "CREATE TABLE w (q INT);\nCREATE TABLE u"),
            Changes {
                added_tables: vec!["w".to_owned()],
                added_views: vec!["large".to_owned()],
                removed_views: vec!["big".to_owned()],
                ..none
            },
        ),
    ];
    let old = program(OLD).outline();
    for (what, text, wanted) in cases {
        let new = program(&text).outline();
        assert_eq!(old.changes_to(&new), wanted, "{what}");
        assert_eq!(old.changes_to(&new).is_empty(), what == "the same" || wanted == Changes::default(), "{what}");
        let text = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<Outline>(&text).unwrap(), new, "{what}");
    }
}

#[test]
fn identities_are_the_same_in_every_process() {
    // Written down: another value means that all programs count as changed.
    let program =
        program("CREATE TABLE t (a INT, b BIGINT); CREATE VIEW v AS SELECT a, SUM(b + 1) AS s FROM t GROUP BY a;");
    assert_eq!(program.views()[0].persistent_id, "2c18bc8b7592e69c70287e71c544a651");
}

#[test]
fn constants_are_told_apart() {
    let view = |values: &str| {
        program(&format!("CREATE VIEW v AS SELECT * FROM (VALUES {values}) AS q(x);")).views()[0].persistent_id.clone()
    };
    let long = |middle: usize| {
        (0..40).map(|at| format!("({})", if at == 20 { middle } else { at })).collect::<Vec<_>>().join(", ")
    };
    assert_ne!(view(&long(1)), view(&long(2)));
    assert_eq!(view(&long(1)), view(&long(1)));
    let list = |list: &str| {
        program(&format!("CREATE TABLE t (l VARCHAR ARRAY); CREATE VIEW v AS SELECT l FROM t WHERE l = ARRAY[{list}];"))
            .views()[0]
            .persistent_id
            .clone()
    };
    assert_ne!(list("'a, b'"), list("'a', 'b'"));
}

#[test]
fn a_program_is_a_graph() {
    let text = format!("{OLD}CREATE VIEW again AS SELECT a, SUM(b) AS s FROM t GROUP BY a;");
    let program = program(&text);
    let description = program.description();
    let graph = description["mir"].as_object().unwrap();
    let of = |key: &str, name: &str| {
        let found = graph.values().find(|node| node[key] == name);
        found.unwrap_or_else(|| panic!("{key} {name}: {description}"))
    };
    for node in graph.values() {
        assert!(node["operation"].is_string() && node["persistent_id"].is_string());
        for input in node["inputs"].as_array().unwrap() {
            assert!(graph.contains_key(input["node"].as_str().unwrap()));
        }
        for output in node["outputs"].as_array().unwrap() {
            let reader = &graph[output["node"].as_str().unwrap()];
            let read = reader["inputs"].as_array().unwrap();
            let own = read[usize::try_from(output["output"].as_u64().unwrap()).unwrap()]["node"].as_str().unwrap();
            assert_eq!(&graph[own], node);
        }
    }
    assert_eq!(of("table", "t")["operation"], "table");
    assert_eq!(of("view", "sums")["operation"], "aggregate");
    assert_eq!(of("view", "again")["inputs"][0]["node"].as_str().map(|node| &graph[node]), Some(of("view", "sums")));
    assert_eq!(of("view", "big")["positions"][0]["start_line_number"], 5);
    assert_eq!(of("view", "big")["calcite"]["final"], 0);
    let plan = description["calcite_plan"]["joined"]["rels"].as_array().unwrap();
    assert!(plan[0]["relOp"].as_str().unwrap().starts_with("Projection"), "{plan:?}");
    assert_eq!(plan.iter().map(|node| node["inputs"].as_array().unwrap().len()).sum::<usize>(), plan.len() - 1);
}
