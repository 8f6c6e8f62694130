//! Jobs that wait in this process, in order.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::model::names;
use crate::queries::JobView;

/// Jobs in order. Those about one table are one lane; a lane has a task as long as there are jobs in it.
#[derive(Default)]
pub(super) struct Waiting {
    lanes: HashMap<String, VecDeque<JobView>>,
    ids: HashSet<String>,
}

impl Waiting {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Adds a job that is not there yet. Its lane, when nobody works on that one.
    pub fn add(&mut self, job: JobView) -> Option<String> {
        if !self.ids.insert(job.id.clone()) {
            return None;
        }
        let lane = lane_of(&job);
        let jobs = self.lanes.entry(lane.clone()).or_default();
        jobs.push_back(job);
        (jobs.len() == 1).then_some(lane)
    }

    pub fn first(&self, lane: &str) -> Option<JobView> {
        self.lanes.get(lane)?.front().cloned()
    }

    /// Takes the first job of a lane away; whether there is another.
    pub fn done(&mut self, lane: &str) -> bool {
        let Some(jobs) = self.lanes.get_mut(lane) else { return false };
        if let Some(job) = jobs.pop_front() {
            self.ids.remove(&job.id);
        }
        if jobs.is_empty() {
            self.lanes.remove(lane);
            return false;
        }
        true
    }
}

/// Jobs about one table run one after another, all others as they come.
fn lane_of(job: &JobView) -> String {
    match &job.table_id {
        Some(table) => format!("{} {} {} {table}", job.tenant, names::fold(&job.project), job.branch),
        None => job.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, table: Option<&str>) -> JobView {
        let text = |text: &str| text.to_owned();
        JobView {
            id: text(id),
            tenant: text("default"),
            project: text("Shop"),
            branch: text("default"),
            operation: text("tableImport"),
            table_id: table.map(text),
            method: text("POST"),
            target: text("/"),
            body: String::new(),
            run_id: None,
            node: text("n1"),
            created_by: text("admin"),
            created_at: 0,
            started_at: None,
            ended_at: None,
            is_success: None,
            answer: None,
        }
    }

    #[test]
    fn jobs_of_one_table_wait_for_each_other_and_for_no_others() {
        let mut waiting = Waiting::default();
        let lane = waiting.add(job("a", Some("b.t"))).expect("its lane is new");
        assert_eq!(waiting.add(job("b", Some("b.t"))), None);
        assert_eq!(waiting.add(job("a", Some("b.t"))), None, "it waits already");
        assert!(waiting.add(job("c", Some("b.u"))).is_some());
        assert!(waiting.add(job("d", None)).is_some());
        assert_eq!(waiting.first(&lane).unwrap().id, "a");
        assert!(waiting.done(&lane));
        assert_eq!(waiting.first(&lane).unwrap().id, "b");
        assert!(!waiting.done(&lane));
        assert_eq!(waiting.first(&lane), None);
        assert_eq!(waiting.ids.len(), 2);
        assert!(waiting.add(job("a", Some("b.t"))).is_some(), "what is done may come again");
    }
}
