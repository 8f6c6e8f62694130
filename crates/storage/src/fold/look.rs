//! Looking at files that tables are to be made of.

use alluvium_kernel::Problem;
use alluvium_tablestore::{ApplyError, FileColumn, LookSpec};

use super::long::long;
use super::read::store_problem;
use super::request::refusal;
use super::tables::Tables;

impl Tables {
    /// The columns that a table needs to take some files. What is wrong with these is said as of a load.
    pub async fn look(&self, spec: LookSpec) -> Result<Vec<FileColumn>, Problem> {
        let hub = self.hub().clone();
        let looked = long(move || hub.look(&spec)).await?;
        looked.map_err(|error| match error {
            ApplyError::Refused { code, message, details } => refusal(code, &message, &details),
            ApplyError::Store(error) => store_problem(error),
            ApplyError::WrongMark { .. } => Problem::internal(),
        })
    }
}
