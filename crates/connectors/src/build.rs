//! Makes inputs and outputs of their configurations.

use serde_json::Value;

use crate::config::{ConnectorConfig, Direction, Transport};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::input::cut::Cut;
use crate::input::{Input, Port};
use crate::output::{Null, Output};
use crate::table::Table;
use crate::{datagen, file, nats, nexmark, postgres, redis, s3, url_input};
use futures::future::BoxFuture;

/// Makes the input of a connector, ready to be started with [`start`](crate::start). Nothing is connected to yet.
///
/// # Errors
///
/// The transport is not built, or is no input; its configuration does not suit the table; a file is not allowed.
pub fn input(config: &ConnectorConfig, table: &Table, context: &Context) -> Result<Box<dyn Input>, Error> {
    let name = config.name.as_str();
    let cut = Cut::of_format(config.format.as_ref());
    Ok(match &config.transport {
        Transport::Datagen(datagen) => Box::new(datagen::Datagen::new(name, datagen, table)?),
        Transport::Nexmark(nexmark) => Box::new(nexmark::Nexmark::new(name, nexmark, table)?),
        Transport::FileInput(file) => Box::new(file::FileInput::new(name, file, cut, context)?),
        Transport::UrlInput(url) => Box::new(url_input::UrlInput::new(name, url, cut)?),
        Transport::S3Input(s3) => Box::new(s3::S3Input::new(name, s3, cut)?),
        Transport::NatsInput(nats) => Box::new(nats::NatsInput::new(name, nats, context)?),
        #[cfg(feature = "kafka")]
        Transport::KafkaInput(kafka) => Box::new(crate::kafka::KafkaInput::new(name, kafka, context)?),
        Transport::PostgresInput(postgres) => Box::new(postgres::PostgresInput::new(name, postgres, table, context)?),
        Transport::EmptyInput => Box::new(Empty),
        other => return Err(refused(name, other, Direction::Input)),
    })
}

/// Makes the output of a connector of a view. Nothing is connected to yet: see [`Output::open`].
///
/// # Errors
///
/// The transport is not built, or is no output; an `index` or format that it needs is missing; a file is not allowed.
pub fn output(config: &ConnectorConfig, view: &str, context: &Context) -> Result<Box<dyn Output>, Error> {
    let name = config.name.as_str();
    let endpoint = format!("{view}.{name}");
    Ok(match &config.transport {
        Transport::FileOutput(file) => Box::new(file::FileOutput::new(name, file, context)?),
        Transport::NatsOutput(nats) => Box::new(nats::NatsOutput::new(name, &endpoint, nats, context)?),
        #[cfg(feature = "kafka")]
        Transport::KafkaOutput(kafka) => Box::new(crate::kafka::KafkaOutput::new(name, &endpoint, kafka, context)?),
        Transport::PostgresOutput(postgres) => {
            if config.common.index.is_none() {
                return Err(Error::member(
                    name,
                    "index",
                    "postgres_output needs it: rows are told apart by its columns",
                ));
            }
            Box::new(postgres::PostgresOutput::new(name, &endpoint, postgres, context)?)
        }
        Transport::RedisOutput(redis) => Box::new(redis::RedisOutput::new(name, redis, config.format.as_ref())?),
        Transport::NullOutput => Box::new(Null),
        other => return Err(refused(name, other, Direction::Output)),
    })
}

fn refused(connector: &str, transport: &Transport, wanted: Direction) -> Error {
    match transport {
        Transport::Unbuilt(tag) => Error::unsupported(connector, format!("the transport '{}'", tag.name)),
        Transport::Internal(tag, _) => Error::unsupported(
            connector,
            format!("the transport '{}', which only the pipeline itself serves,", tag.name),
        ),
        _ if wanted == Direction::Input => {
            Error::member(connector, "transport.name", "it takes data out of views and fills no table")
        }
        _ => Error::member(connector, "transport.name", "it fills tables and takes no data out of views"),
    }
}

/// Ends at once.
struct Empty;

impl Input for Empty {
    fn run(self: Box<Self>, _: Option<Value>, _: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::table;

    fn parse(transport: Value) -> ConnectorConfig {
        ConnectorConfig::parse("c", &json!({"transport": transport}), &Context::default()).unwrap()
    }

    #[test]
    fn what_is_not_built_is_refused_at_start() {
        let table = table(&[("id", "BIGINT")]);
        let context = Context::default();
        for tag in crate::TRANSPORTS {
            let unbuilt = [
                "delta_table_input",
                "delta_table_output",
                "iceberg_input",
                "pub_sub_input",
                "dynamodb_output",
                "postgres_cdc_input",
                "http_input",
                "http_output",
                "ad_hoc_input",
                "clock_input",
            ];
            if !unbuilt.contains(&tag.name) {
                continue;
            }
            let config = parse(json!({"name": tag.name, "config": {"uri": "x"}}));
            let refused = match tag.direction {
                Direction::Input => input(&config, &table, &context).err(),
                Direction::Output => output(&config, "v", &context).err(),
            };
            let refused = refused.unwrap_or_else(|| panic!("{}", tag.name));
            assert_eq!(refused.code(), "NotSupported");
            assert!(
                refused.to_string().contains("not supported") && refused.to_string().contains(tag.name),
                "{refused}"
            );
        }
    }

    #[test]
    fn inputs_are_no_outputs() {
        let table = table(&[("id", "BIGINT")]);
        let context = Context::default();
        assert!(input(&parse(json!({"name": "null_output"})), &table, &context).is_err());
        assert!(output(&parse(json!({"name": "empty_input"})), "v", &context).is_err());
        let without_index = json!({"name": "postgres_output", "config": {"uri": "postgres://u@h", "table": "t"}});
        let error = output(&parse(without_index), "v", &context).err().unwrap();
        assert!(matches!(error, Error::Member { member, .. } if member == "index"));
    }

    #[tokio::test]
    async fn an_empty_input_ends_at_once() {
        let made = input(&parse(json!({"name": "empty_input"})), &table(&[]), &Context::default()).unwrap();
        let seen = crate::testing::run(made, None).await;
        assert!(seen.chunks.is_empty() && seen.status.end_of_input);
    }

    #[tokio::test]
    async fn a_null_output_takes_everything() {
        let mut made = output(&parse(json!({"name": "null_output"})), "v", &Context::default()).unwrap();
        assert_eq!(made.open().await, Ok(None));
        made.write(1, 0, &[crate::Item::bytes("a")]).await.unwrap();
        made.finish(1).await.unwrap();
    }
}
