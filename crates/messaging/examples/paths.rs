//! `paths [URL] [COUNT]`: what the kit costs on the server at URL.

use alluvium_messaging::bench::{self, RawHeaders};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let count = args.next().map_or(Ok(100_000), |count| count.parse())?;
    for _ in 0..3 {
        let produce = bench::produce(&url, count, RawHeaders::Same).await?;
        let consume = bench::consume(&url, count).await?;
        for (path, rates) in [("produce", produce), ("consume", consume)] {
            println!("{path}: {:.0}/s of {:.0}/s, {:.2}", rates.ours, rates.raw, rates.ours / rates.raw);
        }
    }
    Ok(())
}
