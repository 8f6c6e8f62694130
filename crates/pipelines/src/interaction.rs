//! What others need of a pipeline that runs: which one a name means, and whether it can be asked.

use alluvium_kernel::{Problem, Token};

use crate::model::{RuntimeStatus, StorageStatus};
use crate::queries::{PipelineQueries, Texts};
use crate::reactors::Place;

/// What others need to know of a pipeline to read what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which one it is.
    pub place: Place,
    /// When it was created, in microseconds since 1970.
    pub created_at: i64,
    /// Whether it neither runs nor should.
    pub is_stopped: bool,
    /// Whether it keeps nothing.
    pub is_cleared: bool,
}

impl PipelineQueries {
    /// Which pipeline a name means. Refuses an unknown one, and one that does not answer now.
    pub async fn interactive(&self, tenant: &Token, name: &str) -> Result<(Place, RuntimeStatus), Problem> {
        let pipeline = self.by_name(tenant, name, Texts::Sealed).await?;
        let status = pipeline.interactive()?;
        Ok((Place { tenant: tenant.clone(), pipeline: pipeline.id }, status))
    }

    /// How the pipeline of an id stands; refused as unknown when it is gone.
    pub async fn standing(&self, tenant: &Token, id: &str) -> Result<Standing, Problem> {
        let pipeline = self.by_id(tenant, id, Texts::Sealed).await?;
        Ok(Standing {
            created_at: pipeline.created_at,
            is_stopped: pipeline.is_stopped(),
            is_cleared: pipeline.storage == StorageStatus::Cleared,
            place: Place { tenant: tenant.clone(), pipeline: pipeline.id },
        })
    }

    /// Which pipeline a name means, whether it runs or not.
    pub async fn place(&self, tenant: &Token, name: &str) -> Result<Place, Problem> {
        let pipeline = self.by_name(tenant, name, Texts::Sealed).await?;
        Ok(Place { tenant: tenant.clone(), pipeline: pipeline.id })
    }
}
