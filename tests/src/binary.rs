//! Where the server's binary is; built once if nobody says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// The folder that cargo builds into: the test that asks lies in `<target>/<profile>/deps`.
pub fn target_dir() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("a test lies in <target>/<profile>/deps").to_owned()
}

/// The server's binary: `EVENKEEL_BIN`, else built now, in the tests' own profile so that most of it is there already.
pub fn evenkeel() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("EVENKEEL_BIN") {
        Some(path) => {
            let path = workspace().join(path);
            assert!(path.is_file(), "EVENKEEL_BIN names {}, which is no file", path.display());
            path
        }
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = target_dir();
    let status = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "--quiet", "--package", "evenkeel", "--profile", "test", "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo can be run");
    assert!(status.success(), "the server does not build; run: cargo build -p evenkeel");
    target.join("debug").join("evenkeel")
}
