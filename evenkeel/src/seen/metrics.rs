//! `/metrics`: everything that is measured, on one page. `docs/operations.md` has the list, and alerts worth having.
//!
//! A scrape asks the engine for its own numbers once and for the queues in pages, each of which takes it less than a millisecond; between
//! two of them it serves. What the threads counted is added up here.

use super::{Seen, usage::Used};
use evenkeel_engine::{Answer, Client, House, Look, Looked, QueueName, Request, Row};
use evenkeel_metrics::{Figures, Kind, Largest, Requests, Shown, Text, write_queues};
use evenkeel_types::{AccountId, WallTime};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

/// Queues that the engine tells of at a time: some hundred microseconds.
const ROWS_MAX: usize = 512;

/// The page, as of that moment. An engine that does not serve is told as such, and the rest all the same.
pub(crate) async fn page(client: &Client, seen: &Seen, now: WallTime) -> String {
    let mut text = Text::default();
    let house = match client.call(Request::Look(Look::House)).await {
        Answer::Looked(Ok(Looked::House(house))) => Some(house),
        _ => None,
    };
    text.family("evenkeel_build_info", Kind::Gauge, "Always 1; its label says which version runs.");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.single("evenkeel_ready", Kind::Gauge, "Whether the node serves: 1 or 0.", u8::from(house.is_some()));
    let halted = seen.sources.halted.get().map_or(0, |halt| halt.entry.0);
    let help = "The entry of the log that cannot be applied, so that the node stands before it; 0 if there is none.";
    text.single("evenkeel_halted_entry", Kind::Gauge, help, halted);
    {
        let threads = seen.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Requests::write(threads.iter().map(|thread| &**thread), evenkeel_sqs::ACTIONS, &mut text);
    }
    write_log(seen, &mut text);
    if let Some(house) = house {
        write_house(seen, &house, &mut text);
        if let Some(shown) = queues(client, seen, now).await {
            write_queues(&shown, |(account, name)| (account.to_string(), name.to_string()), &mut text);
            let help = "Queues that are told of together, as queue=\"other\" of account=\"other\".";
            text.single("evenkeel_queues_as_other", Kind::Gauge, help, shown.other_count);
        }
    }
    if let Some(cluster) = &seen.sources.cluster {
        super::cluster::write(cluster, &mut text);
    }
    write_usage(seen, &seen.usage.look().await, &mut text);
    text.finish()
}

/// All queues, page by page. `None` if the engine stops meanwhile.
async fn queues(client: &Client, seen: &Seen, now: WallTime) -> Option<Shown<(AccountId, Arc<str>)>> {
    let mut round = seen.roster.lock().unwrap_or_else(PoisonError::into_inner).begin();
    let mut behind = None;
    loop {
        let look = Look::Rows { account: None, behind: behind.take(), rows_max: ROWS_MAX };
        let Answer::Looked(Ok(Looked::Rows(rows))) = client.call(Request::Look(look)).await else { return None };
        let Some(last) = rows.last() else { break };
        behind = Some(QueueName { account: last.queue.account, name: (*last.queue.name).into() });
        for row in rows {
            let figures = figures(&row, now);
            round.see(&(row.queue.account, row.queue.name), &figures);
        }
    }
    Some(seen.roster.lock().unwrap_or_else(PoisonError::into_inner).end(round))
}

fn figures(row: &Row, now: WallTime) -> Figures {
    let Row { queue, received } = row;
    let counts = queue.counts;
    Figures {
        ready: counts.ready,
        delayed: counts.delayed,
        in_flight: counts.leased,
        bytes: queue.bytes,
        oldest_millis: queue.oldest.map_or(0, |sent| now.0.saturating_sub(sent.0)),
        groups: queue.groups_in_turns,
        totals: [
            counts.enqueued,
            *received,
            counts.acked,
            counts.expired,
            counts.purged,
            counts.moved_in,
            counts.moved_out,
        ],
    }
}

