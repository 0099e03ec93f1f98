//! Files of the data folder that hold secrets: only their owner reads them, and they are there wholly or not at all.

use anyhow::{Context, bail};
use std::{
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// What is in one; `None` if there is none.
///
/// # Errors
/// It cannot be read, or others can read it as well.
pub(crate) fn read(folder: &Path, name: &str) -> anyhow::Result<Option<String>> {
    let path = folder.join(name);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("reading {}", path.display()))?,
    };
    let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {mode:o}); run: chmod 600 {0}", path.display());
    }
    Ok(Some(text))
}

/// Writes one, in the place of what was there; it is durable.
///
/// # Errors
/// The disk's.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    let write = || -> std::io::Result<()> {
        // A start that is killed half way must not leave a file that is not whole.
        let unfinished = folder.join(format!("{name}.unfinished"));
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), "secret").unwrap(), None);
        // Of a start that was killed.
        std::fs::write(folder.path().join("secret.unfinished"), "o").unwrap();
        for text in ["one", "another"] {
            write(folder.path(), "secret", text.as_bytes()).unwrap();
            assert_eq!(read(folder.path(), "secret").unwrap().as_deref(), Some(text));
        }
        let path = folder.path().join("secret");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(folder.path(), "secret").unwrap_err().to_string().contains("chmod 600"));
    }
}
