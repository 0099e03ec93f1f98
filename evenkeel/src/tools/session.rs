//! What all tools share: the server they speak to, and where they write.

use super::suggest;
use crate::{
    client::{CallError, Endpoint, Identity, Sqs},
    screen::Screen,
};
use clap::Args;
use serde_json::Value;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where a server listens if nobody says.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:9324";
/// Where a server keeps its data if nobody says.
const DEFAULT_DATA_DIR: &str = "evenkeel-data";

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The server")]
pub(crate) struct ServerArgs {
    /// Where it is [default: http://127.0.0.1:9324].
    #[arg(long, global = true, value_name = "URL", env = "AWS_ENDPOINT_URL_SQS")]
    endpoint: Option<String>,

    /// Its data folder, for the root credentials in it; used only if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not
    /// set [default: ./evenkeel-data].
    #[arg(long, global = true, value_name = "DIR", env = "EVENKEEL_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl ServerArgs {
    /// Where.
    pub(super) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Endpoint::parse(self.endpoint.as_deref().filter(|text| !text.is_empty()).unwrap_or(DEFAULT_ENDPOINT))
    }

    /// The data folder.
    pub(super) fn data_dir(&self) -> &Path {
        self.data_dir_or(DEFAULT_DATA_DIR)
    }

    /// The data folder, or that one if nobody named one.
    pub(super) fn data_dir_or<'a>(&'a self, usual: &'a str) -> &'a Path {
        self.data_dir.as_deref().unwrap_or_else(|| Path::new(usual))
    }

    /// Where, and as whom.
    pub(super) fn find(&self) -> anyhow::Result<(Endpoint, Option<Identity>)> {
        let endpoint = self.endpoint()?;
        Ok((endpoint, Identity::find(self.data_dir(), |name| std::env::var(name).ok())?))
    }
}

/// A tool at work.
pub(crate) struct Session {
    pub(crate) sqs: Sqs,
    pub(crate) screen: Screen,
    pub(crate) out: io::StdoutLock<'static>,
}

impl Session {
    /// Finds out where and as whom. Nothing is sent yet.
    pub(crate) fn new(args: &ServerArgs) -> anyhow::Result<Self> {
        let (endpoint, identity) = args.find()?;
        Ok(Self { sqs: Sqs::new(endpoint, identity.as_ref()), screen: Screen::look(), out: io::stdout().lock() })
    }

    /// The URL of a queue given by its name, or by its URL.
    ///
    /// # Errors
    /// If it does not exist: then the error names the queue whose name comes closest.
    pub(crate) async fn queue(&mut self, name_or_url: &str) -> anyhow::Result<String> {
        let name = name(name_or_url);
        match self.sqs.queue_url(name).await {
            Err(error) if error.is_no_such_queue() => Err(suggest::no_such_queue(&mut self.sqs, name).await),
            found => Ok(found?),
        }
    }

    /// Writes one result for programs.
    pub(crate) fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value}")
    }
}

/// All URLs of queues whose names begin so, in their order, page by page.
pub(crate) async fn all_queues(sqs: &mut Sqs, prefix: &str) -> Result<Vec<String>, CallError> {
    let mut urls = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let (page, next) = sqs.queue_page(prefix, token.as_deref()).await?;
        urls.extend(page);
        // A server that gave the same token twice would never end.
        match next {
            Some(next) if token.as_ref() != Some(&next) => token = Some(next),
            _ => return Ok(urls),
        }
    }
}

/// The name of a queue given by its name or its URL.
pub(crate) fn name(name_or_url: &str) -> &str {
    name_or_url.rsplit('/').next().unwrap_or(name_or_url)
}

/// An attribute that is a number; 0 if it is absent.
pub(crate) fn number(attributes: &Value, name: &str) -> u64 {
    attributes.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A field that is a text; empty if it is absent.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
