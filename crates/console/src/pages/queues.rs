//! All queues: how many jobs wait in each, and for how long.

use super::{Page, Pending, frame::Frame, looked, nodes, tiles::Tiles};
use crate::{
    Console, Step, Visit, chart, form,
    history::{History, HouseRates, Rates},
    html::Html,
    limits::{QUEUES_PER_PAGE, QUEUES_READ_FOR_A_PAGE},
    who::Who,
    words::{Count, Rate, Span, or_dash},
};
use evenkeel_engine::{Answer, House, Look, QueueName, Request, Row};
use evenkeel_types::{Micros, Now};

#[derive(Debug)]
pub(super) struct Asked {
    who: Who,
    now: Now,
    is_first: bool,
}

/// `after=ACCOUNT/NAME`: the last queue of the page before.
pub(super) fn open(visit: &Visit<'_>, who: &Who) -> Step {
    let after = form::value(visit.query, "after").unwrap_or_default();
    let behind = after.split_once('/').and_then(|(account, name)| {
        Some(QueueName { account: account.parse().ok()?, name: name.chars().take(80).collect::<String>().into() })
    });
    // Of a key for some queues only, most of what is read may not be shown.
    let rows_max = if who.known.rights.is_all() { QUEUES_PER_PAGE } else { QUEUES_READ_FOR_A_PAGE };
    let asked = Asked { who: who.clone(), now: visit.now, is_first: behind.is_none() };
    let rows = Look::Rows { account: who.account(), behind, rows_max };
    Step::Ask(vec![Request::Look(Look::House), Request::Look(rows)], Pending(Page::Queues(asked)))
}

impl Asked {
    pub(super) fn show(self, console: &Console, answers: Vec<Answer>) -> Step {
        console.record(&answers, self.now);
        let none = Vec::new();
        let read = looked!(answers, Rows).unwrap_or(&none);
        // The machine ends a page early if it had to look at many groups, but not before so many queues.
        let next = read.last().filter(|_| read.len() >= QUEUES_PER_PAGE);
        let shown: Vec<&Row> = read.iter().filter(|row| self.who.may_see(row.queue.account, &row.queue.name)).collect();
        let memory = console.memory();
        let response = Frame { title: "Queues", who: Some(&self.who), is_live: true }.page(200, |html| {
            html.raw("<h1>Queues</h1>").live("queues");
            if self.who.sees_nodes
                && let Some(nodes) = console.nodes()
            {
                nodes::alerts(html, &nodes);
            }
            if let Some(house) = looked!(answers, House) {
                self.house(html, house, memory.history.house_rates());
            }
            if shown.is_empty() {
                self.nothing(html);
            } else {
                self.table(html, &shown, console, &memory.history);
            }
            self.turn(html, next);
            html.end_live();
        });
        Step::Respond(response)
    }

    fn house(&self, html: &mut Html, house: &House, rates: Option<HouseRates>) {
        if house.is_full {
            html.raw("<p class=\"alert\" role=\"alert\">The disk is full: nothing can be sent until jobs were received and deleted, or there is more room.</p>");
        }
        let mut tiles = Tiles::begin(html);
        let rate = |of: fn(&HouseRates) -> f64| or_dash(rates.as_ref().map(|rates| Rate(of(rates))));
        if self.who.known.is_root {
            tiles.tile("Jobs", Count(house.jobs), queues(house.queues.into()));
            tiles.tile("Leases given", rate(|rates| rates.received), "per second");
            tiles.tile("Commands", rate(|rates| rates.commands), "written per second");
            tiles.tile("Receivers", Count(house.waiting as u64), "wait for a job");
        }
        let sync = |of: fn(&HouseRates) -> Option<Micros>| or_dash(rates.as_ref().and_then(of).map(Span));
        let p99 = rates.as_ref().and_then(|rates| rates.sync_p99);
        let remark = p99.map_or_else(|| "nothing was written".into(), |p99| format!("99 of 100 within {}", Span(p99)));
        tiles.tile("Sync", sync(|rates| rates.sync_p50), remark);
        tiles.end();
    }

    fn nothing(&self, html: &mut Html) {
        if !self.is_first {
            html.raw("<p class=\"empty card\">No more queues.</p>");
            return;
        }
        html.raw("<div class=\"empty card\"><p>No queues yet. Make one and send a job:</p><pre>evenkeel queues create work\nevenkeel send work 'hello' --group tenant-a</pre></div>");
    }

    fn table(&self, html: &mut Html, rows: &[&Row], console: &Console, history: &History) {
        let own = console.directory.root().account;
        html.raw("<div class=\"card\"><table class=\"stack\"><thead><tr><th>Queue<th class=\"chart\"><span class=\"hidden\">The last five minutes</span>");
        html.raw("<th class=\"n\">Waiting<th class=\"n\">Delayed<th class=\"n\">In flight<th class=\"n\">Oldest<th class=\"n\">Sent/s<th class=\"n\">Finished/s<th class=\"n\">Groups</tr></thead><tbody>");
        for row in rows {
            let queue = &row.queue;
            html.raw("<tr><th scope=\"row\"><a href=\"/console/queue?account=").text(queue.account).raw("&amp;name=");
            html.value(&queue.name).raw("\">").name(&queue.name).raw("</a>");
            if queue.account != own {
                html.raw("<small>").text(queue.account).raw("</small>");
            }
            html.raw("</th><td class=\"chart\">");
            #[expect(clippy::cast_precision_loss, reason = "drawn, not reckoned with")]
            let points: Vec<_> = history.of(queue.id).iter().map(|one| (one.at, one.ready as f64)).collect();
            chart::spark(html, &points, self.now.monotonic);
            html.raw("</td>");
            let rates = history.rates(queue.id);
            let rate = |of: fn(&Rates) -> f64| or_dash(rates.as_ref().map(|rates| Rate(of(rates))));
            let oldest = queue.oldest.map(|sent| Span::between(sent, self.now.wall));
            figure(html, "Waiting", Count(queue.counts.ready));
            figure(html, "Delayed", Count(queue.counts.delayed));
            figure(html, "In flight", Count(queue.counts.leased));
            figure(html, "Oldest", or_dash(oldest));
            figure(html, "Sent/s", rate(|rates| rates.sent));
            figure(html, "Finished/s", rate(|rates| rates.finished));
            figure(html, "Groups", Count(queue.groups_in_turns));
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div>");
    }

    fn turn(&self, html: &mut Html, last: Option<&Row>) {
        html.raw("<nav class=\"turn\">");
        if !self.is_first {
            html.raw("<a href=\"/\">First page</a>");
        }
        if let Some(Row { queue, .. }) = last {
            html.raw("<a href=\"/?after=").text(queue.account).raw("%2F").value(&queue.name).raw("\">Next page</a>");
        }
        html.raw("</nav>");
    }
}

fn queues(count: u64) -> String {
    if count == 1 { "in 1 queue".into() } else { format!("in {} queues", Count(count)) }
}

/// A cell that says what it is where the table has no columns.
pub(super) fn figure(html: &mut Html, name: &'static str, value: impl std::fmt::Display) {
    html.raw("<td class=\"n\" data-name=\"").raw(name).raw("\">").text(value).raw("</td>");
}
