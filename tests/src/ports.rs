//! Ports that a program can come back to: below those that the system gives to whoever asks for any, so that none is taken meanwhile by a
//! connection that goes out.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where Linux's own begin, unless somebody set it otherwise (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;
const LOWEST: u16 = 12_000;
/// Ports that one call may give, counted from the first.
const SPAN: u16 = 16;

/// A port of 127.0.0.1 that is free, as are those at these distances from it.
///
/// # Panics
/// If there is none.
pub fn free(others: &[u16]) -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let blocks = (EPHEMERAL - LOWEST) / SPAN;
    // Tests run beside each other, as threads and as processes.
    let first = std::process::id().wrapping_mul(37) + u32::from(CALLS.fetch_add(1, Ordering::Relaxed));
    let block =
        |step: u32| u16::try_from((first + step) % u32::from(blocks)).expect("there are fewer blocks than ports");
    let ports = (0..u32::from(blocks)).map(|step| LOWEST + block(step) * SPAN);
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let found = ports.into_iter().find(|&port| is_free(port) && others.iter().all(|other| is_free(port + other)));
    found.expect("a port is free")
}
