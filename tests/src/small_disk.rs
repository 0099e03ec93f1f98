//! A small file system in memory, that can be filled.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// A file system of its own, unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, and a word about it, where this may not mount.
    ///
    /// # Panics
    /// If there is no temporary folder.
    pub fn of_mebibytes(size: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("SKIPPED: mounting a tmpfs needs root; run this test as root to see a full disk");
            return None;
        }
        Some(Self { folder })
    }

    /// A folder in it, not made yet.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Takes all room that is left.
    ///
    /// # Panics
    /// If not even a file can be made.
    pub fn fill(&self) {
        let mut file =
            std::fs::File::options().create(true).append(true).open(self.filler()).expect("a file can be made");
        for size in [1 << 16, 1 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives back what [`SmallDisk::fill`] took, if it was filled.
    pub fn make_room(&self) {
        _ = std::fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}
