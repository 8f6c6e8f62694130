//! Logins of this process: who they are checked with, and how issuers of tokens are asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use alluvium_access::login::{ANSWER_BYTES_MAX, Fetch, KeySets, LoginSettings, Logins, is_public};
use alluvium_access::{Holdings, TenancyRoutes};
use alluvium_http::RouteGroup;
use alluvium_kernel::{BoxFuture, Problem, Token};
use alluvium_pipelines::PipelineQueries;
use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::Parts;

/// How long an issuer may take to answer, in seconds.
const ANSWER_WAIT_SECONDS: u64 = 5;

/// Who logs in, as the environment configures it.
pub fn logins(parts: &Parts) -> Result<Logins, Problem> {
    let settings = LoginSettings::from_variables(|name| std::env::var(name).ok()).map_err(|reason| {
        tracing::error!(reason, "logins are configured wrongly");
        Problem::internal()
    })?;
    let web = Web::new(&settings).map_err(|error| {
        tracing::error!(%error, "issuers of tokens cannot be asked");
        Problem::internal()
    })?;
    Ok(Logins::new(parts.desk.clone(), settings, KeySets::new(Arc::new(web))))
}

/// The routes of tenants, members and sessions.
pub fn routes(parts: &Parts, logins: Logins) -> Option<RouteGroup> {
    let holdings = Arc::new(Held(super::pipelines::queries(parts)?));
    Some(alluvium_access::tenancy_routes(TenancyRoutes::new(logins, parts.access.clone(), holdings)))
}

/// What pipelines have of a tenant.
struct Held(PipelineQueries);

impl Holdings for Held {
    fn of<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, Result<Option<String>, Problem>> {
        Box::pin(async move {
            let pipelines = self.0.count(tenant).await?;
            Ok((pipelines > 0).then(|| format!("it has {pipelines} pipelines")))
        })
    }
}

/// The web, as far as tenants may send this process into it.
struct Web {
    http: reqwest::Client,
    /// The host of the configured issuer, which may be anywhere.
    own: Option<String>,
    allow_internal: bool,
}

impl Web {
    fn new(settings: &LoginSettings) -> Result<Self, reqwest::Error> {
        let own = url::Url::parse(&settings.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        let allow_internal = settings.allow_internal_issuers;
        let builder = crate::http::builder().redirect(Policy::none()).timeout(Duration::from_secs(ANSWER_WAIT_SECONDS));
        let public = PublicOnly { own: own.clone(), allow_internal };
        let http = builder.dns_resolver(Arc::new(public)).build()?;
        Ok(Self { http, own, allow_internal })
    }

    /// Names are looked at when they are resolved; addresses are not resolved.
    fn may_ask(&self, url: &url::Url) -> bool {
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
            Some(url::Host::Domain(_)) => return true,
            None => return false,
        };
        self.allow_internal || url.host_str() == self.own.as_deref() || is_public(address)
    }
}

impl Fetch for Web {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move {
            let url = url::Url::parse(url).map_err(|error| error.to_string())?;
            if !self.may_ask(&url) {
                return Err("its address is not of the public web".to_owned());
            }
            let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
            if !answer.status().is_success() {
                return Err(format!("it answers {}", answer.status()));
            }
            let (mut chunks, mut body) = (answer.bytes_stream(), Vec::new());
            while let Some(chunk) = chunks.next().await {
                body.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
                if body.len() > ANSWER_BYTES_MAX {
                    return Err(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
                }
            }
            Ok(Bytes::from(body))
        })
    }
}

/// Resolves names to addresses of the public web: a name of somebody's own may stand for an address inside.
struct PublicOnly {
    own: Option<String>,
    allow_internal: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let is_free = self.allow_internal || self.own.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|found| is_free || is_public(found.ip())).collect();
            if usable.is_empty() {
                return Err("its host is not of the public web".into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}
