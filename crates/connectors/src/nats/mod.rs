//! `nats_input` and `nats_output`: streams of a NATS server that a user has.

mod input;
mod output;
mod settings;

use std::time::Duration;

use async_nats::ConnectOptions;

pub(crate) use input::NatsInput;
pub(crate) use output::NatsOutput;
pub use settings::{
    Auth, Connection, ConsumerSettings, Credentials, DeliverPolicy, InputConfig, OutputConfig, ReplayPolicy,
    UserAndPassword,
};

use crate::context::Context;
use crate::error::Error;
use crate::secret::{Secret, shown_url};
use crate::tls;

/// Where a server is and how to get in, with everything read that files hold.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    connection: Connection,
    credentials: Option<Secret>,
    name: String,
}

impl Server {
    /// Reads the credentials.
    ///
    /// # Errors
    ///
    /// They are in a file that is not allowed or cannot be read.
    pub fn new(connector: &str, connection: &Connection, context: &Context) -> Result<Self, Error> {
        let at = "transport.config.connection_config.auth.credentials";
        let credentials = match &connection.auth.credentials {
            None => None,
            Some(Credentials::FromString(text)) => Some(text.clone()),
            Some(Credentials::FromFile(path)) => {
                let real = context.readable(connector, path)?;
                let read = std::fs::read_to_string(real);
                let text =
                    read.map_err(|error| Error::member(connector, at, format!("reading {path}: {}", error.kind())))?;
                Some(Secret::new(text))
            }
        };
        Ok(Self { connection: connection.clone(), credentials, name: format!("alluvium {connector}") })
    }

    /// Connects once.
    pub async fn connect(&self) -> Result<async_nats::Client, String> {
        let auth = &self.connection.auth;
        let mut options = ConnectOptions::new()
            .name(&self.name)
            .connection_timeout(Duration::from_secs(self.connection.connection_timeout_secs))
            .request_timeout(Some(Duration::from_secs(self.connection.request_timeout_secs)))
            .tls_client_config(tls::system());
        let unfit = |_| "the credentials are not in the form of NATS credentials files".to_owned();
        options = match (&self.credentials, &auth.jwt, &auth.nkey, &auth.token, &auth.user_and_password) {
            (Some(credentials), ..) => options.credentials(credentials.expose()).map_err(unfit)?,
            (None, Some(jwt), Some(seed), ..) => {
                options.credentials(&creds(jwt.expose(), seed.expose())).map_err(unfit)?
            }
            (None, _, Some(seed), ..) => options.nkey(seed.expose().to_owned()),
            (None, _, None, Some(token), _) => options.token(token.expose().to_owned()),
            (None, _, None, None, Some(user)) => {
                options.user_and_password(user.user.clone(), user.password.expose().to_owned())
            }
            (None, _, None, None, None) => options,
        };
        let url = self.connection.server_url.expose();
        let connected = options.connect(url).await;
        connected.map_err(|error| format!("connecting to {}: {}", shown_url(url), error.kind()))
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.connection.request_timeout_secs)
    }
}

/// A JWT and the seed that signs for it, as credentials files have them.
fn creds(jwt: &str, seed: &str) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        jwt.trim(),
        seed.trim()
    )
}

#[cfg(test)]
mod tests;
