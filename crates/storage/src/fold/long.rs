//! Long work on tables: on threads that give way, so that nobody who wants a little waits for it.

use alluvium_kernel::Problem;
use alluvium_tablestore::give_way;
use tokio::sync::{Semaphore, oneshot};

/// How much of it is done at once; more waits.
const LONG_MAX: usize = 256;

static TURNS: Semaphore = Semaphore::const_new(LONG_MAX);

/// Does work that blocks for long.
pub(super) async fn long<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let _turn = TURNS.acquire().await.map_err(|_| Problem::internal())?;
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let run = move || {
        give_way();
        let _inside = runtime.enter();
        // Nobody to tell is fine: the work is done.
        let _ = tell.send(work());
    };
    let started = std::thread::Builder::new().name("long-work".to_owned()).spawn(run);
    started.map_err(|error| {
        tracing::error!(error = %error, "no thread for long work");
        Problem::internal()
    })?;
    // Not told when the work panicked.
    told.await.map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_a_panic_ends_only_itself() {
        let here = std::thread::current().id();
        assert_ne!(long(|| std::thread::current().id()).await.unwrap(), here);
        assert!(long(|| panic!("on purpose")).await.is_err());
        assert!(long(tokio::runtime::Handle::try_current).await.unwrap().is_ok());
    }
}
