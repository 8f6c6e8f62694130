//! A program takes another's place: somebody says whether it may, before, or when they have seen what becomes another.

use alluvium_pipelines::model::{BootstrapPolicy, RuntimeDesired};
use alluvium_pipelines::{DeploymentError, PipelineDiff};
use serde_json::{json, to_value};

use crate::deployment::Deployment;

/// Whether the deployment goes on with a program that differs so; it does not when it is to end before anybody says so.
pub(crate) async fn approved(deployment: &Deployment, diff: &PipelineDiff) -> Result<bool, DeploymentError> {
    let shown = to_value(diff).unwrap_or_default();
    match deployment.deployed.bootstrap_policy {
        BootstrapPolicy::Allow => Ok(true),
        BootstrapPolicy::Reject => {
            let message =
                "The program differs from the one that made what the pipeline keeps, and this was to be rejected.";
            let details = json!({ "diff": shown });
            Err(DeploymentError { details, ..DeploymentError::new("BootstrapRejected", message) })
        }
        BootstrapPolicy::AwaitApproval => {
            let mut approval = deployment.await_approval(shown);
            loop {
                tokio::select! {
                    () = deployment.stop.cancelled() => return Ok(false),
                    // The sender is part of the deployment that is held here.
                    _ = approval.wait_for(|is_approved| *is_approved) => return Ok(true),
                    () = deployment.told.notified() => {}
                }
                if deployment.desired() == RuntimeDesired::Suspended {
                    deployment.suspended();
                    return Ok(false);
                }
            }
        }
    }
}
