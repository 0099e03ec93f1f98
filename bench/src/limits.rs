//! Bounds of the tool itself: it stops by itself, whatever the server does.

use std::time::Duration;

/// Most connections. Each holds two buffers of some 16 KiB.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Longest answer, bytes: ten jobs of 1 MiB in the worst escaping.
pub const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// First size of a connection's receive buffer, bytes: a batch of ten 1 KiB jobs fits.
pub const RESPONSE_BYTES: usize = 24 << 10;

/// Most header lines in an answer.
pub const RESPONSE_HEADERS_MAX: usize = 64;

/// After so many errors a run is given up.
pub const ERRORS_MAX: u64 = 10_000;

/// Errors that are shown in full.
pub const ERRORS_SHOWN: usize = 5;

/// A run without any answer for so long is given up. Longer than a long poll (20 s).
pub const SILENCE_MAX: Duration = Duration::from_secs(40);

/// How long a server may take to answer `/healthz`.
pub const START_MAX: Duration = Duration::from_secs(60);

/// Disk that the server's data may need beyond what its jobs take, bytes: log, segments made ahead, checkpoints.
pub const ROOM_BYTES: u64 = 3 << 30;

/// Log that a closed loop may write, bytes a second.
pub const LOG_BYTES_PER_SECOND: u64 = 250_000_000;

/// How long a server may take to its first job after a restart with millions waiting.
pub const RESTART_MAX: Duration = Duration::from_secs(300);

/// Time between attempts to reach a server that restarts.
pub const RESTART_POLL: Duration = Duration::from_millis(1);

/// How long a server may take to stop after SIGTERM, before SIGKILL.
pub const STOP_MAX: Duration = Duration::from_secs(20);

/// How long requests under way may take to end after a run.
pub const DRAIN_MAX: Duration = Duration::from_secs(25);

/// Longest measured window, seconds.
pub const SECONDS_MAX: u64 = 3_600;

/// Longest single phase without a set length (filling a queue, draining it).
pub const PHASE_MAX: Duration = Duration::from_secs(1_800);

/// Bytes of a job's body: what the peers were measured with.
pub const BODY_BYTES: usize = 1_024;

/// Most syncs measured just before a run.
pub const SYNCS_BEFORE: usize = 500;

/// How long they may take: on a slow disk there are fewer.
pub const SYNCS_BEFORE_TIME: Duration = Duration::from_secs(1);

/// Time between syncs measured during a run: five a second take some 0.1 % of a disk that syncs in 0.2 ms.
pub const SYNC_EVERY: Duration = Duration::from_millis(200);
