//! CPU time and memory of a process, from `/proc` (proc(5): `stat`, fields 14 and 15; `smaps_rollup`; `status`).
//!
//! Ticks are 10 ms on most machines, so that a window should have seconds.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;

/// CPU time so far, microseconds of user and system time.
#[derive(Clone, Debug, Default)]
pub struct CpuTime {
    pub process_micros: u64,
    /// The part of it outside of the kernel.
    pub user_micros: u64,
    /// By thread id: name and time. Threads that ended are in the process's time only.
    threads: BTreeMap<u32, (String, u64)>,
}

/// CPU time used in a window.
pub struct CpuUse {
    pub micros: u64,
    /// The part of it outside of the kernel.
    pub user_micros: u64,
    /// By thread name (threads of one name together), dearest first.
    pub threads: Vec<(String, u64)>,
}

impl CpuTime {
    /// # Errors
    /// If there is no such process.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let tick_micros = 1_000_000 / rustix::param::clock_ticks_per_second().max(1);
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("reading {path}"));
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let (_, user, system) = parse_stat(&stat).context("an odd /proc/PID/stat")?;
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            // A thread may end while it is looked at.
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if let Some((name, user, system)) = parse_stat(&stat) {
                threads.insert(id, (name, (user + system) * tick_micros));
            }
        }
        let (process_micros, user_micros) = ((user + system) * tick_micros, user * tick_micros);
        Ok(Self { process_micros, user_micros, threads })
    }

    /// What was used since `earlier`.
    pub fn since(&self, earlier: &Self) -> CpuUse {
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for (id, (name, micros)) in &self.threads {
            let before = earlier.threads.get(id).map_or(0, |(_, micros)| *micros);
            *names.entry(name).or_default() += micros.saturating_sub(before);
        }
        let mut names: Vec<(String, u64)> = names.into_iter().map(|(name, micros)| (name.to_owned(), micros)).collect();
        names.sort_by_key(|(_, micros)| std::cmp::Reverse(*micros));
        CpuUse {
            micros: self.process_micros.saturating_sub(earlier.process_micros),
            user_micros: self.user_micros.saturating_sub(earlier.user_micros),
            threads: names,
        }
    }
}

/// Memory of a process, bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Proportional set size: what it would give back if it ended.
    pub pss: u64,
    /// The largest resident set so far; pages of mapped files and shared ones count in full.
    pub rss_peak: u64,
}

impl Memory {
    /// # Errors
    /// If there is no such process, or it is somebody else's.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let field = |file: &str, name: &str| {
            let path = format!("/proc/{pid}/{file}");
            let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            parse_kib(&text, name).with_context(|| format!("no {name} in {path}"))
        };
        Ok(Self { pss: field("smaps_rollup", "Pss:")?, rss_peak: field("status", "VmHWM:")? })
    }
}

/// The bytes in a line `name 123 kB`.
fn parse_kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The name and the user and system ticks of one `stat` line. The name stands in brackets and may contain anything.
fn parse_stat(line: &str) -> Option<(String, u64, u64)> {
    let (before, after) = line.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((name.to_owned(), ticks()?, ticks()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_are_read_whatever_the_name() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 1000 10";
        assert_eq!(parse_stat(line), Some(("a) b (c".to_owned(), 250, 50)));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "Rss:  5 kB\nPss:                 123 kB\nPss_Dirty:            7 kB\n";
        assert_eq!(parse_kib(text, "Pss:"), Some(123 << 10));
        assert_eq!(parse_kib(text, "Swap:"), None);
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.pss > 0 && memory.rss_peak >= memory.pss);
    }

    #[test]
    fn our_own_time_can_be_read() {
        let before = CpuTime::of(std::process::id()).unwrap();
        let used = CpuTime::of(std::process::id()).unwrap().since(&before);
        assert!(!used.threads.is_empty());
    }
}
