//! Putting the changes of a batch into few statements without changing what they add up to.

use std::collections::{HashMap, HashSet};

use super::op::Op;

/// Groups ops of one kind into steps. Ops that share something to keep in order stay in order; others may pass each other.
pub(super) fn arrange(ops: Vec<Op>) -> Vec<Vec<Op>> {
    let mut steps: Vec<(u8, Vec<Op>, HashSet<String>)> = Vec::new();
    let mut latest: HashMap<String, usize> = HashMap::new();
    for op in ops {
        let (kind, row) = (op.kind(), op.row());
        let order: Vec<String> = op.order().into_iter().flatten().collect();
        let from = order.iter().filter_map(|key| latest.get(key)).max().copied().unwrap_or(0);
        let fits = |step: &(u8, Vec<Op>, HashSet<String>)| step.0 == kind && !step.2.contains(&row);
        let found = steps.iter().skip(from).position(fits);
        let at = found.map_or(steps.len(), |found| from + found);
        if found.is_none() {
            steps.push((kind, Vec::new(), HashSet::new()));
        }
        steps[at].1.push(op);
        steps[at].2.insert(row);
        latest.extend(order.into_iter().map(|key| (key, at)));
    }
    steps.into_iter().map(|(_, ops, _)| ops).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(project: &str) -> Op {
        let (tenant, id, uid) = ("t".into(), project.into(), "u".into());
        Op::PutProject { tenant, id, uid, name: None, settings: "{}".into(), time: 0 }
    }

    fn delete(project: &str) -> Op {
        Op::DeleteProject { tenant: "t".into(), id: project.into() }
    }

    fn shape(ops: Vec<Op>) -> Vec<(u8, usize)> {
        arrange(ops).iter().map(|step| (step[0].kind(), step.len())).collect()
    }

    #[test]
    fn independent_changes_share_a_statement() {
        assert_eq!(shape(vec![put("a"), delete("b"), put("c"), delete("d")]), [(0, 2), (2, 2)]);
    }

    #[test]
    fn dependent_changes_keep_their_order() {
        assert_eq!(shape(vec![put("a"), delete("a"), put("a"), delete("a")]), [(0, 1), (2, 1), (0, 1), (2, 1)]);
        assert_eq!(shape(vec![put("a"), put("a")]), [(0, 1), (0, 1)]);
    }
}
