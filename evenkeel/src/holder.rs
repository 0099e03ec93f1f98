//! Who has what this start wants: the process behind a port, or behind a lock.
//!
//! Only for error messages, from what Linux tells in `/proc`: if it tells nothing, or not to us, the message names nobody. Addresses of
//! the form `a.b.c.d` are looked for, and listeners on all of them.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr, TcpListener},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Ports that are tried for a suggestion.
const PORTS_TRIED: u16 = 20;

/// A process.
#[derive(Debug)]
pub(crate) struct Holder {
    pid: u32,
    name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", crate::text::one_line(&self.name), self.pid)
    }
}

impl Holder {
    fn of(pid: u32) -> Self {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim();
        Self { pid, name: if name.is_empty() { "a program".to_owned() } else { name.to_owned() } }
    }
}

/// The process that listens on an address, if it is one of ours to see.
pub(crate) fn of_port(address: SocketAddr) -> Option<Holder> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listener(&table, address.port()).map(str::to_owned))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        let has_it = files.any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()));
        has_it.then(|| Holder::of(pid))
    })
}

/// The inode of the socket that listens on that port (proc_pid_net(5): columns local address, remote, state, …, inode).
fn listener(table: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = columns.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local_port, 16) == Ok(port) && columns.get(3) == Some(&LISTEN);
        is_it.then(|| columns.get(9).copied()).flatten()
    })
}

/// The process that holds the lock on a file (proc_locks(5): `1: FLOCK ADVISORY WRITE 708 08:01:130 0 EOF`).
pub(crate) fn of_lock(file: &Path) -> Option<Holder> {
    let inode = fs::metadata(file).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, held) = columns.get(5)?.rsplit_once(':')?;
        if held != inode {
            return None;
        }
        columns.get(4)?.parse().ok().filter(|&pid| pid > 0).map(Holder::of)
    })
}

/// A port near that one that is free at the moment.
pub(crate) fn free_port(ip: IpAddr, port: u16) -> Option<u16> {
    (1..=PORTS_TRIED).filter_map(|step| port.checked_add(step)).find(|&near| TcpListener::bind((ip, near)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_ourselves_behind_our_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(of_port(address).unwrap().pid, std::process::id());
        let near = free_port(address.ip(), address.port()).unwrap();
        assert!(near > address.port());
    }

    #[test]
    fn a_port_that_nobody_holds_has_no_holder() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(of_port(address).is_none());
        assert!(of_lock(Path::new("/nowhere/lock")).is_none());
    }

    #[test]
    fn tables_that_are_not_as_expected_name_nobody() {
        for table in ["", "head\n", "head\n 0: x y z\n", "head\n 0: 0100007F:246C 00000000:0000 0A\n"] {
            assert_eq!(listener(table, 9_324), None, "{table:?}");
        }
    }
}
