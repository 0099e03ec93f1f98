//! `evenkeel demo`: who waits how long, with turns and without, on a real server and live.
//!
//! A server runs in a temporary folder. Two queues get the same jobs at the same times: a noisy tenant's flood, and a few from each of four quiet
//! tenants all along. In one queue the jobs have no groups and so wait in one line; in the other each tenant is a group. Both
//! are worked on at the same fixed rate, ten workers' worth. Every figure is measured in this run: from just before a job is
//! sent until a worker has it.

mod frame;
mod load;
mod measured;
mod plan;
mod server;
mod summary;
mod svg;

use crate::{screen::Screen, text::span};
use anyhow::Context;
use clap::Args;
use frame::Frame;
use measured::Measured;
use plan::Plan;
use std::{
    cell::RefCell,
    io::{self, Write},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two pictures on a terminal.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Between two lines elsewhere.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// After its time, how long a run may take to finish what is left; a slow disk shall still come to an end.
const OVERTIME: Duration = Duration::from_secs(5);

/// See one noisy tenant beside four quiet ones: in one line, and with fair turns.
///
/// Starts a server of its own in a temporary folder, sends the same jobs to two queues, works on both at the same rate, and draws
/// who waits how long. It ends by itself, says what it measured, and leaves nothing behind.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel demo
  evenkeel demo --seconds 30
  evenkeel demo --svg demo.svg      a picture of the run, for a page")]
pub(crate) struct DemoArgs {
    /// How long it runs, 3 to 600.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(3..=600))]
    seconds: u16,

    /// Also write a picture of the run (SVG, for light and dark pages).
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Lines instead of a moving picture, as where there is no terminal.
    #[arg(long)]
    plain: bool,
}

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.svg {
        // Not after all the waiting.
        std::fs::File::create(path).with_context(|| format!("writing {}", path.display()))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = Plan::new(args.seconds);
    let measured = tokio::task::LocalSet::new().block_on(&runtime, measure(&plan, args.plain))?;
    let Some(measured) = measured else { anyhow::bail!("interrupted") };
    let screen = Screen::look();
    let mut out = io::stdout().lock();
    summary::write(&measured, screen, &mut out)?;
    if let Some(path) = &args.svg {
        std::fs::write(path, svg::draw(&measured)).with_context(|| format!("writing {}", path.display()))?;
        writeln!(out, "The picture is in {}.", path.display())?;
    }
    Ok(())
}

/// Runs the whole thing; `None` if somebody stopped it.
async fn measure(plan: &Plan, is_plain: bool) -> anyhow::Result<Option<Measured>> {
    let server = server::Child::start().await?;
    let measured = Rc::new(RefCell::new(Measured::new(plan)));
    let begun = Instant::now();
    let mut loads = load::start(&server.endpoint, plan, &measured, begun).await?;
    let mut show = Show::new(Screen::look(), is_plain);
    let mut tick = interval(if show.is_moving { DRAW_EVERY } else { LINE_EVERY });
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick.tick().await;
    let all = loop {
        tokio::select! {
            _ = tick.tick() => {
                measured.borrow_mut().look(begun.elapsed());
                show.draw(&measured.borrow(), begun.elapsed())?;
            }
            ended = loads.join_next() => match ended {
                Some(ended) => ended.context("a part of the load")??,
                None => break true,
            },
            () = tokio::time::sleep_until(begun + plan.duration + OVERTIME) => break true,
            stopped = stopped() => {
                stopped?;
                break false;
            }
        }
    };
    let took = begun.elapsed();
    measured.borrow_mut().end(took);
    show.end(&measured.borrow(), took)?;
    drop(loads);
    server.stop().await;
    // The tasks that shared it are gone or stopped.
    let measured = measured.borrow().clone();
    Ok(all.then_some(measured))
}

/// Waits until somebody wants it to stop.
async fn stopped() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

/// The picture on the screen.
struct Show {
    screen: Screen,
    is_moving: bool,
    /// Lines of the picture that are on the screen.
    drawn: usize,
}

impl Show {
    fn new(screen: Screen, is_plain: bool) -> Self {
        let fits = screen.columns >= frame::COLUMNS && screen.rows > frame::ROWS;
        let is_moving = screen.is_terminal && fits && !is_plain;
        Self { screen, is_moving, drawn: 0 }
    }

    fn draw(&mut self, measured: &Measured, at: Duration) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.is_moving {
            return writeln!(out, "{}", frame::line(measured, at));
        }
        // One write, or the picture flickers.
        let mut text = String::new();
        if self.drawn == 0 {
            text.push_str("\x1b[?25l");
        } else {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        let lines = Frame { measured, at, screen: self.screen }.lines();
        for line in &lines {
            text.push_str("\r\x1b[K");
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines.len();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The last picture stays; the cursor comes back.
    fn end(&mut self, measured: &Measured, at: Duration) -> io::Result<()> {
        if !self.is_moving {
            return Ok(());
        }
        self.draw(measured, at)
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if self.drawn > 0 {
            let mut out = io::stdout().lock();
            _ = out.write_all(b"\x1b[?25h").and_then(|()| out.flush());
        }
    }
}

/// A wait for people; less than a millisecond is not worth telling apart.
fn wait(time: Duration) -> String {
    span(time.max(Duration::from_millis(1)))
}
