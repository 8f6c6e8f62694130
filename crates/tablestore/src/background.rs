//! Threads that give way: what takes long runs behind what somebody waits for at once.

/// By how much such a thread is nicer than the one that started it; the system gives it about a tenth of what it gives another that
/// wants the same processor.
const NICER_BY: i32 = 10;

/// Puts the calling thread, and those that it starts from now on, behind the others of the machine. There is no way back.
pub fn give_way() {
    // Without it everything still works.
    if let Err(error) = rustix::process::nice(NICER_BY) {
        tracing::debug!(error = %error, "a thread cannot give way to others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_itself_and_what_it_starts_give_way() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (own, child) = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                give_way();
                (niceness(), std::thread::spawn(niceness).join().unwrap())
            });
            thread.join().unwrap()
        });
        let expected = (before + NICER_BY).min(19);
        assert_eq!((own, child, niceness()), (expected, expected, before));
    }
}
