//! More random queries, some of them in other words for the other side.

use super::dice::{Dice, number};
use super::queries::{condition, query};
use super::world::View;

/// Views over one another, over two tables: those of a number have it in their names.
pub fn views(dice: &mut Dice<'_>, number: usize) -> Vec<View> {
    let name = format!("v{number}");
    match dice.roll(12) {
        0 => vec![View::new(name, joined(dice))],
        1 => vec![View::new(name, grouped(dice))],
        2 => vec![View::new(name, windowed(dice))],
        3 => vec![View::new(name, set(dice, 0))],
        4 => vec![View::new(name, top(dice))],
        5 => vec![View::new(name, nested(dice))],
        6 => vec![timed(dice, name)],
        7 => vec![sessions(dice, name)],
        8 => vec![latest(dice, name)],
        9 => paths(dice, number, name),
        10 => over(dice, number, name),
        _ => vec![View::new(name, query(dice))],
    }
}

const KINDS: [&str; 4] = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];

fn filter(dice: &mut Dice<'_>) -> String {
    if dice.roll(2) == 0 { String::new() } else { format!(" WHERE {}", condition(dice, false, 1)) }
}

/// Joins of three, of keys that may be NULL, and by nothing that is equal.
fn joined(dice: &mut Dice<'_>) -> String {
    let first = dice.pick(&[
        "t.a = u.a",
        "t.a IS NOT DISTINCT FROM u.a",
        "t.a IS NOT DISTINCT FROM u.a AND t.b = u.g",
        "t.a = u.a AND t.b IS NOT DISTINCT FROM u.g",
        "t.a + 1 = u.a",
        "t.a = u.a AND t.b > 0",
        "t.a = u.a AND u.g > 0",
        "t.a = u.a AND (t.b < u.g OR t.c = 'x')",
    ]);
    let kind = dice.pick(&KINDS);
    match dice.roll(6) {
        0 => {
            let (second, on) =
                (dice.pick(&KINDS), dice.pick(&["w.a = u.a", "w.b = u.g", "w.a IS NOT DISTINCT FROM t.a"]));
            format!(
                "SELECT t.a AS x, u.g AS y, w.c AS z FROM t {kind} u ON {first} {second} t AS w ON {on}{}",
                filter(dice)
            )
        }
        1 => {
            let on = dice.pick(&["t.a < u.a", "t.a <> u.a OR t.b = 1", "t.a = u.a OR t.b = u.g", "t.b = 1"]);
            format!("SELECT t.a AS x, t.b AS b, u.a AS y FROM t {kind} u ON {on}{}", filter(dice))
        }
        2 => format!(
            "SELECT a, t.b AS x, u.g AS y FROM t {kind} u USING (a){}",
            if kind == "JOIN" { filter(dice) } else { String::new() }
        ),
        3 => format!("SELECT t.c AS x, u.g AS y FROM t CROSS JOIN u{}", filter(dice)),
        4 => format!(
            "SELECT x.n AS x, u.g AS y FROM (SELECT a, COUNT(*) AS n FROM t GROUP BY a) AS x {kind} (SELECT a, MAX(g) AS g FROM u GROUP BY a) AS u ON x.a = u.a"
        ),
        _ => format!("SELECT t.a AS x, u.a AS y, t.b AS b, u.g AS g FROM t {kind} u ON {first}{}", filter(dice)),
    }
}

/// Groups, of several kinds at once too.
fn grouped(dice: &mut Dice<'_>) -> String {
    let calls = [
        "COUNT(*) AS r",
        "COUNT(t.b) AS r",
        "SUM(t.b) AS r",
        "MIN(t.c) AS r",
        "MAX(t.d) AS r",
        "COUNT(DISTINCT t.b) AS r",
        "SUM(DISTINCT t.b) AS r",
        "SUM(t.b) FILTER (WHERE t.c = 'x') AS r",
        "MAX(t.b) FILTER (WHERE t.a > 0) AS r",
        "BOOL_AND(t.b > 0) AS r",
        "BOOL_OR(t.b > 0) AS r",
        "BIT_XOR(t.b) AS r",
        "SUM(CASE WHEN t.a = 1 THEN t.b END) AS r",
    ];
    let (first, second) = (dice.pick(&calls), dice.pick(&calls).replace(" AS r", " AS s"));
    let having = dice.pick(&["", "", " HAVING COUNT(*) > 1", " HAVING MIN(t.b) IS NULL"]);
    let filter = filter(dice);
    match dice.roll(5) {
        0 => format!("SELECT {first}, {second} FROM t{filter}"),
        1 => format!("SELECT t.a AS x, t.c AS y, {first}, {second} FROM t{filter} GROUP BY t.a, t.c{having}"),
        2 => {
            let sets = dice.pick(&[
                "ROLLUP (t.a, t.c)",
                "CUBE (t.a, t.c)",
                "GROUPING SETS ((t.a), (t.c), ())",
                "GROUPING SETS ((t.a, t.c), (t.a))",
            ]);
            format!("SELECT t.a AS x, t.c AS y, {first}, GROUPING(t.a) AS q FROM t{filter} GROUP BY {sets}{having}")
        }
        3 => format!("SELECT t.a + t.b AS x, {first} FROM t{filter} GROUP BY t.a + t.b{having}"),
        _ => {
            let kind = dice.pick(&KINDS);
            format!("SELECT u.g AS x, {first}, COUNT(u.id) AS n FROM t {kind} u ON t.a = u.a GROUP BY u.g{having}")
        }
    }
}

