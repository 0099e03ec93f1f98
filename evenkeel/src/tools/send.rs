//! `evenkeel send`: one job, or one per line of a file or of standard input.

use super::{
    queues::pair,
    session::{ServerArgs, Session, text},
};
use crate::{
    client::batch_failures,
    screen::StatusLine,
    text::{jobs, one_line, thousands},
};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use std::{
    io::{self, BufRead, BufReader, IsTerminal},
    path::PathBuf,
    time::Instant,
};

/// Jobs in a batch, and bytes of their bodies together: SQS's own limits (API Reference, "SendMessageBatch").
const BATCH_JOBS_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 1_048_576;

/// Send one job, or one per line of a file or of standard input.
///
/// Jobs of a file are sent in its order, in batches of up to ten. Each batch is acknowledged once it is on the disk. If a job is
/// refused, the command says which line it was and stops after its batch.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel send work 'resize picture 17'
  evenkeel send work 'resize picture 18' --group tenant-a --delay 60
  evenkeel send work --file jobs.txt --group tenant-b
  seq 1000 | evenkeel send work
  printf 'tenant-a\\tfirst\\ntenant-b\\tsecond\\n' | evenkeel send work --grouped")]
pub(crate) struct SendArgs {
    /// The queue's name or URL.
    queue: String,

    /// The job's body. Without it (and without --file) each line of standard input is a job.
    #[arg(value_name = "BODY", conflicts_with_all = ["file", "grouped"])]
    body: Option<String>,

    /// Send each line of this file as a job; - is standard input. Empty lines are left out.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The group of the jobs: the tenant whose turn they wait for (MessageGroupId).
    #[arg(long, short, value_name = "NAME")]
    group: Option<String>,

    /// Each line is a group, a tab, and the job's body.
    #[arg(long, conflicts_with = "group")]
    grouped: bool,

    /// Nobody gets the jobs before so many seconds have passed, up to 900.
    #[arg(long, short, value_name = "SECONDS")]
    delay: Option<u32>,

    /// A message attribute (a string) of each job; may be given several times.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,

    /// The de-duplication id, on FIFO queues.
    #[arg(long, value_name = "ID", requires = "body")]
    dedup_id: Option<String>,

    /// Ids as JSON: one object per job and line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(mut args: SendArgs) -> anyhow::Result<()> {
    let mut session = Session::new(&args.server)?;
    match args.body.take() {
        Some(body) => send_one(&mut session, &args, body).await,
        None => send_lines(&mut session, &args).await,
    }
}

/// A job as `SendMessage` and, with an id, `SendMessageBatch` take it.
fn entry(args: &SendArgs, group: Option<&str>, body: String) -> Map<String, Value> {
    let mut entry = Map::from_iter([("MessageBody".to_owned(), Value::from(body))]);
    if let Some(group) = group {
        entry.insert("MessageGroupId".into(), group.into());
    }
    if let Some(delay) = args.delay {
        entry.insert("DelaySeconds".into(), delay.into());
    }
    if let Some(id) = &args.dedup_id {
        entry.insert("MessageDeduplicationId".into(), id.as_str().into());
    }
    if !args.attribute.is_empty() {
        let attribute =
            |(name, value): &(String, String)| (name.clone(), json!({"DataType": "String", "StringValue": value}));
        entry.insert("MessageAttributes".into(), args.attribute.iter().map(attribute).collect::<Map<_, _>>().into());
    }
    entry
}

async fn send_one(session: &mut Session, args: &SendArgs, body: String) -> anyhow::Result<()> {
    let url = session.queue(&args.queue).await?;
    let mut request = entry(args, args.group.as_deref(), body);
    request.insert("QueueUrl".into(), url.into());
    let answer = session.sqs.call("SendMessage", &request.into()).await?;
    if args.json {
        session.json(&json!({"id": text(&answer, "MessageId")}))?;
    } else {
        eprintln!("sent {}", one_line(text(&answer, "MessageId")));
    }
    Ok(())
}

