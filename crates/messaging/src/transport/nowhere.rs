//! A broker that takes and gives nothing, for tests of what needs none.

use std::time::Duration;

use alluvium_kernel::BoxFuture;

use super::{
    Admin, Capabilities, DeliveryErrorHook, FlushError, Outgoing, Pending, PublishError, Receipt, Source,
    SubscribeError, SubscribeSpec, Transport,
};

pub(crate) struct Nowhere;

impl Transport for Nowhere {
    fn publish(&self, _: Outgoing) -> BoxFuture<'_, Result<Pending, PublishError>> {
        Box::pin(async { Err(PublishError::Closed) })
    }
    fn try_publish(&self, _: Outgoing) -> Result<Pending, PublishError> {
        Err(PublishError::Closed)
    }
    fn publish_atomic(&self, _: Vec<Outgoing>) -> BoxFuture<'_, Result<Vec<Receipt>, PublishError>> {
        Box::pin(async { Err(PublishError::Closed) })
    }
    fn subscribe(&self, spec: SubscribeSpec) -> BoxFuture<'_, Result<Box<dyn Source>, SubscribeError>> {
        Box::pin(async move { Err(SubscribeError::NoSource(spec.topic.to_string())) })
    }
    fn flush(&self, _: Duration) -> BoxFuture<'_, Result<(), FlushError>> {
        Box::pin(async { Ok(()) })
    }
    fn ping(&self, _: Duration) -> BoxFuture<'_, Result<(), SubscribeError>> {
        Box::pin(async { Ok(()) })
    }
    fn admin(&self) -> &dyn Admin {
        unimplemented!("there is nothing to look after")
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            system: "nowhere",
            atomic_batch: false,
            expect_sequence: false,
            ttl: false,
            delay: false,
            redelivery: false,
            working: false,
            watermark: false,
            null_payload: true,
            binary_headers: true,
        }
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
    fn on_delivery_error(&self, _: DeliveryErrorHook) {}
}
