//! Pythons with what the tests need of its packages, in virtual environments under the target folder.

use crate::binary;
use crate::signed::{ACCESS_KEY, SECRET_KEY};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What to do when there is no Python.
const ADVICE: &str = "install Python 3.10 or newer with its venv module (on Debian and Ubuntu: apt-get install python3 \
                      python3-venv; `cargo xtask test` does so by itself when run as root)";

/// The interpreter of an environment that has what `tests/boto3/requirements.txt` lists; made if it is not there.
///
/// # Panics
/// If there is no Python, or the packages cannot be installed; says what to do.
pub fn with_boto3() -> PathBuf {
    environment("boto3-venv", "tests/boto3/requirements.txt")
}

/// As [`with_boto3`], of the last version that spoke the Query protocol: `tests/boto3/requirements-query.txt`.
///
/// # Panics
/// As [`with_boto3`].
pub fn with_old_boto3() -> PathBuf {
    environment("boto3-query-venv", "tests/boto3/requirements-query.txt")
}

/// As [`with_boto3`], with the AWS command line and Celery: `tests/clients/python/requirements.txt`. Its programs lie
/// beside the interpreter.
///
/// # Panics
/// As [`with_boto3`].
pub fn with_clients() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment("clients-venv", "tests/clients/python/requirements.txt")).clone()
}

/// Runs that interpreter with a server's root key, and with no settings of the person who runs this.
pub fn aws(python: &Path) -> Command {
    let mut command = Command::new(python);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .arg("-B")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("NO_PROXY", "*");
    command
}

fn environment(name: &str, requirements: &str) -> PathBuf {
    let environment = binary::target_dir().join(name);
    let python = environment.join("bin/python");
    let requirements = binary::workspace().join(requirements);
    // Written last, so that an environment that is half made is made again.
    let stamp = environment.join("requirements.txt");
    if fs::read(&stamp).ok() == fs::read(&requirements).ok() && python.exists() {
        return python;
    }
    _ = fs::remove_dir_all(&environment);
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment), ADVICE);
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(install).arg(&requirements), "pip needs the package index, once");
    fs::copy(&requirements, &stamp).expect("the environment is there");
    python
}

fn run(command: &mut Command, advice: &str) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?} failed ({status}): {advice}"),
        Err(error) => panic!("{command:?} cannot be run ({error}): {advice}"),
    }
}
