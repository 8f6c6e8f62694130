//! `alluvium doctor`
use super::Context;
use crate::failure::{Done, Failure};
pub async fn run(_cx: &Context) -> Done {
    Err(Failure::bug("not yet"))
}