/// Functions of windows; rows that are equal by the order are equal all through, or do not count apart.
fn windowed(dice: &mut Dice<'_>) -> String {
    let parts = dice.pick(&["PARTITION BY t.a ", "", "PARTITION BY t.a, t.c "]);
    let whole = "ORDER BY t.b NULLS FIRST, t.c NULLS FIRST, t.a NULLS FIRST, t.d NULLS FIRST";
    let (call, order, frame) = match dice.roll(6) {
        0 => (dice.pick(&["LAG(t.c)", "LEAD(t.b)", "LAG(t.b, 2)", "LEAD(t.c, 1, 'none')", "ROW_NUMBER()"]), whole, ""),
        1 => {
            let frame = dice.pick(&["", " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"]);
            (dice.pick(&["FIRST_VALUE(t.c)", "LAST_VALUE(t.c)"]), whole, frame)
        }
        2 => (dice.pick(&["SUM(t.b)", "COUNT(*)", "MIN(t.c)", "MAX(t.a)"]), "", ""),
        3 => {
            let frame = dice.pick(&[
                "",
                " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            ]);
            (dice.pick(&["SUM(t.b)", "COUNT(t.c)", "MIN(t.b)", "MAX(t.c)"]), "ORDER BY t.b DESC NULLS LAST", frame)
        }
        4 => {
            let frame = dice.pick(&[
                " RANGE BETWEEN INTERVAL '2' HOUR PRECEDING AND CURRENT ROW",
                " RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND INTERVAL '1' HOUR FOLLOWING",
                " RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' HOUR PRECEDING",
            ]);
            (dice.pick(&["SUM(t.b)", "COUNT(*)", "MIN(t.b)"]), "ORDER BY t.d NULLS FIRST", frame)
        }
        _ => (dice.pick(&["RANK()", "DENSE_RANK()"]), "ORDER BY t.b NULLS FIRST, t.c DESC NULLS LAST", ""),
    };
    let over = format!("{call} OVER ({parts}{order}{frame})");
    match dice.roll(3) {
        0 if order == whole || call.ends_with("RANK()") => {
            format!(
                "SELECT a AS x, b AS y, c AS z FROM (SELECT t.*, {over} AS r FROM t) AS q WHERE r IS NOT NULL AND d IS NOT NULL"
            )
        }
        1 => format!(
            "SELECT t.a AS x, t.b AS y, {over} AS r, COUNT(*) OVER (PARTITION BY t.c) AS n FROM t{}",
            filter(dice)
        ),
        _ => format!("SELECT t.a AS x, t.b AS y, {over} AS r FROM t{}", filter(dice)),
    }
}

/// Sets of sets, which may have rows more than once.
fn set(dice: &mut Dice<'_>, depth: usize) -> String {
    let leaf = |dice: &mut Dice<'_>| {
        let from = dice.pick(&[
            "a AS x, b AS y FROM t",
            "a AS x, g AS y FROM u",
            "b AS x, a AS y FROM t",
            "DISTINCT a AS x, b AS y FROM t",
        ]);
        format!("SELECT {from}{}", if from.ends_with('u') { String::new() } else { filter(dice) })
    };
    let operator = dice.pick(&["EXCEPT ALL", "INTERSECT ALL", "EXCEPT", "INTERSECT", "UNION ALL", "UNION"]);
    let left = if depth < 2 && dice.roll(2) == 0 { set(dice, depth + 1) } else { leaf(dice) };
    let right = if depth < 2 && dice.roll(3) == 0 { set(dice, depth + 1) } else { leaf(dice) };
    format!("({left}) {operator} ({right})")
}

/// The first rows, of all and of each group.
fn top(dice: &mut Dice<'_>) -> String {
    let order = dice.pick(&[
        "b NULLS FIRST, a NULLS FIRST, c NULLS FIRST",
        "b DESC NULLS LAST, c NULLS FIRST, a NULLS FIRST",
        "c DESC NULLS FIRST, b NULLS LAST, a NULLS FIRST",
    ]);
    let (count, filter) = (dice.roll(4), filter(dice));
    match dice.roll(4) {
        0 => format!("SELECT a, b, c FROM t{filter} ORDER BY {order} LIMIT {count}"),
        1 => format!("SELECT a, b, c FROM t{filter} ORDER BY {order} LIMIT {count} OFFSET {}", dice.roll(3)),
        2 => {
            let bound = dice.pick(&["r <= 1", "r <= 2", "r = 1", "r < 3", "r = 2", "r > 1"]);
            let call = dice.pick(&["ROW_NUMBER()", "RANK()", "DENSE_RANK()"]);
            format!(
                "SELECT a, b, c FROM (SELECT a, b, c, {call} OVER (PARTITION BY a ORDER BY {order}) AS r FROM t{filter}) AS q WHERE {bound}"
            )
        }
        _ => format!(
            "SELECT a, SUM(b) AS s FROM (SELECT a, b, c FROM t ORDER BY {order} LIMIT {}) AS q GROUP BY a",
            count + 1
        ),
    }
}

/// Queries in queries.
fn nested(dice: &mut Dice<'_>) -> String {
    match dice.roll(7) {
        0 => format!(
            "WITH q AS (SELECT a, COUNT(*) AS n FROM t GROUP BY a), w AS (SELECT a, MAX(g) AS g FROM u GROUP BY a) SELECT q.a AS x, q.n AS n, w.g AS g FROM q {} w ON q.a = w.a WHERE {} {} 1",
            dice.pick(&KINDS),
            dice.pick(&["q.n", "w.g"]),
            dice.pick(&["<", ">=", "="])
        ),
        1 => format!("SELECT t.a AS x, t.b AS y FROM t WHERE t.a {}IN (SELECT u.a FROM u)", dice.pick(&["", "NOT "])),
        2 => format!(
            "SELECT t.a AS x, t.b AS y FROM t WHERE t.a {}IN (SELECT u.a FROM u WHERE u.g = t.b)",
            dice.pick(&["", "NOT "])
        ),
        3 => format!(
            "SELECT t.a AS x, (SELECT {}(u.g) FROM u WHERE u.a = t.a) AS y FROM t{}",
            dice.pick(&["MAX", "COUNT", "SUM"]),
            filter(dice)
        ),
        4 => format!(
            "SELECT t.a AS x FROM t WHERE t.b {} (SELECT u.g FROM u WHERE u.id = {})",
            dice.pick(&["=", "<", "<>"]),
            number(dice)
        ),
        5 => format!(
            "SELECT t.a AS x, t.b AS y FROM t WHERE {}EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.g {} t.b)",
            dice.pick(&["", "NOT "]),
            dice.pick(&["=", "<", ">="])
        ),
        _ => format!("SELECT x, COUNT(*) AS n FROM ({}) AS q(x, y) GROUP BY x", set(dice, 1)),
    }
}

/// Windows of time.
fn timed(dice: &mut Dice<'_>, name: String) -> View {
    let calls = dice.pick(&["COUNT(*) AS n, SUM(b) AS s", "MAX(b) AS m, COUNT(DISTINCT a) AS d"]);
    if dice.roll(2) == 0 {
        return View::with(
            name,
            format!(
                "SELECT window_start AS w, window_end AS e, {calls} FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(d), INTERVAL '2' HOUR)) GROUP BY window_start, window_end"
            ),
            format!(
                "SELECT w, w + INTERVAL 2 HOUR AS e, {calls} FROM (SELECT *, time_bucket(INTERVAL 2 HOUR, d, TIMESTAMP '2020-01-01') AS w FROM t WHERE d IS NOT NULL) GROUP BY w"
            ),
        );
    }
    View::with(
        name,
        format!(
            "SELECT window_start AS w, {calls} FROM TABLE(HOP(TABLE t, DESCRIPTOR(d), INTERVAL '1' HOUR, INTERVAL '3' HOURS)) GROUP BY window_start"
        ),
        format!(
            "SELECT w, {calls} FROM (SELECT *, UNNEST([d, d - INTERVAL 1 HOUR, d - INTERVAL 2 HOUR]) AS w FROM t WHERE d IS NOT NULL) GROUP BY w"
        ),
    )
}

/// Sessions, of all rows or for each key.
fn sessions(dice: &mut Dice<'_>, name: String) -> View {
    let (key, part, keyed) =
        if dice.roll(2) == 0 { ("", "", "") } else { ("DESCRIPTOR(a), ", "PARTITION BY a ", "a, ") };
    View::with(
        name,
        format!("SELECT {keyed}window_start AS w, window_end AS e, COUNT(*) AS n, SUM(b) AS s FROM TABLE(SESSION(TABLE t, DESCRIPTOR(d), {key}INTERVAL '2' HOUR)) GROUP BY {keyed}window_start, window_end"),
        format!(
            "SELECT {keyed}MIN(d) AS w, MAX(d) + INTERVAL 2 HOUR AS e, COUNT(*) AS n, SUM(b) AS s FROM (
               SELECT *, SUM(f) OVER ({part}ORDER BY d RANGE UNBOUNDED PRECEDING) AS q FROM (
                 SELECT *, CASE WHEN d <= LAG(d) OVER ({part}ORDER BY d) + INTERVAL 2 HOUR THEN 0 ELSE 1 END AS f FROM t WHERE d IS NOT NULL))
             GROUP BY {keyed}q"
        ),
    )
}

