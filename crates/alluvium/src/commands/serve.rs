//! `alluvium serve`
use super::Context;
use crate::cli::ServeArgs;
use crate::failure::{Done, Failure};
pub fn run(_cx: &Context, _args: &ServeArgs) -> Done {
    Err(Failure::bug("not yet"))
}
pub async fn send_over_nats(
    _s: &crate::client::Session,
    _a: &crate::cli::SendArgs,
    _id: &str,
    _b: &serde_json::Value,
) -> Result<serde_json::Value, Failure> {
    Err(Failure::bug("not yet"))
}
