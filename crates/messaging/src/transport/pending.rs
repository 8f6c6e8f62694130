//! A message on its way.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::{DeliveryErrorHook, PublishError, Receipt};

/// A message on its way; awaiting it gives the broker's acknowledgement. Dropping it does not call the message back; should it
/// fail, the delivery-error hook is told.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Receipt, Undelivered>>);

/// The other end of a [`Pending`].
#[derive(Debug)]
pub struct Resolver(oneshot::Sender<Result<Receipt, Undelivered>>);

/// A failure that somebody is told of: whoever waits takes the error out, and the hook gets what is dropped with it, be it
/// that nobody waited any more when it came or that nobody looked afterwards.
struct Undelivered {
    error: Option<PublishError>,
    subject: Box<str>,
    hook: Option<DeliveryErrorHook>,
}

impl Undelivered {
    fn told(mut self) -> PublishError {
        self.error.take().unwrap_or(PublishError::Closed)
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        let Some(error) = self.error.take() else { return };
        tracing::warn!(message.subject = &*self.subject, %error, "a message nobody waits for was not delivered");
        metrics::counter!("messaging_delivery_errors_total", "code" => error.code()).increment(1);
        if let Some(hook) = self.hook.take() {
            hook(&self.subject, &error);
        }
    }
}

impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("subject", &self.subject)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl Pending {
    /// Both ends.
    pub fn new() -> (Resolver, Self) {
        let (sender, receiver) = oneshot::channel();
        (Resolver(sender), Self(receiver))
    }
}

impl Future for Pending {
    type Output = Result<Receipt, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(cx);
        answer.map(|answer| answer.map_or(Err(PublishError::Closed), |result| result.map_err(Undelivered::told)))
    }
}

impl Resolver {
    /// Tells whoever waits that the broker has it.
    pub fn deliver(self, receipt: Receipt) {
        self.0.send(Ok(receipt)).ok();
    }

    /// Tells whoever waits; an error for which nobody does goes to `hook`.
    pub fn resolve(self, subject: &str, result: Result<Receipt, PublishError>, hook: Option<DeliveryErrorHook>) {
        let result = result.map_err(|error| Undelivered { error: Some(error), subject: subject.into(), hook });
        self.0.send(result).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn told() -> (DeliveryErrorHook, impl Fn() -> Vec<String>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hook = told.clone();
        (Arc::new(move |subject, _| hook.lock().unwrap().push(subject.to_owned())), move || {
            told.lock().unwrap().clone()
        })
    }

    #[tokio::test]
    async fn a_failure_is_told_once_to_whoever_waits_and_else_to_the_hook() {
        let (hook, told) = told();
        let fails = |resolver: Resolver, subject: &str| {
            resolver.resolve(subject, Err(PublishError::Closed), Some(hook.clone()));
        };
        let (resolver, pending) = Pending::new();
        fails(resolver, "waited for");
        assert!(matches!(pending.await, Err(PublishError::Closed)));
        assert!(told().is_empty());

        let (resolver, pending) = Pending::new();
        drop(pending);
        fails(resolver, "dropped before");
        let (resolver, pending) = Pending::new();
        fails(resolver, "dropped after");
        drop(pending);
        assert_eq!(told(), ["dropped before", "dropped after"]);
    }
}
