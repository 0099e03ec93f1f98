//! A node's own events: ticks, its log's steps, its engine's, its writer's and its keeper's; and the checks after each.
//!
//! In the binary these are threads. Here each comes when it comes, so that an engine may believe for a while what its log knows better.

use super::{Event, NodeEvent, World, host::Call};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    house::OpenError,
    invariants::{Broken, conservation},
};
use evenkeel_engine::{Answer, CallId, Done, EngineError, Errand, Fatal, Request, release};
use evenkeel_log::{LogError, LogReader};

/// The length of a tick of the log, as in the binary.
const TICK: Time = 40 * MILLISECOND;
/// Between two looks at how a node stands.
const WATCH_EVERY: Time = 50 * MILLISECOND;

impl World {
    pub(super) fn node_event(&mut self, at: usize, event: NodeEvent) -> Result<(), Broken> {
        match event {
            NodeEvent::Tick => {
                self.later(at, TICK, NodeEvent::Tick);
                if let Some(house) = &mut self.host(at).house {
                    house.node.tick();
                }
                self.log_worked(at)?;
            }
            NodeEvent::Log => {
                self.host(at).life.log_at = None;
                if let Some(house) = &mut self.host(at).house {
                    house.node.work();
                }
                self.log_worked(at)?;
            }
            NodeEvent::Engine => {
                self.host(at).life.engine_at = None;
                let until = self.host(at).life.engine_stalls_until;
                if until > self.now {
                    self.wake_engine(at, until);
                } else {
                    self.engine_works(at)?;
                }
            }
            NodeEvent::Write => self.writer_writes(at),
            NodeEvent::Sync => {
                if let Some(house) = &mut self.host(at).house {
                    house.writer.sync();
                }
                let takes = self.fate.span(1, 200);
                self.later(at, takes, NodeEvent::Publish);
            }
            NodeEvent::Publish => {
                let host = self.host(at);
                host.life.writer_busy = false;
                if let Some(house) = &mut host.house {
                    house.writer.publish();
                }
                self.wake_log(at);
                self.wake_writer(at);
            }
            NodeEvent::Bodies(errand) => self.bodies_are_read(at, errand)?,
            NodeEvent::Keep => self.keep(at),
            NodeEvent::Watch => {
                self.later(at, WATCH_EVERY, NodeEvent::Watch);
                self.watch(at);
            }
        }
        Ok(())
    }

    /// Something of the present life of a node happens after a while.
    pub(super) fn later(&mut self, at: usize, takes: Time, event: NodeEvent) {
        let life = self.host(at).life_number;
        self.schedule.at(self.now + takes, Event::Node(at, life, event));
    }

    /// The log of a node was stepped: looks at what comes of it.
    pub(super) fn log_worked(&mut self, at: usize) -> Result<(), Broken> {
        self.check_reign(at)?;
        self.send_messages(at);
        if self.host(at).house.as_ref().is_some_and(super::host::House::has_news) {
            if self.fate.chance(self.profile.lazy_engines) {
                let longest = if self.profile.is_stormy { 3 * SECOND } else { 300 * MILLISECOND };
                let until = self.now + self.fate.span(1, longest);
                let life = &mut self.host(at).life;
                life.engine_stalls_until = life.engine_stalls_until.max(until);
            }
            let takes = self.fate.span(1, 200);
            self.wake_engine(at, self.now + takes);
        }
        self.wake_writer(at);
        Ok(())
    }

    fn wake_engine(&mut self, at: usize, when: Time) {
        let life = &mut self.host(at).life;
        let when = when.max(life.engine_stalls_until);
        if life.engine_at.is_none_or(|planned| planned > when) {
            life.engine_at = Some(when);
            self.later(at, when - self.now, NodeEvent::Engine);
        }
    }

    pub(super) fn wake_engine_soon(&mut self, at: usize) {
        let when = self.now + 1;
        self.wake_engine(at, when);
    }

    pub(super) fn wake_log(&mut self, at: usize) {
        let takes = self.fate.span(1, 100);
        let when = self.now + takes;
        let life = &mut self.host(at).life;
        if life.log_at.is_none_or(|planned| planned > when) {
            life.log_at = Some(when);
            self.later(at, takes, NodeEvent::Log);
        }
    }

    fn wake_writer(&mut self, at: usize) {
        let life = &mut self.host(at).life;
        if !life.writer_busy {
            life.writer_busy = true;
            let takes = self.fate.span(1, 100);
            self.later(at, takes, NodeEvent::Write);
        }
    }

