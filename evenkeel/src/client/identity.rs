//! As whom the tools speak: the usual variables of AWS, else the root credentials of a data folder on this machine.

use crate::credentials::{self, Credentials};
use anyhow::bail;
use std::path::Path;

/// An access key and the region it signs for.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
}

impl Identity {
    /// Looks for credentials; `None` if there are none, which is good enough for a server that runs with `--dev`.
    /// `environment` reads a variable.
    ///
    /// # Errors
    /// If there is half a pair of variables, or a file that cannot be used.
    pub(crate) fn find(data_dir: &Path, environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let credentials = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(access_key), Some(secret_key)) => Some(Credentials { access_key, secret_key }),
            (None, None) => credentials::read(data_dir)?,
            _ => bail!("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither"),
        };
        // They go into a header, between commas and slashes.
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && byte != b'/');
        if !plain(&region) || credentials.as_ref().is_some_and(|held| !plain(&held.access_key)) {
            bail!("AWS_ACCESS_KEY_ID and AWS_REGION: use letters, digits and dashes");
        }
        Ok(credentials.map(|credentials| Self { credentials, region }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_the_folder_and_only_in_pairs() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        assert!(Identity::find(folder.path(), none).unwrap().is_none());
        let (made, _) = credentials::load(folder.path(), none).unwrap();
        assert_eq!(Identity::find(folder.path(), none).unwrap().unwrap().credentials, made);
        let both = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("key".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
            "AWS_DEFAULT_REGION" => Some("eu-west-1".to_owned()),
            _ => None,
        };
        let found = Identity::find(folder.path(), both).unwrap().unwrap();
        assert_eq!((found.credentials.access_key.as_str(), found.region.as_str()), ("key", "eu-west-1"));
        let half = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "key".to_owned());
        assert!(Identity::find(folder.path(), half).unwrap_err().to_string().contains("both"));
    }
}