fn write_log(seen: &Seen, text: &mut Text) {
    let meters = &seen.sources.meters;
    let seconds = 1e6;
    text.family("evenkeel_batch_commands", Kind::Histogram, "Commands in a batch that shares one sync.");
    text.histogram(&[], &meters.batch_commands.counts(), 1.0);
    text.family("evenkeel_batch_bytes", Kind::Histogram, "Bytes of such a batch.");
    text.histogram(&[], &meters.batch_bytes.counts(), 1.0);
    let help = "How long the engine's loop was busy at a time: what a request waits before it is looked at.";
    text.family("evenkeel_engine_busy_seconds", Kind::Histogram, help);
    text.histogram(&[], &meters.busy_micros.counts(), seconds);
    let longest = |micros: &Largest| Duration::from_micros(micros.get()).as_secs_f64();
    let help = "The longest that it was busy at a time since the start.";
    text.single("evenkeel_engine_busy_longest_seconds", Kind::Gauge, help, longest(&meters.busy_micros_max));
    let help =
        "The most that its thread had a processor for in one such time: what lies between was others' or the disk's.";
    text.single("evenkeel_engine_work_longest_seconds", Kind::Gauge, help, longest(&meters.work_micros_max));
    text.family("evenkeel_log_sync_seconds", Kind::Histogram, "How long the log's writes took to be durable.");
    text.histogram(&[], &(seen.sources.syncs)(), seconds);
}

fn write_house(seen: &Seen, house: &House, text: &mut Text) {
    let totals = &house.totals;
    let mut counter = |name, help: &str, value: u64| text.single(name, Kind::Counter, help, value);
    counter("evenkeel_commands_total", "Commands written to the log.", totals.commands);
    counter("evenkeel_batches_total", "Batches of them, each an entry of the log.", totals.batches);
    counter("evenkeel_log_bytes_total", "Bytes of those.", totals.bytes);
    counter("evenkeel_jobs_received_total", "Leases given.", totals.received);
    counter("evenkeel_checkpoints_total", "Checkpoints that became durable.", totals.checkpoints);
    counter("evenkeel_checkpoints_failed_total", "Checkpoints that could not be written.", totals.checkpoints_failed);
    let mut gauge = |name, help: &str, value: u64| text.single(name, Kind::Gauge, help, value);
    gauge("evenkeel_log_applied_index", "The last entry of the log that was applied.", house.applied.0);
    gauge(
        "evenkeel_log_unsynced_bytes",
        "Bytes collected or written and not durable yet.",
        house.unsynced_bytes as u64,
    );
    gauge("evenkeel_long_polls_waiting", "Receives that wait for a job.", house.waiting as u64);
    gauge("evenkeel_queues", "Queues.", house.queues.into());
    gauge("evenkeel_groups", "Groups with jobs or settings of their own, and some left lately.", house.lanes.into());
    gauge("evenkeel_jobs", "Jobs, those purged and not freed yet included.", house.jobs);
    gauge("evenkeel_jobs_max", "Jobs that the settings allow (max_jobs).", seen.sources.jobs_max);
    gauge("evenkeel_body_bytes", "Bytes of all jobs' bodies.", house.body_bytes);
    if seen.sources.bytes_max < u64::MAX {
        gauge("evenkeel_body_bytes_max", "Bytes that the settings allow (max_bytes).", seen.sources.bytes_max);
    }
    gauge("evenkeel_dedup_ids", "De-duplication ids remembered.", house.dedup_ids.into());
    gauge("evenkeel_disk_full", "Whether the disk is full, so that sends are refused: 1 or 0.", house.is_full.into());
}

fn write_usage(seen: &Seen, used: &Used, text: &mut Text) {
    text.family("evenkeel_disk_bytes", Kind::Gauge, "Bytes that the data takes on the disk, by kind of file.");
    used.disk.iter().for_each(|(kind, bytes)| text.sample(&[("kind", kind)], bytes));
    if let Some(free) = used.disk_free {
        text.single("evenkeel_disk_free_bytes", Kind::Gauge, "Bytes that the disk still has.", free);
    }
    if let Some(resident) = used.resident {
        text.single("process_resident_memory_bytes", Kind::Gauge, "Memory that the process holds.", resident);
    }
    if let Some(seconds) = used.cpu_seconds() {
        text.single("process_cpu_seconds_total", Kind::Counter, "Processor time that it took.", seconds);
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    let started = seen.sources.started.0 as f64 / 1e3;
    text.single("process_start_time_seconds", Kind::Gauge, "When it started, in seconds since 1970.", started);
}
