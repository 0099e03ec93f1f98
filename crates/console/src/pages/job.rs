//! One job's life: sent, granted, with whom it is and until when; its body if somebody asks for it.

use super::{Page, Pending, frame::Frame, looked, problem, queue::group};
use crate::{
    Console, Response, Step, Visit, form,
    html::Html,
    limits::BODY_CHARS_SHOWN,
    who::Who,
    words::{Count, Moment, Size, Span},
};
use evenkeel_engine::{Answer, Legible, Look, Request};
use evenkeel_machine::queue::{JobDetail, JobPlace};
use evenkeel_types::{Now, WallTime};

#[derive(Debug)]
pub(super) struct Asked {
    who: Who,
    now: Now,
    id: String,
    with_body: bool,
    /// Seen already; its body is awaited.
    detail: Option<Box<JobDetail>>,
}

/// `id=…`, and `body=1` for its body.
pub(super) fn open(console: &Console, visit: &Visit<'_>, who: &Who) -> Step {
    let id = form::value(visit.query, "id").unwrap_or_default().trim().to_ascii_lowercase();
    let Some(place) = console.interpreter.place(&id) else {
        let words = "A job's id is the message id that its sender was told: 32 digits and four dashes.";
        return Step::Respond(problem(404, "That is no job's id", words, Some(who)));
    };
    let with_body = form::value(visit.query, "body").as_deref() == Some("1");
    let look = Look::Job { slot: place.slot, index: place.index, offset: place.offset };
    let asked = Asked { who: who.clone(), now: visit.now, id, with_body, detail: None };
    Step::Ask(vec![Request::Look(look)], Pending(Page::Job(asked)))
}

impl Asked {
    pub(super) fn show(mut self, console: &Console, answers: Vec<Answer>) -> Step {
        if let Some(detail) = self.detail.take() {
            let body = looked!(answers, Body).and_then(Option::as_ref);
            let legible = body.and_then(|body| console.interpreter.read(body));
            let body = if body.is_some() && legible.is_none() { Body::Strange } else { Body::of(legible) };
            return Step::Respond(self.page(&detail, &body));
        }
        let detail = looked!(answers, Job).cloned().flatten();
        // Whether there is a job that may not be seen is not told.
        let Some(detail) = detail.filter(|detail| self.who.may_see(detail.account, &detail.queue)) else {
            return Step::Respond(self.gone());
        };
        if self.with_body && self.who.may_read(detail.account, &detail.queue) {
            let look = Request::Look(Look::Body(detail.body));
            self.detail = Some(detail);
            return Step::Ask(vec![look], Pending(Page::Job(self)));
        }
        Step::Respond(self.page(&detail, &Body::NotAsked))
    }

    fn gone(&self) -> Response {
        let words = "It is finished, purged or past its time; or it never was; or this key may not see it. Jobs that are done leave no trace here.";
        problem(404, "No such job here now", words, Some(&self.who))
    }

    fn page(&self, detail: &JobDetail, body: &Body) -> Response {
        Frame { title: "Job", who: Some(&self.who), is_live: true }.page(200, |html| {
            html.raw("<nav class=\"crumbs\"><a href=\"/\">Queues</a> / <a href=\"/console/queue?account=")
                .text(detail.account);
            html.raw("&amp;name=").value(&detail.queue).raw("\">").name(&detail.queue).raw("</a></nav>");
            html.raw("<h1>Job <span class=\"id\">").text(&self.id).raw("</span></h1>").live("life");
            html.raw("<div class=\"halves\">");
            self.life(html, detail);
            facts(html, detail);
            html.raw("</div>").end_live();
            self.body(html, detail, body);
        })
    }

