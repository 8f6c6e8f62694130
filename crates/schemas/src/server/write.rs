//! Every write is a command that anybody could publish: it is signed, sent and waited for, and then for the index to show it.

use std::time::Duration;

use alluvium_eventlog::{BoundedContext as _, CommandRequest};
use alluvium_kernel::{Position, Problem, Verdict};
use alluvium_messaging::ContractSet as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::route::Call;
use crate::context::SchemasContext;
use crate::contract::{Command, RegistryCommand};
use crate::error;

/// How long a command's outcome is waited for, in milliseconds.
const OUTCOME_WAIT_MS: u64 = 30_000;
/// How long the index is waited for after an outcome, in milliseconds.
const VISIBLE_WAIT_MS: u64 = 15_000;
/// Header: a request that is sent again under the same key is carried out once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl Call<'_> {
    /// Sends a command, and gives what it came to once that shows here. The view is then at least as far.
    pub async fn send(&mut self, command: impl Into<RegistryCommand>) -> Result<Value, Problem> {
        let command = Command::Registry(command.into());
        let request = CommandRequest {
            tenant: self.caller.tenant.clone(),
            context: SchemasContext::NAME.to_owned(),
            command: command.name().to_owned(),
            command_id: self.command_id()?,
            actor: self.caller.actor.clone(),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        let outcome = self.server.client.send(&request, Duration::from_millis(OUTCOME_WAIT_MS)).await?;
        match outcome.verdict {
            Verdict::Accepted { position, result, .. } => {
                self.shown(&position).await?;
                Ok(result)
            }
            Verdict::Rejected { problem } => Err(problem),
        }
    }

    async fn shown(&mut self, position: &Position) -> Result<(), Problem> {
        let waited = self.server.follower.wait(position, Duration::from_millis(VISIBLE_WAIT_MS)).await;
        // It is on the log, only not shown here: what became of it is known to who asks again.
        waited.map_err(|problem| Problem { code: "command.timeout".to_owned(), ..problem })?;
        self.view = self.server.follower.get()?.view(&self.caller.tenant);
        Ok(())
    }

    /// The id of the command: of the client's key, or a new one.
    fn command_id(&self) -> Result<String, Problem> {
        if let Some(key) = self.headers.get(IDEMPOTENCY_KEY) {
            let hash =
                Sha256::new().chain_update(&self.caller.credential).chain_update([0]).chain_update(key.as_bytes());
            return Ok(format!("sr-key-{}", hex::encode(hash.finalize())));
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|cause| error::mistake(&format!("no random numbers: {cause}")))?;
        Ok(format!("sr-{}", hex::encode(bytes)))
    }
}
