//! The connectors of a running pipeline: what fills its tables from outside, and what takes changes of its views there.
//!
//! * **Input**: what a connector brings becomes messages of the pipeline's stream, each lot in one atomic batch together with the
//!   position behind it. Whoever goes on reads the last position, so everything is there once.
//! * **Output**: follows the steps of its view, in memory while it keeps up and from the view's file where it does not. How far it is
//!   stands on the stream, too, and where the other side can tell, it is asked.
//! * **Ledger**: these positions.

mod backlog;
mod control;
mod feed;
mod inputs;
mod items;
mod ledger;
mod outputs;
mod pack;
mod plan;
mod state;

use std::sync::Arc;

pub(crate) use control::Connectors;
pub(crate) use ledger::Hold;
pub(crate) use plan::Plans;
pub(crate) use state::{InputState, OutputState};

use alluvium_connectors::Input;
use alluvium_kernel::Problem;
use async_nats::jetstream;

use crate::deployment::Deployment;
use ledger::Ledger;

/// Reads where the connectors of a pipeline are that has come to a step. Its stream begins with the message `began`; those in `rewound`,
/// from behind the first of two to the second, are no more. Nothing runs yet.
pub(crate) async fn prepare(
    js: &jetstream::Context,
    deployment: &Deployment,
    plans: Plans,
    (step, began, rewound): (u64, u64, Vec<(u64, u64)>),
) -> Result<(Connectors, Ready), Problem> {
    let ledger = Ledger::new(js.clone(), &deployment.deployed.place, (began, rewound))?;
    Connectors::read(ledger, plans, step).await
}

/// Connectors that are ready to run.
pub(crate) struct Ready {
    pub(self) inputs: Vec<(Box<dyn Input>, inputs::Feeding)>,
    pub(self) outputs: Vec<outputs::Delivering>,
}

/// Lets them run until the pipeline ends.
pub(crate) fn start(deployment: &Arc<Deployment>, ready: Ready) {
    for (input, feeding) in ready.inputs {
        deployment.tasks.spawn(feeding.run(input, Arc::clone(deployment)));
    }
    for output in ready.outputs {
        deployment.tasks.spawn(output.run(Arc::clone(deployment)));
    }
}