    fn writer_writes(&mut self, at: usize) {
        let is_slow = self.now < self.host(at).slow_until;
        let takes = if is_slow { self.fate.span(MILLISECOND, 5 * SECOND) } else { self.fate.span(50, 500) };
        let host = self.host(at);
        host.life.writer_busy = false;
        let Some(house) = &mut host.house else { return };
        if house.writer.write() {
            host.life.writer_busy = true;
            self.later(at, takes, NodeEvent::Sync);
        } else if house.writer.fill() {
            self.wake_writer(at);
        }
        // A failure is news for the engine.
        if self.host(at).house.as_ref().is_some_and(|house| house.writer.has_failed()) {
            self.wake_engine(at, self.now + 1);
        }
    }

    /// Lets an engine work until it has nothing to do.
    pub(super) fn engine_works(&mut self, at: usize) -> Result<(), Broken> {
        loop {
            let now = self.read(at);
            let Some(house) = &mut self.host(at).house else { return Ok(()) };
            let stepped = house.engine.step(now);
            house.open_door();
            self.witness_committed(at)?;
            self.check_state(at)?;
            let answered = self.take_answers(at)?;
            self.take_errands(at);
            if let Err(fatal) = stepped {
                return self.house_fails(at, &fatal);
            }
            if !answered {
                break;
            }
        }
        self.wake_log(at);
        if let Some(wake) = self.host(at).house.as_ref().and_then(|house| house.engine.next_wake()) {
            let due = self.host(at).clocks.true_time_of(wake).max(self.now + 1);
            self.wake_engine(at, due);
        }
        Ok(())
    }

    /// Shows the witness what is committed, by whoever applied it first.
    pub(super) fn witness_committed(&mut self, at: usize) -> Result<(), Broken> {
        let host = self.hosts.get(at).expect("hosts stay");
        let Some(house) = &host.house else { return Ok(()) };
        let applied = house.engine.machine().applied();
        self.applied = self.applied.max(applied);
        while self.witness.applied() < applied {
            let index = self.witness.applied().next();
            match house.reader.read(index) {
                Ok(entry) => {
                    let level = self.witness.machine.feature_level();
                    self.witness.see(&entry, None)?;
                    // The first is the log's beginning.
                    self.counts.levels_raised += u64::from(level > 0 && self.witness.machine.feature_level() > level);
                }
                // Its disk has just died. Another node has it as well.
                Err(_) if host.may_fail() || host.damaged.is_some() => return Ok(()),
                Err(error) => {
                    let what = format!("node {} applied entry {index}: {error}", host.id);
                    return Err(Broken::new("durable", what));
                }
            }
        }
        Ok(())
    }

    /// The same entries give the same state, on every node.
    fn check_state(&mut self, at: usize) -> Result<(), Broken> {
        let host = self.hosts.get(at).expect("hosts stay");
        let Some(house) = &host.house else { return Ok(()) };
        if house.engine.is_halted()
            && let Some(halt) = house.engine.halted().get()
            && !(self.witness.has_poison && super::poison::is_why(&halt))
        {
            if host.build == super::upgrades::LAST {
                self.halts_as_too_old(at, &halt.why);
                return Ok(());
            }
            let what = format!("node {} cannot apply entry {}: {}", host.id, halt.entry, halt.why);
            return Err(Broken::new("house", what));
        }
        let machine = house.engine.machine();
        if machine.feature_level() > host.build.feature_level {
            return Err(Broken::new("level", format!("node {} is at a level that its version does not know", host.id)));
        }
        conservation::check(machine)?;
        let applied = machine.applied();
        let was_compared = self.witness.digests.check(&format!("node {}", host.id), machine)?;
        let host = self.host(at);
        if was_compared && host.compared < applied {
            host.compared = applied;
            self.counts.digests += 1;
        }
        Ok(())
    }

    fn take_answers(&mut self, at: usize) -> Result<bool, Broken> {
        let host = self.host(at);
        let (id, is_excused) = (host.id, host.may_fail() || host.damaged.is_some());
        let Some(house) = &mut host.house else { return Ok(false) };
        let answers: Vec<(CallId, Answer)> = house.engine.take_answers().collect();
        let applied = house.engine.machine().applied();
        let any = !answers.is_empty();
        for (number, answer) in answers {
            let Some(call) = self.host(at).life.calls.remove(&number) else {
                return Err(Broken::new("waiting", format!("{number:?} was answered twice, or never asked")));
            };
            if let (Some(from), Answer::Described(_) | Answer::Looked(_)) = (call.reads_from, &answer) {
                self.counts.proven_reads += 1;
                if applied < from {
                    let what = format!("node {id} read the state at {applied}; {from} was committed when it was asked");
                    return Err(Broken::new("stale", what));
                }
            }
            if matches!(answer, Answer::Failed(EngineError::BodyUnreadable | EngineError::BodyNotReadNow))
                && !is_excused
            {
                return Err(Broken::new("told", "a body cannot be read though nothing is wrong with the disk"));
            }
            self.answered(at, call, answer);
        }
        Ok(any)
    }

