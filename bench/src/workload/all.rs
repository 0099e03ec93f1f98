//! The whole table: each workload on a fresh server, against what must be reached and what is aimed at.

use crate::cli::{AllArgs, Common, CycleArgs, FairnessArgs, GroupsArgs, LatencyArgs};
use crate::machine;
use crate::report::{Row, Verdict, markdown};
use crate::session::Session;
use crate::sqs::action::Kind;
use crate::workload::{cycle, fairness, groups, latency};

/// Runs everything and returns the Markdown.
///
/// # Errors
/// If a workload cannot go on.
pub fn run(common: &Common, args: &AllArgs) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    let mut part = |name: &str, rows_of: &dyn Fn(&mut Session) -> anyhow::Result<Vec<Row>>| -> anyhow::Result<()> {
        println!("\n== {name}");
        rows.append(&mut rows_of(&mut Session::open(common)?)?);
        Ok(())
    };
    part("single calls", &|session| throughput(session, args, 1, (15_000.0, 20_000.0)))?;
    part("batches of 10", &|session| throughput(session, args, 10, (70_000.0, 100_000.0)))?;
    part("latency", &|session| latencies(session, args))?;
    part("fairness", &|session| fair(session, args))?;
    part("groups", &|session| many_groups(session, args))?;
    Ok(format!("```text\n{}\n```\n\n{}", machine::describe(), markdown(&rows)))
}

fn throughput(
    session: &mut Session,
    args: &AllArgs,
    batch: usize,
    (pass, goal): (f64, f64),
) -> anyhow::Result<Vec<Row>> {
    let cycle = CycleArgs {
        connections: args.connections,
        batch,
        groups: 0,
        prefill: 0,
        seconds: args.seconds,
        warmup: args.warmup,
        runs: args.runs,
    };
    let windows = cycle::run(session, &cycle)?;
    let jobs = cycle::median_jobs(&windows);
    let errors = windows.iter().map(|window| window.stats.errors).sum();
    let what = if batch == 1 { "single calls".to_owned() } else { format!("batches of {batch}") };
    Ok(vec![Row {
        what: format!("{what}, {} connections", args.connections),
        measured: format!("{jobs:.0} jobs/s{}", note(errors)),
        pass: format!("{pass:.0} jobs/s"),
        goal: format!("{goal:.0} jobs/s"),
        verdict: Verdict::of(jobs >= pass, jobs >= goal).unless_errors(errors),
    }])
}

fn latencies(session: &mut Session, args: &AllArgs) -> anyhow::Result<Vec<Row>> {
    let open = LatencyArgs {
        connections: args.connections,
        jobs: args.latency_jobs,
        rate_total: args.latency_jobs * 16 / 5,
        idle_queues: 16,
        seconds: args.seconds * 2,
        warmup: args.warmup,
    };
    let window = latency::run(session, &open)?;
    let errors = window.stats.errors + window.stats.empty;
    // A server that fell behind its schedule would look quick on the calls it got to.
    let kept_up = window.requests_per_second() >= 0.98 * open.rate_total as f64;
    let row = |what: &str, micros: f64, pass: f64, goal: f64| Row {
        what: format!("{what} p99 at {} jobs/s, {} requests/s in all", open.jobs, open.rate_total),
        measured: format!("{:.2} ms{}", micros / 1e3, note(errors)),
        pass: format!("{pass:.0} ms"),
        goal: format!("{goal:.0} ms"),
        verdict: Verdict::of(kept_up && micros <= pass * 1e3, micros <= goal * 1e3).unless_errors(errors),
    };
    let mut rows: Vec<Row> = Vec::new();
    for kind in [Kind::Send, Kind::Receive, Kind::Delete, Kind::IdlePoll] {
        let found = window.stats.calls().find(|(held, _)| *held == kind);
        let micros = found.map_or(f64::INFINITY, |(_, latencies)| latencies.quantile_micros(0.99));
        rows.push(row(kind.name(), micros, 5.0, 3.0));
    }
    rows.push(row("send to receive", window.stats.send_to_receive.quantile_micros(0.99), 8.0, 5.0));
    Ok(rows)
}

fn fair(session: &mut Session, args: &AllArgs) -> anyhow::Result<Vec<Row>> {
    let args = FairnessArgs { backlog: args.backlog, tenants: args.tenants, jobs_each: 2 };
    let (one, many) = fairness::run(session, &args)?;
    let round = u64::try_from(args.tenants)?;
    let row = |what: String, measured: String, pass: String, held: bool| Row {
        what,
        measured,
        goal: pass.clone(),
        pass,
        verdict: Verdict::of(held, held),
    };
    Ok(vec![
        row(
            format!("quiet tenant behind {} jobs of one: 1st/10th served", args.backlog),
            format!("after {}/{} jobs", one.first, one.tenth),
            "after 1/19 jobs".to_owned(),
            one.first <= 1 && one.tenth <= 19,
        ),
        row(
            format!("quiet tenant behind {} tenants with backlog: 1st served", args.tenants),
            format!("after {} jobs", many.first),
            format!("after one round ({round} jobs)"),
            many.first <= round,
        ),
    ])
}

fn many_groups(session: &mut Session, args: &AllArgs) -> anyhow::Result<Vec<Row>> {
    let groups = GroupsArgs {
        groups: args.groups,
        connections: args.connections,
        batch: 1,
        seconds: args.seconds,
        warmup: args.warmup,
        runs: 2,
    };
    let ratio = groups::run(session, &groups)?;
    let percent = ratio.percent();
    Ok(vec![Row {
        what: format!("{} groups against one group", args.groups),
        measured: format!("{percent:.1} % ({:.0} against {:.0} jobs/s){}", ratio.many, ratio.one, note(ratio.errors)),
        pass: "80 %".to_owned(),
        goal: "95 %".to_owned(),
        verdict: Verdict::of(percent >= 80.0, percent >= 95.0).unless_errors(ratio.errors),
    }])
}

fn note(errors: u64) -> String {
    if errors == 0 { String::new() } else { format!(", {errors} errors") }
}
