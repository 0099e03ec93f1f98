//! What must be on the machine besides the Rust toolchain: Python with venv, for the tests that use real clients; for the
//! comparison the servers that are compared.
//!
//! Node is not installed here: where it is missing, the tests of the JavaScript clients say so and count as ignored. A browser is, where
//! that may be, and so is HAProxy; where they may not, the tests that need them say so.

use crate::steps::Steps;
use anyhow::bail;
use std::path::Path;
use std::process::{Command, Stdio};

/// Python with its venv module; installed if it is missing and this may.
///
/// # Errors
/// If it is missing and cannot be installed here; says what to do.
pub(crate) fn python(steps: &mut Steps) -> anyhow::Result<()> {
    if has_python() {
        return Ok(());
    }
    if can_install() {
        steps.run("list packages", Command::new("apt-get").args(["update", "--quiet"]))?;
        let install = ["install", "--quiet", "--yes", "--no-install-recommends", "python3", "python3-venv"];
        steps.run("install python3", Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if !has_python() {
        bail!(
            "the tests with real clients need python3 with its venv module; on Debian: apt-get install python3 python3-venv"
        );
    }
    Ok(())
}

/// A browser and what steers it; installed if it is missing and this may. Distributions without these packages go without.
pub(crate) fn browser(steps: &mut Steps) {
    if Path::new("/usr/bin/chromedriver").exists() || !can_install() {
        return;
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends", "chromium", "chromium-driver"]);
    let installed = steps
        .run("list packages", Command::new("apt-get").args(["update", "--quiet"]))
        .and_then(|()| steps.run("install a browser", install.env("DEBIAN_FRONTEND", "noninteractive")));
    if let Err(error) = installed {
        eprintln!("the live page will not be tried in a browser: {error:#}");
    }
}

/// HAProxy, for the test of the nodes behind it; installed if it is missing and this may. Where it cannot be had, the test says so.
pub(crate) fn haproxy(steps: &mut Steps) {
    optional(steps, "/usr/sbin/haproxy", "haproxy");
}

/// `ip`, which makes the networks of nodes in namespaces; installed if it is missing and this may. Where it cannot be had, the test says so.
pub(crate) fn iproute(steps: &mut Steps) {
    optional(steps, "/usr/sbin/ip", "iproute2");
}

fn optional(steps: &mut Steps, program: &str, package: &str) {
    if Path::new(program).exists() || !can_install() {
        return;
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends", package]);
    // It is for the tests; the distribution would start it for ever.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    let installed = steps
        .run("list packages", Command::new("apt-get").args(["update", "--quiet"]))
        .and_then(|()| steps.run(&format!("install {package}"), &mut install));
    if let Err(error) = installed {
        eprintln!("the tests that need {package} will not be run: {error:#}");
    }
}

/// The servers that Evenkeel is compared with; installed if they are missing and this may. What cannot be had is left out
/// of the comparison, which says so.
///
/// # Errors
/// A package cannot be installed though it should.
pub(crate) fn rivals(steps: &mut Steps) -> anyhow::Result<()> {
    let servers = [
        ("/usr/bin/redis-server", "redis-server"),
        ("/usr/sbin/rabbitmq-server", "rabbitmq-server"),
        ("/usr/bin/beanstalkd", "beanstalkd"),
    ];
    let missing: Vec<&str> =
        servers.iter().filter(|(program, _)| !Path::new(program).exists()).map(|(_, package)| *package).collect();
    if missing.is_empty() || !can_install() {
        return Ok(());
    }
    steps.run("list packages", Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends"]).args(missing);
    // They are for this run; the distribution would start them for ever.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    steps.run("install the other servers", &mut install)
}

fn can_install() -> bool {
    rustix::process::geteuid().is_root()
        && Command::new("apt-get").arg("--version").stdout(Stdio::null()).status().is_ok()
}

fn has_python() -> bool {
    // Some distributions have venv without what it needs.
    let mut python = Command::new("python3");
    python.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}
