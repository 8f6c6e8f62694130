//! `alluvium backup`

use super::{Context, runtime, wait};
use crate::backup;
use crate::cli::BackupCommand;
use crate::failure::Done;

pub fn run(cx: &Context, command: BackupCommand) -> Done {
    match command {
        BackupCommand::Create(args) => wait(backup::create(cx, &args)),
        BackupCommand::Verify(args) => wait(backup::verify(cx, &args)),
        // It does not end where it stands when it is interrupted.
        BackupCommand::Restore(args) => runtime()?.block_on(backup::restore(cx, &args)),
    }
}
