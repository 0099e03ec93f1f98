//! One queue: how it goes, which groups wait and for how long, and which jobs are next.

use super::{Page, Pending, frame::Frame, looked, problem, queues::figure, tiles::Tiles};
use crate::{
    Console, Step, Visit,
    chart::{self, Line, chart},
    form,
    history::{Sample, rates},
    html::Html,
    limits::{GROUPS_PER_PAGE, NEXT_JOBS},
    who::Who,
    words::{Count, Rate, Size, Span, or_dash},
};
use evenkeel_engine::{Answer, Description, Look, QueueName, Request, Row};
use evenkeel_machine::{
    command::FairBy,
    queue::{GroupPage, GroupRow, Peeked},
};
use evenkeel_types::{Micros, Now, WallTime};

#[derive(Debug)]
pub(super) struct Asked {
    who: Who,
    now: Now,
    queue: QueueName,
    /// Only this group is asked for.
    group: Option<String>,
    is_first: bool,
}

/// `account=…&name=…`, and for a page of groups `from=…`, or one group with `group=…`.
pub(super) fn open(visit: &Visit<'_>, who: &Who) -> Step {
    let value = |name| form::value(visit.query, name);
    let account = value("account").and_then(|account| account.parse().ok());
    let queue = account.zip(value("name")).filter(|(account, name)| who.may_see(*account, name));
    let Some((account, name)) = queue else { return Step::Respond(no_queue(who)) };
    let queue = QueueName { account, name: name.into() };
    let group = value("group").map(|group| group.trim().to_owned()).filter(|group| !group.is_empty());
    let from = value("from").and_then(|from| from.parse().ok());
    let groups = match &group {
        Some(group) => Look::GroupRow { queue: queue.clone(), group: group.as_str().into() },
        None => Look::Groups { queue: queue.clone(), from, rows_max: GROUPS_PER_PAGE },
    };
    let looks = [Look::Row(queue.clone()), groups, Look::Next { queue: queue.clone(), jobs_max: NEXT_JOBS }];
    let mut requests: Vec<Request> = looks.into_iter().map(Request::Look).collect();
    requests.push(Request::Describe(queue.clone()));
    let asked = Asked { who: who.clone(), now: visit.now, queue, group, is_first: from.is_none() };
    Step::Ask(requests, Pending(Page::Queue(asked)))
}

fn no_queue(who: &Who) -> crate::Response {
    problem(404, "No such queue", "It is not there, or this key may not see it.", Some(who))
}

impl Asked {
    pub(super) fn show(self, console: &Console, answers: Vec<Answer>) -> Step {
        console.record(&answers, self.now);
        let row = looked!(answers, Rows).and_then(|rows| rows.first());
        let description = answers.iter().find_map(|answer| match answer {
            Answer::Described(Ok(description)) => Some(description),
            _ => None,
        });
        let Some((row, description)) = row.zip(description) else { return Step::Respond(no_queue(&self.who)) };
        let samples = console.memory().history.of(row.queue.id);
        let response = Frame { title: &self.queue.name, who: Some(&self.who), is_live: true }.page(200, |html| {
            html.raw("<nav class=\"crumbs\"><a href=\"/\">Queues</a></nav><h1>").name(&self.queue.name).raw("</h1>");
            html.live("now");
            self.tiles(html, row, &samples);
            self.charts(html, &samples);
            html.end_live();
            self.groups(html, &answers);
            if let Some(next) = looked!(answers, Next) {
                self.next(html, console, next);
            }
            settings(html, description);
        });
        Step::Respond(response)
    }

    fn tiles(&self, html: &mut Html, row: &Row, samples: &[Sample]) {
        let (queue, counts) = (&row.queue, &row.queue.counts);
        let lately = samples.len().saturating_sub(6);
        let span = samples.get(lately).zip(samples.last()).filter(|_| samples.len() > 1);
        let rates = span.map(|(first, last)| rates(first, last));
        let oldest = queue.oldest.map(|sent| Span::between(sent, self.now.wall));
        let mut tiles = Tiles::begin(html);
        tiles.tile("Waiting", Count(counts.ready), format_args!("and {} delayed", Count(counts.delayed)));
        tiles.tile("In flight", Count(counts.leased), "with workers");
        tiles.tile("Oldest", or_dash(oldest), "waits for its turn");
        let total = |total: u64| format!("per second, {} in all", Count(total));
        tiles.tile("Sent", or_dash(rates.map(|rates| Rate(rates.sent))), total(counts.enqueued + counts.moved_in));
        tiles.tile("Finished", or_dash(rates.map(|rates| Rate(rates.finished))), total(counts.acked));
        tiles.tile("Size", Size(queue.bytes), "of bodies");
        tiles.end();
    }

