//! The live page in a real browser, as somebody uses it: signs in, looks, signs out; light and dark, narrow and wide.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::web_driver::Browser;
use evenkeel_tests::{Cluster, Server, wait};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const HOSTILE: &str = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

const SOON: Duration = Duration::from_secs(60);

fn sign_in(browser: &Browser, secret: &str) {
    browser.type_into("input[name=access_key]", ACCESS_KEY);
    browser.type_into("input[name=secret_key]", secret);
    browser.follow("button");
}

#[test]
fn somebody_signs_in_sees_jobs_come_and_signs_out() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("mails", &json!({})).unwrap();
    let id = client.send(&queue, HOSTILE, Some("<script>document.title='owned'</script>")).unwrap();

    browser.open(&server.endpoint());
    assert_eq!(browser.text("location.pathname"), "/console/sign-in", "a stranger is asked for a key");
    sign_in(&browser, "another secret");
    assert!(browser.text("document.body.innerText").contains("There is no such key"));
    // The browser tells of each answer that is an error, and of nothing else.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line["message"].as_str().unwrap().contains("403")), "{complaints:?}");
    sign_in(&browser, SECRET_KEY);
    assert_eq!(browser.text("location.pathname"), "/");
    assert_eq!(browser.text("document.cookie"), "", "no script reads the session");

    browser.follow("a[href*='name=mails']");
    assert_eq!(browser.text("document.title"), "mails · Evenkeel");
    assert!(browser.text("document.body.innerText").contains("<script>document.title"), "a name is text");
    client.send(&queue, "another", Some("later")).unwrap();
    wait::until("the page shows a group that came later", Duration::from_secs(20), || {
        browser.text("document.body.innerText").contains("later")
    });
    assert_eq!(browser.text("document.querySelector('[data-pulse]').dataset.pulse"), "live");
    let chart = || browser.text("document.querySelector('svg').outerHTML");
    let before = chart();
    wait::until("the chart moves", Duration::from_secs(20), || chart() != before);

    let job = format!("{}/console/job?id={id}", server.endpoint());
    browser.open(&job);
    assert!(!browser.text("document.body.innerText").contains("img src"), "a body is shown on request only");
    browser.open(&format!("{job}&body=1"));
    assert!(browser.text("document.body.innerText").contains(HOSTILE), "a body is text");
    assert_eq!(browser.text("document.title"), "Job · Evenkeel");
    browser.follow("form[action$='sign-out'] button");
    browser.open(&server.endpoint());
    assert_eq!(browser.text("location.pathname"), "/console/sign-in");
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new(), "nothing was refused, nothing failed");
}

#[test]
fn every_page_fits_in_light_and_dark_narrow_and_wide() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    let mut client = server.client();
    let name = "q".repeat(80);
    let queue = client.create_queue(&name, &json!({})).unwrap();
    let id = client.send(&queue, &HOSTILE.repeat(20), Some(&"<script>".repeat(16))).unwrap();
    let pages = [
        "/".to_owned(),
        format!("/console/queue?account=000000000000&name={name}"),
        format!("/console/job?id={id}&body=1"),
    ];
    let mut colours = BTreeSet::new();
    browser.open(&server.endpoint());
    sign_in(&browser, SECRET_KEY);
    for page in &pages {
        browser.open(&format!("{}{page}", server.endpoint()));
        for (width, dark) in [(360, false), (360, true), (800, true), (1400, false)] {
            browser.look(width, dark);
            let shown = browser.value("document.documentElement.clientWidth").as_u64().unwrap();
            let needed = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
            assert!(shown <= u64::from(width) && needed <= shown, "{page} at {width}: {needed} of {shown} pixels");
            let colour = |of| browser.text(&format!("getComputedStyle(document.body).{of}"));
            let (ground, ink) = (colour("backgroundColor"), colour("color"));
            assert_ne!(ground, ink, "{page}");
            colours.insert((dark, ground, ink));
        }
    }
    assert_eq!(colours.len(), 2, "one pair for light and one for dark: {colours:?}");
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());
}

/// Any node shows the page of the one that leads; and while none does, what it knows of the others itself.
#[test]
fn the_nodes_are_shown_by_any_of_them_also_while_none_leads() {
    let Some(browser) = Browser::start() else { return };
    let mut cluster = Cluster::of_three();
    let queue = cluster.client(0).create_queue("mails", &json!({})).unwrap();
    cluster.client(0).send(&queue, "hello", None).unwrap();
    let follower = cluster.nodes[1].endpoint();
    let text = || browser.text("document.body.innerText");
    browser.open(&follower);
    sign_in(&browser, SECRET_KEY);
    assert!(text().contains("mails"), "the follower shows what the leader knows: {}", text());
    browser.follow("a[href='/console/nodes']");
    assert_eq!(browser.text("document.title"), "Nodes · Evenkeel");
    let states = || browser.text("[...document.querySelectorAll('tbody tr')].map(row => row.innerText).join('|')");
    wait::until("all three to be there", SOON, || states().matches("there").count() == 3);
    assert!(states().starts_with('1') && states().matches("leader").count() == 1, "{}", states());
    assert!(states().contains(&cluster.nodes[2].address().to_string()), "{}", states());
    for (width, dark) in [(360, false), (800, true), (1400, false)] {
        browser.look(width, dark);
        let needed = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(needed <= u64::from(width), "{needed} of {width} pixels");
    }
    cluster.nodes[2].kill();
    wait::until("the page to tell that one is gone", SOON, || states().contains("gone"));
    assert!(text().contains("1 of 3 nodes is not there"), "{}", text());
    browser.open(&follower);
    assert!(text().contains("1 of 3 nodes is not there"), "also above the queues: {}", text());
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());

    // The one that led is gone too, and with it the session: the last node lets in by itself, and tells what it knows.
    cluster.nodes[0].kill();
    browser.open(&format!("{follower}/console/nodes"));
    assert_eq!(browser.text("location.pathname"), "/console/sign-in");
    sign_in(&browser, SECRET_KEY);
    wait::until("the last node to know that none leads", SOON, || {
        browser.open(&format!("{follower}/console/nodes"));
        text().contains("No node leads")
    });
    assert!(text().contains("tells this"), "{}", text());
    browser.open(&follower);
    assert!(text().contains("No node leads"), "{}", text());

    cluster.nodes[0].start_again();
    cluster.wait_for_leader();
    wait::until("the queues to be shown again", SOON, || {
        browser.open(&follower);
        if browser.text("location.pathname") == "/console/sign-in" {
            sign_in(&browser, SECRET_KEY);
        }
        text().contains("mails")
    });
}
