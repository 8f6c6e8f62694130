//! `GrantPublishers`: what unsigned messages of a tenant may do.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Rights, Tenant};
use crate::contract::{GrantPublishers, PublishersGranted, TenantEvent};
use crate::error;

impl Decide<Tenant> for GrantPublishers {
    type Event = TenantEvent;

    fn decide(self, tenant: &Tenant, _: &DecisionContext) -> Result<Vec<TenantEvent>, Problem> {
        let rights = Rights::parse(&self.rights).ok_or_else(|| error::unknown_rights(&self.rights))?;
        if rights == tenant.publishers {
            return Ok(vec![]);
        }
        Ok(vec![PublishersGranted { rights: rights.as_str().to_owned() }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn grant(rights: &str) -> GrantPublishers {
        GrantPublishers { rights: rights.into() }
    }

    #[test]
    fn rights_change_once() {
        let granted = || PublishersGranted { rights: "all".into() };
        tenant(vec![]).when(grant("all").into()).then_expect_events(vec![granted().into()]);
        tenant(vec![granted().into()]).when(grant("all").into()).then_expect_events(vec![]);
        tenant(vec![]).when(grant("none").into()).then_expect_events(vec![]);
        let taken = PublishersGranted { rights: "none".into() };
        tenant(vec![granted().into()]).when(grant("none").into()).then_expect_events(vec![taken.into()]);
    }

    #[test]
    fn other_words_are_refused() {
        rejected(tenant(vec![]).when(grant("some").into()), "access.unknown_rights");
    }
}