    fn charts(&self, html: &mut Html, samples: &[Sample]) {
        #[expect(clippy::cast_precision_loss, reason = "drawn, not reckoned with")]
        let line = |name, class, of: fn(&Sample) -> u64| {
            let points = samples.iter().map(|sample| (sample.at, of(sample) as f64)).collect();
            Line { name, class, points }
        };
        html.raw("<div class=\"charts\">");
        let lines = [
            line("waiting", "ready", |sample| sample.ready),
            line("in flight", "leased", |sample| sample.leased),
            line("delayed", "delayed", |sample| sample.delayed),
        ];
        chart(html, "Jobs in the queue", &lines, self.now.monotonic);
        // Each point tells of the six seconds before it, so that a line does not tremble.
        let flow = |of: fn(&crate::history::Rates) -> f64| -> Vec<(Micros, f64)> {
            let pairs = samples.iter().zip(samples.iter().skip(3));
            pairs.map(|(first, last)| (last.at, of(&rates(first, last)))).collect()
        };
        let lines = [
            Line { name: "sent", class: "sent", points: flow(|rates| rates.sent) },
            Line { name: "finished", class: "finished", points: flow(|rates| rates.finished) },
        ];
        chart(html, "Jobs per second", &lines, self.now.monotonic);
        html.raw("</div>");
    }

    fn groups(&self, html: &mut Html, answers: &[Answer]) {
        html.raw("<section class=\"card\"><div class=\"bar-head\"><h2>Groups</h2><form class=\"find\" action=\"/console/queue\">");
        html.raw("<input type=\"hidden\" name=\"account\" value=\"").text(self.queue.account);
        html.raw("\"><input type=\"hidden\" name=\"name\" value=\"").text(&self.queue.name);
        html.raw("\"><input name=\"group\" type=\"search\" maxlength=\"128\" placeholder=\"Find a group\" aria-label=\"Find a group\" spellcheck=\"false\" autocomplete=\"off\" value=\"");
        html.text(self.group.as_deref().unwrap_or_default())
            .raw("\"><button>Find</button></form></div>")
            .live("groups");
        let page = match (looked!(answers, GroupRow), looked!(answers, Groups)) {
            (Some(group), _) => GroupPage { rows: group.iter().cloned().collect(), next: None },
            (None, Some(page)) => page.clone(),
            (None, None) => GroupPage { rows: Vec::new(), next: None },
        };
        if page.rows.is_empty() {
            let words = if self.group.is_some() {
                "No such group, or it has nothing here now."
            } else {
                "No groups have jobs now."
            };
            html.raw("<p class=\"empty\">").raw(words).raw("</p>");
        } else {
            self.group_table(html, page.rows);
        }
        html.raw("<nav class=\"turn\">");
        let link = |html: &mut Html| {
            html.raw("<a href=\"/console/queue?account=")
                .text(self.queue.account)
                .raw("&amp;name=")
                .value(&self.queue.name);
        };
        if self.group.is_some() || !self.is_first {
            link(html);
            html.raw("\">All groups</a>");
        }
        if let Some(next) = page.next {
            link(html);
            html.raw("&amp;from=").text(next).raw("\">More groups</a>");
        }
        html.raw("</nav>").end_live().raw("</section>");
    }

