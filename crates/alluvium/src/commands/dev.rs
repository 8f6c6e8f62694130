//! `alluvium dev`
use super::Context;
use crate::cli::DevArgs;
use crate::failure::{Done, Failure};
pub fn run(_cx: &Context, _args: &DevArgs) -> Done {
    Err(Failure::bug("not yet"))
}
