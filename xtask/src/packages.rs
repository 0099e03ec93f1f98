//! What cargo knows of the workspace: where it builds to, its packages, what they depend on.

use crate::steps::cargo;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the workspace")
}

/// All packages of the workspace.
pub(crate) struct Workspace {
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One room.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, from the workspace's, such as `crates/log/local`.
    pub(crate) folder: String,
    /// The names of what it needs to be built, without what only its tests need.
    pub(crate) dependencies: Vec<String>,
    /// The names of its integration tests.
    pub(crate) tests: Vec<String>,
    pub(crate) features: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// If cargo cannot read the manifests; cargo has said why.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("running cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed");
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout).context("what cargo metadata says")?;
        Ok(Self { target: metadata.target_directory, packages: metadata.packages.into_iter().map(package).collect() })
    }

    /// Where a release build puts a binary.
    pub(crate) fn release(&self, binary: &str) -> PathBuf {
        self.target.join("release").join(binary)
    }
}

/// What cargo says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    packages: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for what is needed to build; else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

fn package(described: Described) -> Package {
    let folder = described.manifest_path.parent().and_then(|folder| folder.strip_prefix(workspace()).ok());
    let needed = described.dependencies.into_iter().filter(|dependency| dependency.kind.is_none());
    let tests = described.targets.into_iter().filter(|target| target.kind.iter().any(|kind| kind == "test"));
    Package {
        name: described.name,
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
        dependencies: needed.map(|dependency| dependency.name).collect(),
        tests: tests.map(|target| target.name).collect(),
        features: described.features.into_keys().collect(),
    }
}