    /// Those that wait longest come first.
    fn group_table(&self, html: &mut Html, mut rows: Vec<GroupRow>) {
        rows.sort_by_key(|row| row.oldest.map_or(u64::MAX, |sent| sent.0));
        let waits = |row: &GroupRow| row.oldest.map_or(0, |sent| self.now.wall.0.saturating_sub(sent.0));
        let longest = rows.iter().map(waits).max().unwrap_or_default().max(1);
        html.raw("<table class=\"stack\"><thead><tr><th>Group<th class=\"n\">Waiting<th class=\"n\">In flight<th class=\"n\">Delayed<th>Oldest waits<th>Turns</tr></thead><tbody>");
        for row in &rows {
            html.raw("<tr><th scope=\"row\">");
            group(html, &row.group);
            html.raw("</th>");
            figure(html, "Waiting", Count(row.ready.into()));
            figure(html, "In flight", Count(row.leased.into()));
            figure(html, "Delayed", Count(row.delayed.into()));
            html.raw("<td class=\"wait\" data-name=\"Oldest waits\">");
            if let Some(sent) = row.oldest {
                #[expect(clippy::cast_precision_loss, reason = "drawn, not reckoned with")]
                chart::bar(html, waits(row) as f64 / longest as f64);
                html.raw("<span>").text(Span::between(sent, self.now.wall)).raw("</span>");
            } else {
                html.raw("–");
            }
            html.raw("</td><td data-name=\"Turns\">").raw(turns(row));
            if let Some(own) = row.own {
                html.raw(" <small>");
                if own.weight > 1 {
                    html.raw("weight ").text(own.weight).raw(" ");
                }
                if own.in_flight_max > 0 {
                    html.raw("at most ").text(Count(own.in_flight_max.into())).raw(" in flight");
                }
                html.raw("</small>");
            }
            html.raw("</td></tr>");
        }
        html.raw("</tbody></table>");
    }

    fn next(&self, html: &mut Html, console: &Console, next: &[Peeked]) {
        html.raw("<section class=\"card\"><div class=\"bar-head\"><h2>Next</h2><p class=\"hint\">What receives would get now, in the order of turns. Looking takes nothing.</p></div>").live("next");
        if next.is_empty() {
            html.raw("<p class=\"empty\">Nothing can be granted now.</p>").end_live().raw("</section>");
            return;
        }
        html.raw("<table class=\"stack\"><thead><tr><th class=\"n\">#<th>Group<th>Job<th class=\"n\">Sent<th class=\"n\">Attempts before<th class=\"n\">Size</tr></thead><tbody>");
        for (at, job) in next.iter().enumerate() {
            html.raw("<tr><td class=\"n\" data-name=\"Turn\">").text(at + 1).raw("</td><td data-name=\"Group\">");
            group(html, &job.group);
            html.raw("</td><td data-name=\"Job\">");
            let id = console.interpreter.id(job.id, job.body);
            html.raw("<a class=\"id\" href=\"/console/job?id=").value(&id).raw("\">").text(&id).raw("</a></td>");
            figure(html, "Sent", format_args!("{} ago", Span::between(job.enqueued_at, self.now.wall)));
            figure(html, "Attempts before", Count(job.grants.into()));
            figure(html, "Size", Size(job.body.bytes.into()));
            html.raw("</tr>");
        }
        html.raw("</tbody></table>").end_live().raw("</section>");
    }
}

/// A group's name; that of the jobs without one is empty.
pub(super) fn group(html: &mut Html, name: &str) {
    if name.is_empty() {
        html.raw("<em>none</em>");
    } else {
        html.name(name);
    }
}

fn turns(row: &GroupRow) -> &'static str {
    match () {
        () if row.in_turns => "<span class=\"tag good\">takes turns</span>",
        () if row.ready > 0 => "<span class=\"tag held\">at its limit</span>",
        () => "<span class=\"tag\">nothing waits</span>",
    }
}

fn settings(html: &mut Html, description: &Description) {
    let settings = &description.settings;
    let seconds = |micros: Micros| Span(micros).to_string();
    let bound = |bound: u64| if bound == 0 { "no limit".into() } else { Count(bound).to_string() };
    html.raw("<details class=\"card\" id=\"settings\"><summary><h2>Settings</h2></summary><dl class=\"facts\">");
    let mut fact = |name: &'static str, value: String| {
        html.raw("<div><dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd></div>");
    };
    fact("Kind", if settings.fifo.is_some() { "FIFO" } else { "standard" }.into());
    fact("Turns by", if settings.fair_by == FairBy::Count { "jobs" } else { "worker time" }.into());
    fact("Lease", seconds(settings.lease));
    fact("Delay", seconds(settings.delay));
    fact("Receives wait", seconds(settings.receive_wait));
    fact("Jobs stay", seconds(Micros(u64::from(settings.retention_secs) * 1_000_000)));
    fact("Largest body", Size(settings.body_bytes_max.into()).to_string());
    fact("In flight per group", bound(settings.group_in_flight_max.into()));
    fact("Jobs", bound(settings.jobs_max));
    fact("Bytes", if settings.bytes_max == 0 { "no limit".into() } else { Size(settings.bytes_max).to_string() });
    fact("Made", when(description.created_at));
    html.raw("</dl></details>");
}

fn when(at: WallTime) -> String {
    crate::words::Moment(at).to_string()
}
