//! The load: a flood, a trickle from each quiet tenant, and workers, the same for both queues.

use super::{
    measured::{Lane, Measured},
    plan::{JOBS_PER_TICK, NOISY, Plan, QUIET_EVERY, TENANTS, TICK},
};
use crate::client::{CallError, Endpoint, Sqs, batch_failures};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// Jobs in a batch of the flood.
const BATCH: u32 = 10;

/// One queue as its senders and workers see it.
#[derive(Clone)]
struct Side {
    endpoint: Endpoint,
    url: String,
    has_groups: bool,
    measured: Rc<RefCell<Measured>>,
    begun: Instant,
}

/// Makes both queues and sets everybody to work. The set is empty when all jobs are done.
pub(super) async fn start(
    endpoint: &Endpoint,
    plan: &Plan,
    measured: &Rc<RefCell<Measured>>,
    begun: Instant,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let mut loads = JoinSet::new();
    for (name, has_groups) in [("one-line", false), ("fair", true)] {
        let answer = Sqs::new(endpoint.clone(), None).call("CreateQueue", &json!({"QueueName": name})).await?;
        let url = answer.get("QueueUrl").and_then(Value::as_str).context("the server gave no URL")?.to_owned();
        let side = Side { endpoint: endpoint.clone(), url, has_groups, measured: Rc::clone(measured), begun };
        loads.spawn_local(flood(side.clone(), plan.clone()));
        for tenant in (0..TENANTS.len()).filter(|&tenant| tenant != NOISY) {
            loads.spawn_local(trickle(side.clone(), plan.clone(), tenant));
        }
        loads.spawn_local(work(side, plan.clone()));
    }
    Ok(loads)
}

impl Side {
    fn sqs(&self) -> Sqs {
        Sqs::new(self.endpoint.clone(), None)
    }

    fn change(&self, change: impl FnOnce(&mut Lane)) {
        let mut measured = self.measured.borrow_mut();
        change(if self.has_groups { &mut measured.fair } else { &mut measured.line });
    }

    /// A job that says whose it is and when it was sent: its wait is told by the job itself.
    fn entry(&self, tenant: usize, sent: Duration, id: u32) -> Value {
        let body = format!("{tenant} {}", sent.as_micros());
        match TENANTS.get(tenant).filter(|_| self.has_groups) {
            Some(name) => json!({"Id": id.to_string(), "MessageBody": body, "MessageGroupId": name}),
            None => json!({"Id": id.to_string(), "MessageBody": body}),
        }
    }

    async fn send(&self, sqs: &mut Sqs, tenant: usize, jobs: u32) -> anyhow::Result<()> {
        let sent = self.begun.elapsed();
        let entries: Vec<Value> = (0..jobs).map(|id| self.entry(tenant, sent, id)).collect();
        self.change(|lane| (0..jobs).for_each(|_| lane.sent(tenant, sent)));
        let answer = sqs.call("SendMessageBatch", &json!({"QueueUrl": self.url, "Entries": entries})).await?;
        if let Some((_, why)) = batch_failures(&answer).first() {
            bail!("a job was refused: {why}");
        }
        Ok(())
    }
}

async fn flood(side: Side, plan: Plan) -> anyhow::Result<()> {
    let mut sqs = side.sqs();
    tokio::time::sleep_until(side.begun + plan.flood_at).await;
    for _ in 0..plan.flood_jobs / BATCH {
        side.send(&mut sqs, NOISY, BATCH).await?;
    }
    Ok(())
}

async fn trickle(side: Side, plan: Plan, tenant: usize) -> anyhow::Result<()> {
    let mut sqs = side.sqs();
    // One after the other, not all at once.
    let others = u32::try_from(TENANTS.len() - 1).unwrap_or(1);
    let first = side.begun + QUIET_EVERY * u32::try_from(tenant).unwrap_or(0) / others;
    let mut tick = interval_at(first, QUIET_EVERY);
    while tick.tick().await < side.begun + plan.quiet_until {
        side.send(&mut sqs, tenant, 1).await?;
    }
    Ok(())
}

/// Takes jobs at the fixed rate, and finishes them, until all are done.
async fn work(side: Side, plan: Plan) -> anyhow::Result<()> {
    let mut sqs = side.sqs();
    let mut tick = interval_at(side.begun, TICK);
    // A slow moment is made up for, so that both queues are worked on at one rate.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let receive = json!({"QueueUrl": side.url, "MaxNumberOfMessages": JOBS_PER_TICK, "WaitTimeSeconds": 0});
    loop {
        tick.tick().await;
        let answer = sqs.call("ReceiveMessage", &receive).await?;
        let at = side.begun.elapsed();
        let jobs: Vec<&Value> = answer.get("Messages").and_then(Value::as_array).into_iter().flatten().collect();
        let mut left = 0;
        side.change(|lane| {
            for job in &jobs {
                if let Some((tenant, sent)) = job.get("Body").and_then(Value::as_str).and_then(read) {
                    lane.got(tenant, sent, at);
                }
            }
            left = lane.waiting_all();
        });
        if !jobs.is_empty() {
            finish(&mut sqs, &side.url, &jobs).await?;
        }
        if left == 0 && at > plan.quiet_until + TICK {
            return Ok(());
        }
    }
}

async fn finish(sqs: &mut Sqs, url: &str, jobs: &[&Value]) -> Result<(), CallError> {
    let handle = |job: &Value| job.get("ReceiptHandle").cloned().unwrap_or_default();
    let entry = |(id, job): (usize, &&Value)| json!({"Id": id.to_string(), "ReceiptHandle": handle(job)});
    let entries: Vec<Value> = jobs.iter().enumerate().map(entry).collect();
    sqs.call("DeleteMessageBatch", &json!({"QueueUrl": url, "Entries": entries})).await.map(drop)
}

fn read(body: &str) -> Option<(usize, Duration)> {
    let (tenant, micros) = body.split_once(' ')?;
    Some((tenant.parse().ok()?, Duration::from_micros(micros.parse().ok()?)))
}
