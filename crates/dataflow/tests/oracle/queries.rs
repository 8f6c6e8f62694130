//! Random queries over two tables, in words that both sides know.

use super::dice::{Dice, number};

/// A comparison of the rows of `t` with the time.
fn moment(dice: &mut Dice<'_>) -> String {
    let operator = dice.pick(&["<", "<=", "=", "<>", ">=", ">"]);
    let bound =
        dice.pick(&["NOW()", "NOW() - INTERVAL '2' HOUR", "NOW() + INTERVAL '1' HOUR", "date_trunc('day', NOW())"]);
    if dice.roll(3) == 0 { format!("{bound} {operator} t.d") } else { format!("t.d {operator} {bound}") }
}

/// A condition on the rows of `t`, and of `u` if it is joined.
pub fn condition(dice: &mut Dice<'_>, with_u: bool, depth: usize) -> String {
    let columns: &[&str] = if with_u { &["t.a", "t.b", "u.a", "u.g"] } else { &["t.a", "t.b"] };
    match dice.roll(if depth > 2 { 5 } else { 16 }) {
        0 => format!("{} {} {}", dice.pick(columns), dice.pick(&["=", "<>", "<", ">="]), number(dice)),
        1 => format!("{} IS {}NULL", dice.pick(columns), dice.pick(&["", "NOT "])),
        2 => format!("{} IN ({}, {})", dice.pick(columns), number(dice), number(dice)),
        3 => format!("{} {} {}", dice.pick(columns), dice.pick(&["<", "=", "IS DISTINCT FROM"]), dice.pick(columns)),
        4 => format!("t.c {} 'x'", dice.pick(&["=", "<>", "<="])),
        5 => format!("({} AND {})", condition(dice, with_u, depth + 1), condition(dice, with_u, depth + 1)),
        6 => format!("({} OR {})", condition(dice, with_u, depth + 1), condition(dice, with_u, depth + 1)),
        7 => format!("NOT ({})", condition(dice, with_u, depth + 1)),
        8 => {
            format!("{}EXISTS (SELECT 1 FROM u w WHERE w.a = t.a AND w.g > {})", dice.pick(&["", "NOT "]), number(dice))
        }
        // Inside, the same names mean the table again.
        10 => format!("t.a {}IN (SELECT b FROM t WHERE a > {})", dice.pick(&["", "NOT "]), number(dice)),
        11 => format!("t.b {} (SELECT {}(b) FROM t)", dice.pick(&["=", "<"]), dice.pick(&["MIN", "MAX", "COUNT"])),
        13 => moment(dice),
        14 => format!("({}) IS {}TRUE", moment(dice), dice.pick(&["", "NOT "])),
        15 => format!("({} OR t.a = 1)", moment(dice)),
        9 => format!("t.a {}IN (SELECT w.a FROM u w WHERE w.g > {})", dice.pick(&["", "NOT "]), number(dice)),
        _ => format!("t.b > (SELECT {}(w.g) FROM u w WHERE w.a = t.a)", dice.pick(&["MAX", "MIN", "COUNT", "SUM"])),
    }
}

fn source(dice: &mut Dice<'_>) -> (String, bool) {
    let kind = dice.pick(&["", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
    if kind.is_empty() {
        return ("t".to_owned(), false);
    }
    let on = dice.pick(&["t.a = u.a", "t.a = u.a AND t.b < u.g", "t.a = u.a AND t.b = u.g"]);
    (format!("t {kind} u ON {on}"), true)
}

fn select(dice: &mut Dice<'_>) -> String {
    let (from, with_u) = source(dice);
    let filter = if dice.roll(3) == 0 { String::new() } else { format!(" WHERE {}", condition(dice, with_u, 0)) };
    let second = if with_u { "u.g" } else { "t.b" };
    match dice.roll(7) {
        0 => format!("SELECT t.a AS x, {second} AS y FROM {from}{filter}"),
        1 => format!("SELECT DISTINCT t.a AS x, {second} AS y FROM {from}{filter}"),
        2 => {
            let having = dice.pick(&["", " HAVING COUNT(*) > 1", " HAVING MAX(t.b) > 0"]);
            format!(
                "SELECT t.a AS x, COUNT(*) AS n, SUM({second}) AS s, MIN(t.c) AS l, MAX({second}) AS m, COUNT(DISTINCT {second}) AS d FROM {from}{filter} GROUP BY t.a{having}"
            )
        }
        3 => {
            let counted = if dice.roll(2) == 0 { "t.b > 0".to_owned() } else { moment(dice) };
            format!(
                "SELECT COUNT(*) AS n, SUM({second}) AS s, MAX(t.c) AS m, COUNT(*) FILTER (WHERE {counted}) AS f FROM {from}{filter}"
            )
        }
        4 => {
            let call = dice.pick(&["RANK()", "DENSE_RANK()", "SUM(t.b)", "COUNT(*)", "MAX(t.b)"]);
            let frame = if call.ends_with("RANK()") {
                ""
            } else {
                dice.pick(&[
                    "",
                    " RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                    " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
                ])
            };
            format!(
                "SELECT t.a AS x, t.b AS y, {call} OVER (PARTITION BY t.a ORDER BY t.b NULLS FIRST{frame}) AS r FROM {from}{filter}"
            )
        }
        5 => format!(
            "SELECT t.a AS x, {second} AS y FROM {from}{filter} ORDER BY t.a DESC NULLS LAST, {second} NULLS FIRST LIMIT {} OFFSET {}",
            dice.roll(4),
            dice.roll(2)
        ),
        _ => format!(
            "SELECT x, COUNT(*) AS n FROM (SELECT t.a AS x, ROW_NUMBER() OVER (PARTITION BY t.a ORDER BY t.b NULLS FIRST, t.c NULLS FIRST) AS r FROM {from}{filter}) AS q WHERE r <= 2 GROUP BY x"
        ),
    }
}

/// A query over the tables.
pub fn query(dice: &mut Dice<'_>) -> String {
    match dice.roll(4) {
        0 => {
            let operator = dice.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]);
            format!("SELECT a AS x, b AS y FROM t WHERE {} {operator} SELECT a, g FROM u", condition(dice, false, 1))
        }
        _ => select(dice),
    }
}
