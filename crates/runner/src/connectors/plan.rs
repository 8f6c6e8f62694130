//! The connectors of a program as they are to run: everything that can be refused is refused here.

use alluvium_connectors::{
    ConnectorConfig, Context, Error, Input, Limits, Output, StartOrder, Table, Transport, input, output,
};
use alluvium_formats::{FormatConfig, FormatError};
use alluvium_pipelines::{Deployed, DeploymentError};
use alluvium_sql::catalog::Connector;
use serde_json::Value;

use super::feed::Feed;
use super::items::{Encoding, View};
use crate::program::{Declared, Relations, Shown};

/// The connectors of a program.
pub(crate) struct Plans {
    pub(super) inputs: Vec<InputPlan>,
    pub(super) outputs: Vec<OutputPlan>,
    pub(super) order: StartOrder,
    pub(super) generation: u64,
}

/// An input that is to run.
pub(super) struct InputPlan {
    pub endpoint: String,
    pub relation: String,
    pub input: Box<dyn Input>,
    pub limits: Limits,
    pub feed: Feed,
}

/// An output that is to run.
pub(super) struct OutputPlan {
    pub endpoint: String,
    pub relation: String,
    pub output: Box<dyn Output>,
    pub encoding: Encoding,
    pub send_snapshot: bool,
}

impl Plans {
    /// Reads all of them. Steps of another `generation` are others to who is given them, though their numbers are the same. May read
    /// files, so it may take a while.
    ///
    /// # Errors
    /// The first that cannot run as it is configured, and why.
    pub fn of(
        (declared, relations): (&Declared, &Relations),
        deployed: &Deployed,
        generation: u64,
        given: &Context,
    ) -> Result<Self, DeploymentError> {
        let environment = deployed.runtime_config["env"].as_object().into_iter().flatten();
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let context = Context {
            pipeline: format!("{}-{generation}", deployed.place.pipeline),
            environment: environment.filter_map(text).collect(),
            ..given.clone()
        };
        let workers = deployed.runtime_config["workers"].as_u64().unwrap_or(1).max(1);
        let mut plans = Self { inputs: Vec::new(), outputs: Vec::new(), order: StartOrder::default(), generation };
        for (endpoint, connector) in &declared.inputs {
            let plan = input_of(endpoint, connector, relations, &context, workers)?;
            let (plan, config) = plan;
            let common = &config.common;
            plans.order.add(endpoint, &common.labels, common.start_after.as_deref(), common.paused);
            plans.inputs.push(plan);
        }
        plans.order.check().map_err(|error| DeploymentError::new("InvalidConnectorConfig", error.to_string()))?;
        for (endpoint, connector) in &declared.outputs {
            plans.outputs.push(output_of(endpoint, connector, (declared, relations), &context)?);
        }
        Ok(plans)
    }
}

fn parse(endpoint: &str, connector: &Connector, context: &Context) -> Result<ConnectorConfig, DeploymentError> {
    let config = Value::Object(connector.config.clone());
    ConnectorConfig::parse(&connector.name, &config, context).map_err(|error| refused(endpoint, &error))
}

fn refused(endpoint: &str, error: &Error) -> DeploymentError {
    DeploymentError::new(error.code(), format!("{endpoint}: {error}"))
}

fn misfit(endpoint: &str, error: &FormatError) -> DeploymentError {
    DeploymentError::new(error.code(), format!("{endpoint}: format: {error}"))
}

fn shown<'a>(relations: &'a Relations, connector: &Connector, endpoint: &str) -> Result<&'a Shown, DeploymentError> {
    let found = relations.get(&connector.relation.name);
    found.ok_or_else(|| {
        DeploymentError::new("InvalidConnectorConfig", format!("{endpoint}: there is no such table or view"))
    })
}

fn input_of(
    endpoint: &str,
    connector: &Connector,
    relations: &Relations,
    context: &Context,
    workers: u64,
) -> Result<(InputPlan, ConnectorConfig), DeploymentError> {
    let config = parse(endpoint, connector, context)?;
    let shown = shown(relations, connector, endpoint)?;
    let table = shown.input.clone().ok_or_else(|| {
        DeploymentError::new("InvalidConnectorConfig", format!("{endpoint}: only tables have input connectors"))
    })?;
    if config.common.soft_delete {
        return Err(DeploymentError::new("NotSupported", format!("{endpoint}: `soft_delete` is not there yet")));
    }
    if matches!(&config.transport, Transport::Datagen(datagen) if datagen.transaction_size.is_some()) {
        return Err(DeploymentError::new("NotSupported", format!("{endpoint}: `transaction_size` is not there yet")));
    }
    let has_rows = matches!(
        config.transport,
        Transport::Datagen(_) | Transport::Nexmark(_) | Transport::PostgresInput(_) | Transport::EmptyInput
    );
    let format = match &config.format {
        _ if has_rows => None,
        Some(format) => Some(FormatConfig::from_json(format).map_err(|error| misfit(endpoint, &error))?),
        None => {
            let reason = format!("{endpoint}: the connector has no `format`");
            return Err(DeploymentError::new("InvalidConnectorConfig", reason));
        }
    };
    let of_table =
        Table { name: shown.name.name.clone(), columns: shown.columns.clone(), schema: table.table().schema() };
    let input = input(&config, &of_table, context).map_err(|error| refused(endpoint, &error))?;
    let feed = Feed::new(endpoint, table, format).map_err(|error| misfit(endpoint, &error))?;
    let plan = InputPlan {
        endpoint: endpoint.to_owned(),
        relation: shown.name.name.clone(),
        input,
        limits: Limits::of(&config.common, workers),
        feed,
    };
    Ok((plan, config))
}

fn output_of(
    endpoint: &str,
    connector: &Connector,
    (declared, relations): (&Declared, &Relations),
    context: &Context,
) -> Result<OutputPlan, DeploymentError> {
    let config = parse(endpoint, connector, context)?;
    let shown = shown(relations, connector, endpoint)?;
    let wrong = |reason: String| DeploymentError::new("InvalidConnectorConfig", format!("{endpoint}: {reason}"));
    if config.common.enable_output_buffer {
        let reason = format!("{endpoint}: `enable_output_buffer` is not there yet; leave it out");
        return Err(DeploymentError::new("NotSupported", reason));
    }
    let index = match &config.common.index {
        None => None,
        Some(name) => {
            let folded = name.to_lowercase();
            let found = declared.indexes.get(name).or_else(|| declared.indexes.get(&folded));
            let index = found.filter(|index| index.relation.name == shown.name.name);
            let index = index.ok_or_else(|| wrong(format!("the view has no index '{name}'")))?;
            Some(index.columns.iter().map(|column| column.name.clone()).collect())
        }
    };
    let output = output(&config, &shown.name.name, context).map_err(|error| refused(endpoint, &error))?;
    let view = View { name: &shown.name.name, columns: &shown.columns, index };
    let encoding = Encoding::new(&config, output.wants(), &view).map_err(|error| misfit(endpoint, &error))?;
    Ok(OutputPlan {
        endpoint: endpoint.to_owned(),
        relation: shown.name.name.clone(),
        output,
        encoding,
        send_snapshot: config.common.send_snapshot,
    })
}