async fn send_lines(session: &mut Session, args: &SendArgs) -> anyhow::Result<()> {
    let mut lines = Lines::open(args)?;
    let url = session.queue(&args.queue).await?;
    let mut status = StatusLine::new(true);
    let (begun, mut sent) = (Instant::now(), 0u64);
    loop {
        let batch = lines.batch(args)?;
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { break };
        let at = if first.line == last.line {
            format!("line {}", first.line)
        } else {
            format!("lines {} to {}", first.line, last.line)
        };
        let told = |sent: u64| format!("{at}; before that, {} sent", jobs(sent));
        let entries: Vec<Value> = batch.iter().map(|job| job.entry(args)).collect();
        let answer = session.sqs.call("SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries})).await;
        let answer = answer.with_context(|| told(sent))?;
        let failed = batch_failures(&answer);
        sent += (batch.len() - failed.len()) as u64;
        if args.json {
            for taken in answer.get("Successful").and_then(Value::as_array).into_iter().flatten() {
                let line: u64 = text(taken, "Id").parse().unwrap_or(0);
                session.json(&json!({"line": line, "id": text(taken, "MessageId")}))?;
            }
        }
        if let Some((line, why)) = failed.first() {
            let others =
                if failed.len() > 1 { format!(" (and {} more of its batch)", failed.len() - 1) } else { String::new() };
            bail!("line {line}{others}: {why}; {} sent", jobs(sent));
        }
        let rate = sent as f64 / begun.elapsed().as_secs_f64().max(0.001);
        status.show(format_args!("{} sent, {rate:.0}/s{}", jobs(sent), lines.share()));
    }
    status.end();
    if !args.json {
        let left_out =
            if lines.empty > 0 { format!(", {} empty lines left out", thousands(lines.empty)) } else { String::new() };
        eprintln!("{} sent{left_out}", jobs(sent));
    }
    Ok(())
}

/// One job of a file.
struct Job {
    line: u64,
    group: Option<String>,
    body: String,
}

impl Job {
    fn entry(&self, args: &SendArgs) -> Value {
        let mut entry = entry(args, self.group.as_deref().or(args.group.as_deref()), self.body.clone());
        // The line stands for the job in what the server says of it.
        entry.insert("Id".into(), self.line.to_string().into());
        entry.into()
    }
}

/// Jobs, line by line.
struct Lines {
    input: Input,
    line: u64,
    empty: u64,
    read_bytes: u64,
    all_bytes: Option<u64>,
    /// One that did not fit into the batch before.
    next: Option<Job>,
}

type Input = BufReader<Box<dyn io::Read>>;

impl Lines {
    fn open(args: &SendArgs) -> anyhow::Result<Self> {
        let path = args.file.as_ref().filter(|path| path.as_os_str() != "-");
        let mut all_bytes = None;
        let input: Box<dyn io::Read> = match path {
            Some(path) => {
                let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
                all_bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
                Box::new(file)
            }
            None if args.file.is_none() && io::stdin().is_terminal() => {
                bail!("give the job's body, or a file of jobs with --file, or pipe jobs in, one a line")
            }
            None => Box::new(io::stdin()),
        };
        Ok(Self { input: BufReader::new(input), line: 0, empty: 0, read_bytes: 0, all_bytes, next: None })
    }

    /// Jobs for one call: as many as fit, but none is kept waiting for lines that are not written yet.
    fn batch(&mut self, args: &SendArgs) -> anyhow::Result<Vec<Job>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let extra: usize = args.attribute.iter().map(|(name, value)| name.len() + value.len() + "String".len()).sum();
        while batch.len() < BATCH_JOBS_MAX && (batch.is_empty() || self.has_line()) {
            let Some(job) = self.next.take().map_or_else(|| self.job(args), |job| Ok(Some(job)))? else { break };
            let more = job.body.len() + extra;
            if !batch.is_empty() && bytes + more > BATCH_BYTES_MAX {
                self.next = Some(job);
                break;
            }
            bytes += more;
            batch.push(job);
        }
        Ok(batch)
    }

    /// Whether a line can be had at once; a file keeps nobody waiting.
    fn has_line(&self) -> bool {
        self.next.is_some() || self.all_bytes.is_some() || self.input.buffer().contains(&b'\n')
    }

    /// The next line that is not empty.
    fn job(&mut self, args: &SendArgs) -> anyhow::Result<Option<Job>> {
        loop {
            let mut bytes = Vec::new();
            // Longer than any job may be: do not take up all memory for a file without line ends.
            let limit = BATCH_BYTES_MAX as u64 + 1_024;
            let read =
                io::Read::take(&mut self.input, limit).read_until(b'\n', &mut bytes).context("reading the jobs")?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.read_bytes += read as u64;
            let line = self.line;
            if read as u64 == limit {
                bail!("line {line} is longer than a job may be (1 MiB)");
            }
            let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("line {line} is not UTF-8"))?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.is_empty() {
                self.empty += 1;
                continue;
            }
            let (group, body) = match text.split_once('\t').filter(|_| args.grouped) {
                Some((group, body)) => (Some(group.to_owned()), body),
                None if args.grouped => bail!("line {line} has no tab: with --grouped a line is GROUP, a tab, BODY"),
                None => (None, text),
            };
            return Ok(Some(Job { line, group, body: body.to_owned() }));
        }
    }

    /// How far it is, if that is known.
    fn share(&self) -> String {
        let all = self.all_bytes.filter(|&bytes| bytes > 0);
        all.map_or_else(String::new, |all| format!(", {} %", (self.read_bytes * 100 / all).min(100)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        send: SendArgs,
    }

    fn batches(text: &str, flags: &[&str]) -> anyhow::Result<Vec<Vec<(u64, String)>>> {
        let args = Flags::parse_from(["send", "q"].iter().chain(flags)).send;
        let input: Input = BufReader::new(Box::new(io::Cursor::new(text.to_owned())));
        let mut lines = Lines { input, line: 0, empty: 0, read_bytes: 0, all_bytes: Some(9), next: None };
        let mut all = Vec::new();
        loop {
            let batch = lines.batch(&args)?;
            if batch.is_empty() {
                return Ok(all);
            }
            let told =
                |job: Job| (job.line, format!("{}{}", job.group.map_or(String::new(), |group| group + ":"), job.body));
            all.push(batch.into_iter().map(told).collect());
        }
    }

    #[test]
    fn lines_become_batches_of_ten_that_know_their_lines() {
        let text: String =
            (1..=21).map(|line| if line == 3 { "\r\n".to_owned() } else { format!("job {line}\n") }).collect();
        let batches = batches(&text, &[]).unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10]);
        assert_eq!(batches[0][2], (4, "job 4".to_owned()));
        assert_eq!(batches[1][9], (21, "job 21".to_owned()));
    }

    #[test]
    fn batches_are_no_larger_than_sqs_takes() {
        let text = format!("{0}\n{0}\n{0}\nlast", "x".repeat(400_000));
        let sizes: Vec<usize> = batches(&text, &[]).unwrap().iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2]);
        let error = batches(&"x".repeat(1_100_000), &[]).unwrap_err().to_string();
        assert!(error.contains("line 1 is longer"), "{error}");
    }

    #[test]
    fn a_line_may_name_its_group() {
        assert_eq!(batches("a\tone\tmore\n", &["--grouped"]).unwrap(), [[(1, "a:one\tmore".to_owned())]]);
        assert!(batches("a\tone\ntwo\n", &["--grouped"]).unwrap_err().to_string().contains("line 2"));
    }
}