/// The latest that matches.
fn latest(dice: &mut Dice<'_>, name: String) -> View {
    let (filter, more) = (filter(dice), dice.pick(&["", " AND r.id <> 2"]));
    let same = more.replace("r.", "u.");
    View::with(
        name,
        format!(
            "SELECT t.a AS x, t.b AS y, r.g AS g FROM t LEFT ASOF JOIN (SELECT a, g, MIN(id) AS id FROM u GROUP BY a, g) AS r MATCH_CONDITION(t.b >= r.g) ON t.a = r.a{more}{filter}"
        ),
        format!(
            "SELECT t.a AS x, t.b AS y, (SELECT MAX(u.g) FROM (SELECT a, g, MIN(id) AS id FROM u GROUP BY a, g) AS u WHERE u.a = t.a AND u.g <= t.b{same}) AS g FROM t{filter}"
        ),
    )
}

/// Views that read themselves, and views over these.
fn paths(dice: &mut Dice<'_>, number: usize, name: String) -> Vec<View> {
    let edges = dice.pick(&[
        "SELECT a AS x, b AS y FROM t",
        "SELECT a AS x, g AS y FROM u",
        "SELECT t.a AS x, u.g AS y FROM t JOIN u ON t.b = u.a",
    ]);
    let bound = dice.pick(&["", " WHERE p.y > 0", " WHERE e.y <> 1"]);
    let own_name = format!("p{number}");
    let step = format!("SELECT p.x, e.y FROM {own_name} AS p JOIN ({edges}) AS e ON p.y = e.x{bound}");
    // The same with both sides recursive, which finds the same if nothing is left out.
    let own = if bound.is_empty() && dice.roll(2) == 0 {
        format!("SELECT p.x, q.y FROM {own_name} AS p JOIN {own_name} AS q ON p.y = q.x")
    } else {
        step.clone()
    };
    let path = View {
        declared: Some("x INT, y BIGINT"),
        ..View::with(
            own_name.clone(),
            format!("({edges}) UNION ({own})"),
            format!("WITH RECURSIVE {own_name} AS (({edges}) UNION ({step})) SELECT * FROM {own_name}"),
        )
    };
    let above = dice.pick(&[
        "SELECT x, COUNT(*) AS n, MAX(y) AS m FROM # AS p GROUP BY x",
        "SELECT t.c AS c, p.y AS y FROM t LEFT JOIN # AS p ON t.a = p.x",
        "SELECT x FROM # AS p EXCEPT ALL SELECT a FROM u",
    ]);
    let above = above.replace('#', &own_name);
    vec![path, View::new(name, above)]
}

