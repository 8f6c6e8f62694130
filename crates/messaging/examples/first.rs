//! An order, sent and handled.

use alluvium_messaging::{Bus, CancellationToken, HandlerError, Loop, Message};

#[derive(Debug, serde::Serialize, serde::Deserialize, Message)]
#[message(topic = "orders", group = "billing", key = "order_id", namespace = "com.example")]
struct OrderPlaced {
    order_id: String,
    cents: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bus = Bus::from_env().await?; // NATS_URL, or nats://127.0.0.1:4222
    bus.ensure::<OrderPlaced>().await?; // makes the streams that are missing
    bus.produce(&OrderPlaced { order_id: "o-1".into(), cents: 4_200 }).await?;
    let stop = CancellationToken::new();
    let end = stop.clone();
    let handler = move |_, order: OrderPlaced| {
        println!("charging {} with {}", order.order_id, order.cents);
        end.cancel(); // one is enough here
        std::future::ready(Ok::<_, HandlerError>(()))
    };
    Loop::<OrderPlaced>::new(&bus).concurrency(16).run(handler, stop).await?;
    Ok(())
}
