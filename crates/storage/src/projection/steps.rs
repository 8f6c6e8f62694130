//! Putting the changes of a batch into few statements without changing what they add up to.

use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};

use super::op::{Key, Op};

/// What kind of statement writes an op: numbers are of a family, and two families may use the same ones.
type Kind = (Discriminant<Op>, u8);

fn kind(op: &Op) -> Kind {
    (discriminant(op), op.kind())
}

/// Groups ops of one kind into steps. Ops that share something to keep in order stay in order; others may pass each other.
pub(super) fn arrange(ops: Vec<Op>) -> Vec<Vec<Op>> {
    let places = places(&ops);
    let mut steps: Vec<Vec<Op>> = Vec::new();
    steps.resize_with(places.iter().max().map_or(0, |last| last + 1), Vec::new);
    for (op, at) in ops.into_iter().zip(places) {
        steps[at].push(op);
    }
    steps
}

/// Which step each op goes into: the first of its kind that is not before an op it depends on and does not touch its row yet.
fn places(ops: &[Op]) -> Vec<usize> {
    let mut steps: Vec<(Kind, HashSet<Key<'_>>)> = Vec::new();
    let mut latest: HashMap<Key<'_>, usize> = HashMap::with_capacity(ops.len());
    let mut places = Vec::with_capacity(ops.len());
    for op in ops {
        let (kind, row) = (kind(op), op.row());
        let order = op.order().into_iter().flatten().chain(op.also());
        let from = order.clone().filter_map(|key| latest.get(&key)).max().copied().unwrap_or(0);
        let fits = |step: &(Kind, HashSet<Key<'_>>)| step.0 == kind && !step.1.contains(&row);
        let at = steps.iter().skip(from).position(fits).map_or(steps.len(), |found| from + found);
        if at == steps.len() {
            steps.push((kind, HashSet::new()));
        }
        steps[at].1.insert(row);
        latest.extend(order.map(|key| (key, at)));
        places.push(at);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ProjectCreated;
    use crate::projection::op::{JobOp, MetadataOp, TableRow, WorkspaceOp};

    fn put(project: &str) -> Op {
        let (project, uid, settings) = (project.into(), "u".into(), "{}".into());
        let event = ProjectCreated { project, uid, name: None, settings, organization: None };
        Op::PutProject { tenant: "t".into(), event, time: 0 }
    }

    fn delete(project: &str) -> Op {
        Op::DeleteProject { tenant: "t".into(), id: project.into(), time: 0 }
    }

    fn shape(ops: Vec<Op>) -> Vec<(u8, usize)> {
        arrange(ops).iter().map(|step| (step[0].kind(), step.len())).collect()
    }

    #[test]
    fn independent_changes_share_a_statement() {
        assert_eq!(shape(vec![put("a"), delete("b"), put("c"), delete("d")]), [(0, 2), (2, 2)]);
    }

    #[test]
    fn families_never_share_a_statement_whatever_their_numbers() {
        let password = Op::Workspace(WorkspaceOp::SetPassword { uid: "w".into(), hash: "h".into() });
        let job = Op::Job(JobOp::Start { id: "j".into(), time: 0 });
        for (one, other) in [(password.clone(), job), (password, put("a"))] {
            let kinds = [kind(&one), kind(&other)];
            assert_ne!(kinds[0].0, kinds[1].0);
            assert_eq!(arrange(vec![one, other]).len(), 2);
        }
    }

    fn table(uid: &str, copy_of: Option<&str>) -> Op {
        Op::PutTable(Box::new(TableRow {
            tenant: "t".into(),
            project: "p".into(),
            branch: "b1".into(),
            bucket: "b".into(),
            name: uid.into(),
            uid: uid.into(),
            copy_of: copy_of.map(Into::into),
            columns: "[]".into(),
            primary_key: "[]".into(),
            time: 0,
            seq: 0,
        }))
    }

    #[test]
    fn what_a_branch_takes_stays_in_order_with_the_columns_of_its_origin() {
        let drop_of =
            |uid: &str| Op::Metadata(MetadataOp::Columns { uid: uid.into(), gone: Some("c".into()), kept: None });
        // One of another table goes together with the first, the copy and its origin's column do not pass each other.
        let shape = shape(vec![drop_of("x"), table("t2", Some("t1")), drop_of("t1"), table("t4", None), drop_of("y")]);
        assert_eq!(shape, [(103, 2), (5, 2), (103, 1)]);
    }

    #[test]
    fn dependent_changes_keep_their_order() {
        assert_eq!(shape(vec![put("a"), delete("a"), put("a"), delete("a")]), [(0, 1), (2, 1), (0, 1), (2, 1)]);
        assert_eq!(shape(vec![put("a"), put("a")]), [(0, 1), (0, 1)]);
    }
}
