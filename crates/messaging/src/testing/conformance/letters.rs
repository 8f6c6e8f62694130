//! What cannot be handled.

use std::future::ready;

use super::{
    Subject,
    world::{Running, World, message, until},
};
use crate::{HandlerError, consume::State};

/// A dead letter that cannot be stored keeps its message unsettled.
pub async fn dead_letters_wait_for_their_place(subject: Subject) {
    let world = World::without_dead_letters(subject).await;
    if world.bus.capabilities().watermark {
        // Topics of dead letters are made on demand there; there is no way to be without one.
        return;
    }
    world.publish([message("a", 1)]).await;
    let running = Running::start(world.reading(), |_, _| ready(Err(HandlerError::Poison("never".into()))));
    until("the loop says so", async || matches!(running.handle.report().state, State::Degraded(_))).await;
    assert_eq!(world.unsettled().await, 1);
    world.dead_letters().await;
    until("it is stored and settled", async || world.letters().await.len() == 1 && world.unsettled().await == 0).await;
    assert_eq!(running.texts().len(), 1, "the handler is not asked again");
    running.end().await;
}

/// Poison becomes a dead letter with everything it came with, and what comes behind it is handled.
pub async fn poison_stops_nobody(subject: Subject) {
    let world = World::new(subject).await;
    let mut poison = message("a", 1);
    poison.headers.insert("origin", "web");
    world.publish([poison, message("a", 2), message("b", 3)]).await;
    let running = Running::start(world.reading(), |text, _| {
        ready(match text.as_str() {
            "a:1" => Err(HandlerError::Poison("never".into())),
            "b:3" => Err(HandlerError::Transient("not now".into())),
            _ => Ok(()),
        })
    });
    until("all are settled", async || world.unsettled().await == 0 && world.letters().await.len() == 2).await;
    assert_eq!(running.texts().iter().filter(|text| *text == "b:3").count(), 3, "as often as it may be tried");
    running.end().await;
    let letters = world.letters().await;
    let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(b"a")).expect("its dead letter");
    assert_eq!(letter.payload.as_deref(), Some(&b"a:1"[..]));
    assert_eq!(letter.headers.get_str("origin"), Some("web"));
    assert_eq!(letter.headers.get_str("Alv-Dlq-Reason"), Some("handler"));
    assert_eq!(letter.headers.get_str("Alv-Id"), Some("a-1"));
}
