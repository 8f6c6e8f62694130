//! `alluvium rows`
use super::Context;
use crate::cli::RowsCommand;
use crate::failure::{Done, Failure};
pub async fn run(_cx: &Context, _args: RowsCommand) -> Done {
    Err(Failure::bug("not yet"))
}
