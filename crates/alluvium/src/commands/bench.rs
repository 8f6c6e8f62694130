//! `alluvium bench`
use super::Context;
use crate::cli::BenchArgs;
use crate::failure::{Done, Failure};
pub async fn run(_cx: &Context, _args: &BenchArgs) -> Done {
    Err(Failure::bug("not yet"))
}
