//! `RevokeBranchKeys`: no key outlives its branch.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::Keyring;
use crate::contract::{KeyRevoked, KeyringEvent, RevokeBranchKeys};

impl Decide<Keyring> for RevokeBranchKeys {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, _: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        // Ids of branches are not given twice: whatever names the branch is of the one that is gone.
        let doomed = keyring.of_branch(&self.branch).map(str::to_owned);
        Ok(doomed.map(|key| KeyRevoked { project: self.project.clone(), key }.into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::BRANCH_READ;
    use super::super::testing::*;
    use super::*;
    use crate::contract::KeyIssued;
    use alluvium_kernel::Actor;

    #[test]
    fn every_key_of_the_branch_dies_and_no_other() {
        let of_branch =
            |n, branch: &str| KeyIssued { scope: BRANCH_READ.into(), branch: Some(branch.into()), ..issued("p", n, 0) };
        let before =
            || vec![issued("p", 1, 0).into(), of_branch(2, "00c0ffee").into(), of_branch(3, "0badf00d").into()];
        let command = || RevokeBranchKeys { project: "p".into(), branch: "00c0ffee".into() };
        let system = || Actor::System("access".into());
        keyring(before()).at(5, system()).when(command().into()).then_expect_events(vec![revoked("p", 2).into()]);
        let after = [before(), vec![revoked("p", 2).into()]].concat();
        keyring(after).at(6, system()).when(command().into()).then_expect_events(vec![]);
    }
}
