//! The states of the four machines, spelled as on the wire.

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $state:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$about])* $state),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$state),+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$state => stringify!($state)),+
                }
            }

            /// By its name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

states! {
    /// Whether a pipeline has room to run in.
    #[derive(Default)]
    ResourcesStatus {
        /// It has none.
        #[default]
        Stopped,
        /// It is made.
        Provisioning,
        /// It has it.
        Provisioned,
        /// It is taken away.
        Stopping,
    }
}

states! {
    /// How a part of the installation is.
    Health {
        /// It was never well yet.
        InitialUnhealthy,
        /// It is not well.
        Unhealthy,
        /// It is well.
        Healthy,
    }
}

states! {
    /// Whether a pipeline should have room to run in.
    #[derive(Default)]
    ResourcesDesired {
        /// It should not.
        #[default]
        Stopped,
        /// It should.
        Provisioned,
    }
}

states! {
    /// How a pipeline that has room says that it is.
    RuntimeStatus {
        /// It does not answer.
        Unavailable,
        /// Several hosts agree on where they begin.
        Coordination,
        /// It follows another one's checkpoints.
        Standby,
        /// It begins.
        Initializing,
        /// Its program differs from what is kept, and somebody must say that this is meant.
        AwaitingApproval,
        /// Its new views are computed.
        Bootstrapping,
        /// The same, while the others go on.
        ConcurrentBootstrapping,
        /// The two come together.
        Synchronizing,
        /// What was taken in after the last checkpoint is done again.
        Replaying,
        /// It takes nothing in.
        Paused,
        /// It works.
        Running,
        /// All that it has is kept.
        Suspended,
    }
}

states! {
    /// How a pipeline that has room should be.
    RuntimeDesired {
        /// Not there.
        Unavailable,
        /// Agreeing with others on where it begins.
        Coordination,
        /// Following another one's checkpoints.
        Standby,
        /// Taking nothing in.
        Paused,
        /// At work.
        Running,
        /// Kept.
        Suspended,
    }
}

states! {
    /// How far the compiler is with a program.
    #[derive(Default)]
    ProgramStatus {
        /// It has not begun.
        #[default]
        Pending,
        /// It reads the SQL.
        CompilingSql,
        /// It has understood it.
        SqlCompiled,
        /// It packages what it has.
        CompilingRust,
        /// The program can run.
        Success,
        /// The SQL is wrong.
        SqlError,
        /// What else belongs to the program is wrong.
        RustError,
        /// The platform is in the way.
        SystemError,
    }
}

states! {
    /// Whether a pipeline keeps something.
    #[derive(Default)]
    StorageStatus {
        /// Nothing.
        #[default]
        Cleared,
        /// What it has.
        InUse,
        /// It is let go of.
        Clearing,
    }
}

states! {
    /// What to do when a program differs from what is kept.
    BootstrapPolicy {
        /// Compute what is new.
        Allow,
        /// Do not start.
        Reject,
        /// Ask.
        AwaitApproval,
    }
}

impl BootstrapPolicy {
    /// Its name on the wire, which has no capitals.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Reject => "reject",
            Self::AwaitApproval => "await_approval",
        }
    }

    /// By that name.
    pub fn of_wire(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|policy| policy.wire() == text)
    }
}

impl ProgramStatus {
    /// Whether the compiler still has something to do.
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::CompilingSql | Self::SqlCompiled | Self::CompilingRust => true,
            Self::Success | Self::SqlError | Self::RustError | Self::SystemError => false,
        }
    }

    /// Whether it ended without a program that can run.
    pub fn is_failed(self) -> bool {
        !self.is_open() && self != Self::Success
    }
}

impl RuntimeDesired {
    /// Whether it may be asked for where `self` was asked for before.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Standby | Self::Running, Self::Paused)
                | (Self::Standby | Self::Paused, Self::Running)
                | (Self::Paused | Self::Running, Self::Suspended)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_states_go_both_ways() {
        for status in RuntimeStatus::ALL {
            assert_eq!(RuntimeStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(ProgramStatus::parse("SqlCompiled"), Some(ProgramStatus::SqlCompiled));
        assert_eq!(ProgramStatus::parse("sqlcompiled"), None);
        assert_eq!(BootstrapPolicy::of_wire("await_approval"), Some(BootstrapPolicy::AwaitApproval));
    }

    #[test]
    fn only_these_moves_may_be_asked_for() {
        use RuntimeDesired as D;
        let moves = [
            (D::Standby, D::Paused),
            (D::Standby, D::Running),
            (D::Paused, D::Running),
            (D::Running, D::Paused),
            (D::Paused, D::Suspended),
            (D::Running, D::Suspended),
        ];
        for from in D::ALL {
            for to in D::ALL {
                assert_eq!(from.may_become(*to), moves.contains(&(*from, *to)), "{from} {to}");
            }
        }
    }
}
