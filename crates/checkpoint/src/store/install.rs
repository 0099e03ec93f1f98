//! Giving a checkpoint its name, and removing what is superfluous then.

use super::{Checkpoints, Folder};
use crate::{
    ballast::Ballast,
    fault::{self, Fault},
    format::manifest::Manifest,
    names::{self, Kind},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::LogIndex;
use std::{collections::BTreeSet, io};

/// Whether a manifest is there.
pub(crate) enum Installed {
    Yes,
    No(io::Error),
    /// It has its name, which may or may not be durable.
    Perhaps(io::Error),
}

impl<D: Disk> Folder<D> {
    /// Writes a manifest beside, and gives it its name when it and the names of its runs are durable.
    pub(crate) fn install(&self, manifest: &Manifest, ballast: &mut Ballast<D>) -> Installed {
        let name = names::manifest(manifest.index);
        let path = self.unfinished(&name);
        if let Err(error) = self.write_manifest(manifest, &name, ballast) {
            let _ = self.disk.remove(&path);
            return Installed::No(error);
        }
        let renamed = self.disk.rename(&path, &self.path(&name));
        match renamed.and_then(|()| self.sync()) {
            Ok(()) => Installed::Yes,
            Err(error) => Installed::Perhaps(error),
        }
    }

    fn write_manifest(&self, manifest: &Manifest, name: &str, ballast: &mut Ballast<D>) -> io::Result<()> {
        let bytes = manifest.encode();
        let path = self.unfinished(name);
        // Left by an attempt that failed; what its sync did not write must not be taken for good.
        match self.disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = ballast.give_way(|| self.disk.open(&path, OpenMode::CreateNew))?;
        ballast.give_way(|| file.write_all_at(&bytes, 0))?;
        if !fault::on(Fault::SkipManifestSync) {
            file.sync()?;
        }
        if !fault::on(Fault::SkipProof) && self.manifest_bytes(&path)? != Ok(bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} does not read back as written")));
        }
        // The names of its runs are durable before its own.
        self.sync()
    }

    /// Removes the manifests that are not `kept`, and then the runs that are not `needed`.
    pub(crate) fn sweep(&self, kept: &[LogIndex], needed: &BTreeSet<u64>) -> io::Result<()> {
        let names = self.names()?;
        let mut removed = false;
        for name in &names {
            if matches!(names::kind(name), Kind::Manifest(index) if !kept.contains(&index)) {
                self.disk.remove(&self.path(name))?;
                removed = true;
            }
        }
        // A manifest that came back without its runs would look like damage.
        if removed && !fault::on(Fault::SkipSweepSync) {
            self.sync()?;
        }
        for name in &names {
            if matches!(names::kind(name), Kind::Run(number) if !needed.contains(&number)) {
                self.disk.remove(&self.path(name))?;
            }
        }
        Ok(())
    }
}

impl<D: Disk> Checkpoints<D> {
    pub(super) fn install(&mut self, manifest: &Manifest) -> Installed {
        let installed = self.folder.install(manifest, &mut self.ballast);
        if matches!(installed, Installed::Yes) {
            self.doubtful.retain(|(index, _)| *index != manifest.index);
        }
        installed
    }

    /// Gives a proven run its name.
    pub(super) fn name_run(&self, number: u64) -> io::Result<()> {
        let name = names::run(number);
        self.folder.disk.rename(&self.folder.unfinished(&name), &self.folder.path(&name))
    }

    /// Removes a run that no manifest on the disk can name, as far as it got.
    pub(super) fn remove_run(&self, number: u64) {
        let name = names::run(number);
        // What cannot be removed now is a leftover for the next sweep, or the next opening.
        let _ = self.folder.disk.remove(&self.folder.unfinished(&name));
        let _ = self.folder.disk.remove(&self.folder.path(&name));
    }

    /// Removes what the kept checkpoints do not need. What fails is tried again after the next checkpoint.
    pub(super) fn sweep(&mut self) {
        self.doubtful.retain(|(index, _)| self.kept.iter().any(|manifest| manifest.index == *index));
        let kept: Vec<_> = self.kept.iter().map(|manifest| manifest.index).collect();
        let named = self.kept.iter().flat_map(|manifest| &manifest.runs).map(|run| run.number);
        let needed = named.chain(self.doubtful.iter().map(|(_, number)| *number)).collect();
        let _ = self.folder.sweep(&kept, &needed);
    }
}
