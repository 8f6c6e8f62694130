//! Rolling upgrades: readers before writers.

use alluvium_eventlog::registry::{Member, Registry};

/// Roles that read events.
const READERS: [&str; 2] = ["projections", "tables"];

/// Resolves once this process is among the nodes and no living reader of events is of an older version.
pub async fn readers_are_new(registry: &Registry, version: &str) {
    let mut members = registry.watch();
    let mut told: Option<Member> = None;
    loop {
        let seen = members.borrow_and_update().clone();
        // Nobody is seen before the first look, not even this process.
        if seen.iter().any(|member| member.node == registry.node()) {
            let Some(older) = older_reader(&seen, version) else { return };
            if told.as_ref() != Some(older) {
                tracing::warn!(
                    node = %older.node,
                    node.version = older.version,
                    version,
                    "this process decides nothing yet: upgrade the processes that read events first"
                );
                told = Some(older.clone());
            }
        }
        if members.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// A member that reads events and is older than `version`.
fn older_reader<'a>(members: &'a [Member], version: &str) -> Option<&'a Member> {
    let reads = |member: &&Member| READERS.iter().any(|role| member.runs(role));
    members.iter().filter(reads).find(|member| parts(&member.version) < parts(version))
}

/// `1.12.3-rc.1` as numbers to compare; what is behind a dash counts as nothing.
fn parts(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_readers_are_waited_for() {
        let member = |roles: &[&str], version: &str| Member {
            node: version.to_owned(),
            address: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            version: version.to_owned(),
            epoch: 1,
            since: 0,
        };
        let members =
            [member(&["commands"], "0.1.0"), member(&["tables", "api"], "0.9.0"), member(&["projections"], "0.10.0")];
        assert_eq!(older_reader(&members, "0.9.0"), None);
        assert_eq!(older_reader(&members, "0.10.0").map(|member| member.node.as_str()), Some("0.9.0"));
    }
}
