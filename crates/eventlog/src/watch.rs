//! What becomes known of commands to whoever keeps account of them.

use alluvium_kernel::{Actor, Token, Verdict};

use crate::intake::{Fate, ID_REUSED, Received};

/// A command that was decided here for the first time.
#[derive(Clone, Copy, Debug)]
pub struct CommandSettled<'a> {
    /// Whose subjects it came on.
    pub tenant: &'a Token,
    /// `storage.CreateBucket`
    pub command: &'a str,
    /// Its id.
    pub command_id: &'a str,
    /// Who asked.
    pub actor: &'a Actor,
    /// Its body.
    pub payload: &'a [u8],
    /// What was decided; none while that waits for the rows.
    pub verdict: Option<&'a Verdict>,
}

/// Keeps account of commands. Called with every one, before its outcome is told: must neither wait nor fail.
pub trait CommandWatch: Send + Sync + 'static {
    /// A command was decided.
    fn settled(&self, command: &CommandSettled<'_>);
}

/// Tells of what is decided now; dry runs change nothing, and repetitions were told of before.
pub(crate) fn tell(watch: &dyn CommandWatch, received: &Received, fate: &Fate) {
    let rejected;
    let verdict = match fate {
        Fate::Outcome(outcome) => Some(&outcome.verdict),
        Fate::Answer(outcome) => match &outcome.verdict {
            Verdict::Rejected { problem } if problem.code == ID_REUSED => Some(&outcome.verdict),
            Verdict::Rejected { .. } | Verdict::Accepted { .. } => return,
        },
        Fate::Dead(problem) => {
            rejected = Verdict::Rejected { problem: problem.clone() };
            Some(&rejected)
        }
        Fate::Settles => None,
        Fate::Dry(_) | Fate::Again(_) => return,
    };
    watch.settled(&CommandSettled {
        tenant: &received.tenant,
        command: &received.command,
        command_id: &received.command_id,
        actor: &received.actor,
        payload: &received.message.payload,
        verdict,
    });
}
