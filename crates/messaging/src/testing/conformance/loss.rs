//! Nothing is lost, and nothing unfinished is settled.

use std::{
    collections::BTreeSet,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    Subject,
    world::{Running, World, lock, make, message, text, until},
};
use crate::{
    HandlerError,
    consume::{Context, Opaque, Ordering, Retry},
    transport::Outgoing,
};

/// The slow first message holds back what must not pass it, and comes again when its loop is gone.
pub async fn a_crash_repeats_what_was_unfinished_and_nothing_else(subject: Subject) {
    let world = World::new(subject).await;
    world.publish([("slow", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)].map(|(key, n)| message(key, n))).await;
    let running = Running::start(
        world.reading().ordering(Ordering::None).retry(Retry::default().mode(crate::consume::RetryMode::InLane)),
        |text, _| async move {
            if text == "slow:1" {
                std::future::pending::<()>().await;
            }
            Ok(())
        },
    );
    until("the fast ones are handled", async || running.texts().len() == 4).await;
    // The slow one is unfinished, so it is unsettled; longer than any broker's patience.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(world.unsettled().await >= 1, "nothing unfinished is settled");
    assert_eq!(running.texts().len(), 4, "what is worked on is given to nobody else");
    running.task.abort();
    running.task.await.expect_err("it was killed");
    let again = Running::start(world.reading(), |_, _| ready(Ok(())));
    until("all are settled", async || world.unsettled().await == 0).await;
    let texts = again.texts();
    assert!(texts.contains(&"slow:1".to_owned()), "nothing is lost: {texts:?}");
    if !world.bus.capabilities().watermark {
        assert_eq!(texts, ["slow:1"], "what was settled does not come again");
    }
    again.end().await;
}

/// A loop dropped at any of its awaits repeats messages and loses none.
pub async fn a_crash_at_any_point_loses_nothing(subject: Subject) {
    const MESSAGES: usize = 40;
    let world = World::new(subject).await;
    world.publish((0..MESSAGES).map(|n| message(&format!("k{}", n % 6), n))).await;
    let seen = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    // The handler comes to three awaits of its own; the loop has others before, between and behind them.
    for point in [1, 2, 3, 4, 7, 12, 20, 33] {
        let (passed, reached) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
        let (count, tell, into) = (passed.clone(), reached.clone(), seen.clone());
        let retry = Retry::default().attempts(1_000);
        let handler = move |_: Context, message: Opaque| {
            let (count, tell, into) = (count.clone(), tell.clone(), into.clone());
            async move {
                for _ in 0..3 {
                    if count.fetch_add(1, SeqCst) + 1 >= point {
                        tell.notify_one();
                    }
                    tokio::task::yield_now().await;
                }
                lock(&into).insert(text(&message));
                Ok::<_, HandlerError>(())
            }
        };
        let running = tokio::spawn(world.reading().concurrency(3).retry(retry).run(handler, CancellationToken::new()));
        // Nothing may be left to crash in.
        tokio::select! {
            () = reached.notified() => {}
            () = until("all are settled", async || world.unsettled().await == 0) => {}
        }
        running.abort();
        running.await.ok();
        let finished = lock(&seen).len() as u64;
        let open = world.unsettled().await.min(MESSAGES as u64);
        assert!(MESSAGES as u64 - open <= finished, "{open} are open and {finished} were finished");
    }
    let last = Running::start(world.reading().retry(Retry::default().attempts(1_000)), |_, _| ready(Ok(())));
    until("all are settled", async || world.unsettled().await == 0).await;
    let mut all = lock(&seen).clone();
    all.extend(last.texts());
    last.end().await;
    assert_eq!(all.len(), MESSAGES, "nothing is lost");
}

/// At no moment is more settled than finished, whatever order handlers end in.
pub async fn nothing_unfinished_is_settled(subject: Subject) {
    const MESSAGES: usize = 60;
    let world = World::new(subject).await;
    world.publish((0..MESSAGES).map(|n| message(&format!("k{n}"), n))).await;
    let finished = Arc::new(AtomicUsize::new(0));
    let count = finished.clone();
    let running = Running::start(world.reading(), move |text, _| {
        let count = count.clone();
        async move {
            // The earlier, the slower.
            let n: usize = text.split_once(':').and_then(|(_, n)| n.parse().ok()).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis((MESSAGES - n) as u64)).await;
            count.fetch_add(1, SeqCst);
            Ok(())
        }
    });
    until("all are settled", async || {
        let open = world.unsettled().await;
        // Before the group is there, nothing is known of it.
        let settled = if open == u64::MAX { 0 } else { (MESSAGES as u64).saturating_sub(open) };
        let finished = finished.load(SeqCst) as u64;
        assert!(settled <= finished, "{settled} are settled and {finished} finished");
        open == 0
    })
    .await;
    running.end().await;
}

/// What a handler sent must be stored before its message counts as handled.
pub async fn a_handler_whose_messages_are_not_stored_is_not_done(subject: Subject) {
    let world = World::new(subject).await;
    if world.bus.capabilities().watermark {
        // Topics are made on demand there; there is always somebody who takes a message.
        return;
    }
    world.publish([message("a", 1)]).await;
    let stop = CancellationToken::new();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    let handler = move |context: Context, _: Opaque| {
        count.fetch_add(1, SeqCst);
        async move {
            let mut effect = Outgoing::new("effects", "effect").with_id("effect");
            effect.within = Some(Duration::from_millis(200));
            Ok::<_, HandlerError>(context.send(effect).await?)
        }
    };
    let retry = Retry::exponential(Duration::from_millis(50), 1.0, Duration::from_millis(50)).attempts(1_000);
    let running = tokio::spawn(world.reading().retry(retry).run(handler, stop.clone()));
    until("it was tried again", async || tries.load(SeqCst) >= 2).await;
    assert_eq!(world.unsettled().await, 1);
    make(&world.bus, "effects", &["effects"]).await;
    until("it is settled", async || world.unsettled().await == 0).await;
    assert_eq!(world.bus.admin().describe("EFFECTS".into()).await.expect("it is there").messages, Some(1));
    stop.cancel();
    running.await.expect("no panic").expect("it ends well");
}
