//! The thin path: a table, a view, rows in, changes out.

mod common;

use common::{Running, table};

#[test]
fn sums_by_key_follow_inserts_and_deletes() {
    let mut running =
        Running::new(&[table("t", "a INT; b BIGINT")], &[("v", "SELECT a, SUM(b) AS s FROM t GROUP BY a")]);
    running.insert("t", "1,10;1,20;2,5;,7");
    assert_eq!(running.changes("v"), ["NULL,7*1", "1,30*1", "2,5*1"]);
    running.insert("t", "1,1");
    running.delete("t", "2,5");
    assert_eq!(running.changes("v"), ["1,30*-1", "1,31*1", "2,5*-1"]);
    assert_eq!(running.changes("v"), Vec::<String>::new());
}