    fn life(&self, html: &mut Html, detail: &JobDetail) {
        html.raw("<section class=\"card\"><h2>Life</h2><ol class=\"life\">");
        let mut step = |class: &'static str, name: &'static str, at: Option<WallTime>, words: String| {
            html.raw("<li class=\"").raw(class).raw("\"><b>").raw(name).raw("</b>");
            if let Some(at) = at {
                html.raw(" <time>").text(Moment(at)).raw("</time>");
            }
            html.raw(" <small>").text(words).raw("</small></li>");
        };
        let (now, ago) = (self.now.wall, |at| format!("{} ago", Span::between(at, self.now.wall)));
        let ahead = |at| format!("in {}", Span::between(now, at));
        step("done", "Sent", Some(detail.enqueued_at), ago(detail.enqueued_at));
        if let Some(first) = detail.first_granted_at {
            let waited = Span::between(detail.enqueued_at, first);
            step("done", "First granted", Some(first), format!("after {waited}"));
        }
        match detail.place {
            JobPlace::Delayed { until } => step("now", "Held back until", Some(until), ahead(until)),
            JobPlace::Ready => step("now", "Waits for its turn", None, String::new()),
            JobPlace::Leased { since, until } => {
                step("now", "With a worker since", Some(since), ago(since));
                step("next", "Comes back", Some(until), format!("{} unless it is deleted before", ahead(until)));
            }
        }
        step("next", "Expires", Some(detail.expires_at), ahead(detail.expires_at));
        html.raw("</ol></section>");
    }

    fn body(&self, html: &mut Html, detail: &JobDetail, body: &Body) {
        html.raw("<section class=\"card body\"><h2>Body</h2>");
        match body {
            Body::NotAsked if self.who.may_read(detail.account, &detail.queue) => {
                html.raw("<p><a class=\"button\" href=\"/console/job?id=")
                    .value(&self.id)
                    .raw("&amp;body=1\">Show the body</a> <small>");
                html.text(Size(detail.body.bytes.into())).raw("</small></p>");
            }
            Body::NotAsked => {
                html.raw(
                    "<p class=\"empty\">This key may not read bodies here: that takes the right to sqs:ReceiveMessage, and no policy of the queue that denies it.</p>",
                );
            }
            Body::Gone => {
                html.raw("<p class=\"empty\">It cannot be read now: the job is finished, or its file is.</p>");
            }
            Body::Strange => {
                html.raw("<p class=\"alert\">It is not what was sent: it is damaged. <code>evenkeel check</code> tells more.</p>");
            }
            Body::Read(legible) => legibly(html, legible),
        }
        html.raw("</section>");
    }
}

/// What is known of a body.
enum Body {
    NotAsked,
    Gone,
    Strange,
    Read(Legible),
}

impl Body {
    fn of(legible: Option<Legible>) -> Self {
        legible.map_or(Self::Gone, Self::Read)
    }
}

fn facts(html: &mut Html, detail: &JobDetail) {
    html.raw("<section class=\"card\"><h2>Facts</h2><dl class=\"facts\"><div><dt>Queue</dt><dd>").name(&detail.queue);
    html.raw("</dd></div><div><dt>Group</dt><dd>");
    group(html, &detail.group);
    html.raw("</dd></div><div><dt>Attempts</dt><dd>").text(Count(detail.grants.into()));
    html.raw("</dd></div><div><dt>Account</dt><dd>").text(detail.account);
    if let Some(source) = &detail.source {
        html.raw("</dd></div><div><dt>Dead letter of</dt><dd>").name(source);
    }
    html.raw("</dd></div><div><dt>Log entry</dt><dd>")
        .text(Count(detail.body.index.0))
        .raw("</dd></div></dl></section>");
}

fn legibly(html: &mut Html, legible: &Legible) {
    html.raw("<p><small>Sent by ").name(&legible.sender).raw("</small></p>");
    let cut = legible.text.char_indices().nth(BODY_CHARS_SHOWN).map_or(legible.text.len(), |(at, _)| at);
    let shown = legible.text.get(..cut).unwrap_or_default();
    html.raw("<pre dir=\"auto\" tabindex=\"0\">").text(shown).raw("</pre>");
    if cut < legible.text.len() {
        html.raw("<p><small>… and ").text(Size((legible.text.len() - cut) as u64)).raw(" more.</small></p>");
    }
    if legible.attributes.is_empty() {
        return;
    }
    html.raw("<table><thead><tr><th>Attribute<th>Type<th>Value</tr></thead><tbody>");
    for attribute in &legible.attributes {
        html.raw("<tr><th scope=\"row\">")
            .name(&attribute.name)
            .raw("</th><td>")
            .name(&attribute.kind)
            .raw("</td><td class=\"long\">");
        html.name(&attribute.value).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}