/// Views over views.
fn over(dice: &mut Dice<'_>, number: usize, name: String) -> Vec<View> {
    let first = match dice.roll(4) {
        0 => "SELECT a, COUNT(*) AS n, MAX(b) AS m FROM t GROUP BY a".to_owned(),
        1 => format!("SELECT t.a AS a, t.b AS n, u.g AS m FROM t {} u ON t.a = u.a", dice.pick(&KINDS)),
        2 => "SELECT a, b AS n, b AS m FROM t EXCEPT ALL SELECT a, g, g FROM u".to_owned(),
        _ => "SELECT a, b AS n, SUM(b) OVER (PARTITION BY a ORDER BY d) AS m FROM t WHERE d <= NOW()".to_owned(),
    };
    let w = format!("w{number}");
    let second = match dice.roll(5) {
        0 => format!("SELECT w.n AS n, COUNT(*) AS c FROM {w} AS w GROUP BY w.n HAVING COUNT(*) > {}", dice.roll(2)),
        1 => format!("SELECT w.a AS x, q.a AS y FROM {w} AS w {} {w} AS q ON w.n = q.m", dice.pick(&KINDS)),
        2 => format!("SELECT DISTINCT n, m FROM {w} AS w"),
        3 => format!("SELECT a, n FROM {w} AS w UNION ALL SELECT a, g FROM u"),
        _ => format!("SELECT a, n, m FROM {w} AS w WHERE m = (SELECT MAX(m) FROM {w} AS w)"),
    };
    vec![View::new(w, first), View::new(name, second)]
}