    fn answered(&mut self, at: usize, call: Call, answer: Answer) {
        let door = self.host(at).house.as_mut().and_then(|house| house.door.take());
        match (call.asker, door) {
            (Some((asker, pending, wire)), Some(door)) => {
                let step = pending.answer(&door, answer);
                self.open_door_again(at, door);
                self.follow(at, asker, wire, step);
            }
            (_, door) => {
                if let Some(door) = door {
                    self.open_door_again(at, door);
                }
                if let Answer::Received(Ok(received)) = &answer
                    && let Some(request) = release(received)
                {
                    self.tell_engine(at, request);
                }
            }
        }
    }

    fn open_door_again(&mut self, at: usize, door: evenkeel_sqs::Door) {
        if let Some(house) = &mut self.host(at).house {
            house.door = Some(door);
        }
    }

    fn take_errands(&mut self, at: usize) {
        let Some(house) = &mut self.host(at).house else { return };
        let errands: Vec<Errand> = house.engine.take_errands().collect();
        for errand in errands {
            if matches!(errand, Errand::ReadBodies { .. } | Errand::ReadBody { .. }) {
                let takes = self.fate.span(100, 20 * MILLISECOND);
                self.later(at, takes, NodeEvent::Bodies(errand));
            } else {
                self.host(at).life.errands.push_back(errand);
            }
        }
        self.wake_keeper(at);
    }

    fn bodies_are_read(&mut self, at: usize, errand: Errand) -> Result<(), Broken> {
        let host = self.host(at);
        let is_excused = host.may_fail() || host.damaged.is_some();
        let Some(house) = &mut host.house else { return Ok(()) };
        let done = match errand {
            Errand::ReadBodies { call, queue, jobs } => house.keeper.bodies().deliver(call, queue, jobs),
            Errand::ReadBody { call, body } => house.keeper.bodies().show(call, body),
            _ => return Ok(()),
        };
        let mut lost = None;
        if let Done::Bodies { queue, unreadable, .. } = &done {
            let queues = house.engine.machine().queues();
            lost = unreadable.iter().find(|(job, _)| queues.is_there(*queue, *job)).cloned();
        }
        house.engine.errand_done(done);
        match lost {
            Some((_, what)) if self.host(at).damaged.is_some() => {
                self.is_lost(at, &what.to_string());
                return Ok(());
            }
            Some((job, what)) if !is_excused => {
                return Err(Broken::new("bodies", format!("the body of job {job} cannot be read: {what}")));
            }
            _ => {}
        }
        self.wake_engine_soon(at);
        Ok(())
    }

    fn wake_keeper(&mut self, at: usize) {
        let life = &mut self.host(at).life;
        if life.keeper_busy || life.errands.is_empty() && !life.keeper_curious {
            return;
        }
        life.keeper_busy = true;
        let takes =
            if self.fate.chance(100) { self.fate.span(MILLISECOND, SECOND) } else { self.fate.span(10, 20_000) };
        self.later(at, takes, NodeEvent::Keep);
    }

    /// The keeper does its next errand, or what it finds to do of its own accord.
    fn keep(&mut self, at: usize) {
        let host = self.host(at);
        host.life.keeper_busy = false;
        let errand = host.life.errands.pop_front();
        let Some(house) = &mut host.house else { return };
        let done = match errand {
            Some(errand) => house.keeper.run(errand),
            None => {
                host.life.keeper_curious = house.keeper.idle().unwrap_or(false);
                None
            }
        };
        if let Some(trouble) = house.keeper.trouble() {
            house.engine.errand_done(trouble);
        }
        match &done {
            Some(Done::Checkpoint { .. }) => {
                host.life.keeper_curious = true;
                self.counts.checkpoints += 1;
            }
            Some(Done::Carried { .. }) => self.counts.carried += 1,
            _ => {}
        }
        if let (Some(done), Some(house)) = (done, &mut self.host(at).house) {
            house.engine.errand_done(done);
        }
        self.wake_engine(at, self.now + 1);
        self.wake_keeper(at);
    }

