//! A message on its way.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::{DeliveryErrorHook, PublishError, Receipt};

/// A message on its way; awaiting it gives the broker's acknowledgement. Dropping it does not call the message back; should it
/// fail, the delivery-error hook is told.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Receipt, PublishError>>);

/// The other end of a [`Pending`].
#[derive(Debug)]
pub struct Resolver(oneshot::Sender<Result<Receipt, PublishError>>);

impl Pending {
    /// Both ends.
    pub fn new() -> (Resolver, Self) {
        let (sender, receiver) = oneshot::channel();
        (Resolver(sender), Self(receiver))
    }

    /// One that is resolved already.
    pub fn resolved(result: Result<Receipt, PublishError>) -> Self {
        let (resolver, pending) = Self::new();
        resolver.0.send(result).ok();
        pending
    }
}

impl Future for Pending {
    type Output = Result<Receipt, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(PublishError::Closed)))
    }
}

impl Resolver {
    /// Tells whoever waits that the broker has it.
    pub fn deliver(self, receipt: Receipt) {
        self.0.send(Ok(receipt)).ok();
    }

    /// Tells whoever waits; an error for which nobody does goes to `hook`.
    pub fn resolve(self, subject: &str, result: Result<Receipt, PublishError>, hook: Option<&DeliveryErrorHook>) {
        let Err(Err(error)) = self.0.send(result) else { return };
        tracing::warn!(message.subject = subject, error = %error, "a message nobody waits for was not delivered");
        metrics::counter!("messaging_delivery_errors_total", "code" => error.code()).increment(1);
        if let Some(hook) = hook.map(Arc::clone) {
            hook(subject, &error);
        }
    }
}
