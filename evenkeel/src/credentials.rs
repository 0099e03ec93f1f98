//! The root credentials: from the environment, else from the data folder, else made at the first start.

use crate::private_file;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path};

const ACCESS_KEY: &str = "EVENKEEL_ROOT_ACCESS_KEY";
const SECRET_KEY: &str = "EVENKEEL_ROOT_SECRET_KEY";
pub(crate) const FILE: &str = "root-credentials.toml";

/// An access key with its secret. The secret never appears in what is logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Where credentials came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Environment,
    File,
    /// Made just now: to be shown once.
    Made,
}

/// Finds or makes the root credentials. `environment` reads a variable.
pub(crate) fn load(
    data_dir: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<(Credentials, Origin)> {
    match (environment(ACCESS_KEY), environment(SECRET_KEY)) {
        (Some(access_key), Some(secret_key)) => {
            let credentials = Credentials { access_key, secret_key };
            credentials.check().context("the root credentials in the environment")?;
            return Ok((credentials, Origin::Environment));
        }
        (None, None) => {}
        _ => bail!("set both {ACCESS_KEY} and {SECRET_KEY}, or neither"),
    }
    if let Some(credentials) = read(data_dir)? {
        return Ok((credentials, Origin::File));
    }
    let credentials = Credentials::make()?;
    credentials.write(data_dir)?;
    Ok((credentials, Origin::Made))
}

/// Whether both are in the environment.
pub(crate) fn are_in_environment(environment: impl Fn(&str) -> Option<String>) -> bool {
    environment(ACCESS_KEY).is_some() && environment(SECRET_KEY).is_some()
}

/// Reads the credentials that the first start left in a data folder; `None` if there are none.
pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<Credentials>> {
    let Some(text) = private_file::read(data_dir, FILE)? else { return Ok(None) };
    let path = data_dir.join(FILE);
    let credentials: Credentials = toml::from_str(&text)
        .map_err(|_| anyhow::anyhow!("{} is not of the form that the first start wrote", path.display()))?;
    credentials.check().with_context(|| path.display().to_string())?;
    Ok(Some(credentials))
}

impl Credentials {
    /// Of the form that AWS's are: `AKIA` and 16 letters or digits; 40 characters of secret (240 bits).
    fn make() -> anyhow::Result<Self> {
        let letters = |count: usize, alphabet: &[u8; 32]| -> anyhow::Result<String> {
            let mut random = vec![0u8; count];
            getrandom::fill(&mut random).context("the system's random source")?;
            let letter = |byte: &u8| alphabet.get(usize::from(*byte % 32)).map_or('A', |&letter| letter.into());
            Ok(random.iter().map(letter).collect())
        };
        let access_key = format!("AKIA{}", letters(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?);
        Ok(Self { access_key, secret_key: letters(48, b"abcdefghijkmnopqrstuvwxyzABCDEFG")? })
    }

    /// Leaves them in a data folder, where [`read`] finds them.
    pub(crate) fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        // A text of JSON is one of TOML too.
        let (access, secret) = (serde_json::to_string(&self.access_key)?, serde_json::to_string(&self.secret_key)?);
        private_file::write(data_dir, FILE, format!("access_key = {access}\nsecret_key = {secret}\n").as_bytes())
    }

    fn check(&self) -> anyhow::Result<()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(3..=128).contains(&self.access_key.len()) || !self.access_key.bytes().all(plain) {
            bail!("an access key has 3 to 128 letters, digits, dashes and underscores");
        }
        if !(8..=128).contains(&self.secret_key.len()) {
            bail!("a secret key has 8 to 128 characters");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_them_and_the_next_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let (made, origin) = load(folder.path(), |_| None).unwrap();
        assert_eq!(origin, Origin::Made);
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(load(folder.path(), |_| None).unwrap(), (made.clone(), Origin::File));
        assert!(!format!("{made:?}").contains(&made.secret_key));
    }

    #[test]
    fn the_environment_wins_but_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let both = |name: &str| Some(if name == ACCESS_KEY { "key".into() } else { "secret-secret".into() });
        let (credentials, origin) = load(folder.path(), both).unwrap();
        assert_eq!((credentials.access_key.as_str(), origin), ("key", Origin::Environment));
        assert!(!folder.path().join(FILE).exists());
        let half = |name: &str| (name == ACCESS_KEY).then(|| "key".to_string());
        assert!(load(folder.path(), half).is_err());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        load(folder.path(), |_| None).unwrap();
        let path = folder.path().join(FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load(folder.path(), |_| None).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_secret_of_any_letters_is_found_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials { access_key: "root".into(), secret_key: "a\"b\\c\u{7}\té".into() };
        credentials.write(folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(credentials));
    }
}