    /// Gives an engine a request that no client waits for.
    pub(super) fn tell_engine(&mut self, at: usize, request: Request) {
        let now = self.read(at);
        let call = self.new_call();
        let Some(house) = &mut self.host(at).house else { return };
        house.engine.submit(call, request, now);
        self.host(at).life.calls.insert(call, Call { asker: None, reads_from: None });
        self.wake_engine(at, self.now + 1);
    }

    /// Gives an engine a client's request.
    pub(super) fn ask_engine(&mut self, at: usize, request: Request, call: Call) -> CallId {
        let now = self.read(at);
        let number = self.new_call();
        let is_proven = matches!(request, Request::Describe(_));
        let reads_from = is_proven.then(|| self.witness.applied());
        if let Some(house) = &mut self.host(at).house {
            house.engine.submit(number, request, now);
        }
        self.host(at).life.calls.insert(number, Call { reads_from, ..call });
        self.wake_engine(at, self.now + 1);
        number
    }

    fn house_fails(&mut self, at: usize, fatal: &Fatal) -> Result<(), Broken> {
        self.line(format_args!("the house of node {} fails: {fatal}", self.hosts_id(at)));
        if let Fatal::Skip(skipped) = fatal {
            self.begins_again(at, *skipped);
            return Ok(());
        }
        let host = self.host(at);
        let is_damage = matches!(fatal, Fatal::Log(LogError::Damaged { .. }) | Fatal::BodiesMissing { .. });
        if is_damage && host.damaged.is_some() {
            self.is_lost(at, &fatal.to_string());
            return Ok(());
        }
        // A full disk ends nobody: what must be written then has room.
        if !host.is_ill {
            return Err(Broken::new("house", format!("node {} failed though nothing is wrong: {fatal}", host.id)));
        }
        self.dies(at, false);
        Ok(())
    }

    /// A host that is there starts its house.
    pub(super) fn restart(&mut self, at: usize) -> Result<(), Broken> {
        let host = self.host(at);
        if host.is_gone || host.house.is_some() {
            return Ok(());
        }
        if host.life_number > 0 {
            self.counts.restarts += 1;
        }
        self.flip_a_bit(at);
        // Power may go in the middle of a start as well.
        if self.host(at).life_number > 0 && self.fate.chance(self.profile.faults.disk_dies) {
            self.counts.disks_died += 1;
            let after = self.fate.below(20);
            let host = self.host(at);
            host.is_ill = true;
            host.disk.fail_from(after);
        }
        let (setup, first) = (self.setup, self.first.clone());
        let host = self.hosts.get_mut(at).expect("hosts stay");
        host.life_number += 1;
        host.clocks.new_life(&mut self.fate);
        match host.open(&setup, &first) {
            Ok(opened) => {
                let (id, life) = (host.id, host.life_number);
                let finished = opened.finished_snapshot;
                self.line(format_args!(
                    "node {id} starts, life {life}: {} to {}, committed {}, term {}, behind a state: {finished}",
                    opened.segments.first, opened.segments.last, opened.committed, opened.term
                ));
                let first_tick = self.fate.between(1, TICK);
                self.later(at, first_tick, NodeEvent::Tick);
                self.later(at, WATCH_EVERY, NodeEvent::Watch);
                self.wake_log(at);
                self.wake_engine(at, self.now + 1);
                Ok(())
            }
            Err(error) => self.does_not_open(at, &error),
        }
    }

    fn does_not_open(&mut self, at: usize, error: &OpenError) -> Result<(), Broken> {
        let what = match error {
            OpenError::TooNew(what) => return self.is_too_old(at, what),
            OpenError::Disk(what) | OpenError::Refused(what) => what,
        };
        let host = self.host(at);
        if host.damaged.is_some() && (matches!(error, OpenError::Refused(_)) || !host.may_fail()) {
            self.is_lost(at, what);
            return Ok(());
        }
        if matches!(error, OpenError::Disk(_)) && host.may_fail() {
            let power = host.is_ill && self.fate.chance(500);
            self.line(format_args!("node {} does not open: {what}", self.hosts_id(at)));
            self.end_life_of_disk(at, power);
            let again = self.fate.span(10 * MILLISECOND, SECOND);
            self.schedule.at(self.now + again, Event::Restart(at));
            return Ok(());
        }
        let what = format!("node {} does not open, and nothing was damaged: {what}", host.id);
        Err(Broken::new("durable", what))
    }
}
