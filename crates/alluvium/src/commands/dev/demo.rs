//! What `dev` makes so that there is something to try: rights for unsigned publishers, a project, its first key.

use std::time::Duration;

use alluvium_eventlog::CommandRequest;
use alluvium_kernel::{Actor, DEFAULT_TENANT, Token, Verdict};
use serde_json::{Value, json};

use crate::client::{Client, DEMO_PROJECT, DevFile, Session};
use crate::failure::{Exit, Failure};
use crate::node::Node;

/// How long each command may take.
const OUTCOME_WAIT: Duration = Duration::from_secs(20);

/// Makes what is missing; gives the demo project's key.
pub async fn prepare(node: &Node, server: &str, admin_key: &str, earlier: Option<&DevFile>) -> Result<String, Failure> {
    grant(node).await?;
    let session = Session {
        server: server.to_owned(),
        key: Some(admin_key.to_owned()),
        project: None,
        nats: None,
        config: node.parts().config.clone(),
    };
    let client = Client::new(&session)?;
    let project = json!({ "id": DEMO_PROJECT, "name": "Demo" });
    let made = client.json(client.request(reqwest::Method::POST, "/projects").json(&project)).await;
    match made {
        Ok(body) => body
            .get("api_key")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| Failure::bug("the new project came without its key")),
        Err(failure) if failure.exit == Exit::Conflict => match earlier {
            Some(file) if !file.project_key.is_empty() => Ok(file.project_key.clone()),
            _ => another_key(&client).await,
        },
        Err(failure) => Err(failure),
    }
}

/// The project is there from before, but its key is not known here any more.
async fn another_key(client: &Client) -> Result<String, Failure> {
    let at = crate::client::path(&["projects", DEMO_PROJECT, "api-keys"]);
    let request = client.request(reqwest::Method::POST, &at).json(&json!({ "description": "made by alluvium dev" }));
    let body = client.json(request).await?;
    let key = body.get("api_key").and_then(Value::as_str);
    key.map(str::to_owned).ok_or_else(|| Failure::bug("the new key was not shown"))
}

/// In `dev`, whoever reaches the private NATS may do everything in the default tenant.
async fn grant(node: &Node) -> Result<(), Failure> {
    let parts = node.parts();
    let tenant = Token::encode(DEFAULT_TENANT).map_err(Failure::bug)?;
    let request = CommandRequest {
        tenant,
        context: "access".to_owned(),
        command: "GrantPublishers".to_owned(),
        command_id: uuid::Uuid::now_v7().to_string(),
        actor: Actor::Admin,
        payload: json!({ "rights": "all" }).to_string().into(),
        trace_parent: None,
    };
    match parts.client.send(&request, OUTCOME_WAIT).await?.verdict {
        Verdict::Accepted { .. } => Ok(()),
        Verdict::Rejected { problem } => Err(problem.into()),
    }
}
