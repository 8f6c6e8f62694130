//! What the log says is to be done next with a pipeline.

use crate::model::{Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus, StorageStatus};

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Compile its program.
    Compile,
    /// Say that room is made.
    Begin,
    /// Make room.
    Provision,
    /// Look how it is, and tell it how it should be.
    Attend,
    /// Take it down.
    Stop,
    /// Let go of what it keeps.
    Clear,
}

/// What is to be done next with a pipeline.
pub(crate) fn due(pipeline: &Pipeline) -> Option<Step> {
    use ResourcesDesired as Desired;
    use ResourcesStatus as Status;

    if !pipeline.is_live() {
        return None;
    }
    let (status, desired) = (pipeline.deployment.resources, pipeline.deployment.resources_desired);
    match (status, desired) {
        (Status::Provisioning, Desired::Provisioned) => return Some(Step::Provision),
        (Status::Provisioned, Desired::Provisioned) => return Some(Step::Attend),
        (Status::Stopping, _) | (Status::Provisioning | Status::Provisioned, Desired::Stopped) => {
            return Some(Step::Stop);
        }
        (Status::Stopped, _) => {}
    }
    if pipeline.storage == StorageStatus::Clearing {
        return Some(Step::Clear);
    }
    if pipeline.program.status.is_open() {
        return Some(Step::Compile);
    }
    let waits = desired == Desired::Provisioned && pipeline.program.status == ProgramStatus::Success;
    waits.then_some(Step::Begin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ClearRequested, PipelineDeleted, PipelineEvent, StopRequested, StopStarted, Stopped};
    use crate::model::spec::{BEFORE, compiled, created, fold, provisioning, running, start_requested, then};

    #[test]
    fn what_is_due_follows_from_what_happened() {
        let stop: PipelineEvent = StopRequested { force: true, error: None, at: BEFORE }.into();
        let began: PipelineEvent = StopStarted { at: BEFORE }.into();
        let stopping = then(running(), vec![stop.clone(), began]);
        let down = then(stopping.clone(), vec![Stopped { error: None, at: BEFORE }.into()]);
        let early = vec![created(), start_requested()];
        for (events, step) in [
            (vec![], None),
            (vec![created()], Some(Step::Compile)),
            (early, Some(Step::Compile)),
            (compiled()[..2].to_vec(), Some(Step::Compile)),
            (compiled()[..3].to_vec(), Some(Step::Compile)),
            (compiled()[..4].to_vec(), Some(Step::Compile)),
            (compiled(), None),
            (then(compiled(), vec![start_requested()]), Some(Step::Begin)),
            (provisioning(), Some(Step::Provision)),
            (then(provisioning(), vec![stop.clone()]), Some(Step::Stop)),
            (running(), Some(Step::Attend)),
            (then(running(), vec![stop]), Some(Step::Stop)),
            (stopping, Some(Step::Stop)),
            (down.clone(), None),
            (then(down, vec![ClearRequested { at: BEFORE }.into()]), Some(Step::Clear)),
            (then(vec![created()], vec![PipelineDeleted { at: BEFORE }.into()]), None),
        ] {
            assert_eq!(due(&fold(events.clone())), step, "{events:?}");
        }
    }
}
