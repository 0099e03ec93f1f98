//! The house's own events: its engine's steps, its log's writer, its errands; and the checks after each.

use super::{Event, HouseEvent, Life, Proposed, World};
use crate::{
    book::Timing,
    clock::{MILLISECOND, SECOND, Time},
    invariants::{
        Broken,
        waiting::{self, Open},
    },
};
use evenkeel_engine::{Answer, CallId, Done, EngineError, Errand, Fatal, release};
use evenkeel_log::{LogError, LogReader};
use evenkeel_log_local::Step as WriterStep;
use evenkeel_types::LogTime;

impl World {
    pub(crate) fn house_event(&mut self, event: HouseEvent) -> Result<(), Broken> {
        let now = self.clocks.now;
        let Some(house) = &mut self.house else { return Ok(()) };
        match event {
            HouseEvent::Wake => self.life.wake_at = None,
            HouseEvent::Write => {
                self.life.writer_busy = false;
                // Sometimes all at once, mostly with time in between.
                if self.fate.chance(250) {
                    match house.writer.step() {
                        WriterStep::Done(_) | WriterStep::Filled => self.schedule_writer(),
                        WriterStep::Idle | WriterStep::Closed | WriterStep::Failed => {}
                    }
                } else if house.writer.write() {
                    self.life.writer_busy = true;
                    let takes = self.sync_takes();
                    self.schedule.at(now + takes, Event::House(self.life_number, HouseEvent::Sync));
                } else if !matches!(house.writer.step(), WriterStep::Idle | WriterStep::Failed | WriterStep::Closed) {
                    self.schedule_writer();
                }
            }
            HouseEvent::Sync => {
                house.writer.sync();
                let takes = self.fate.span(1, 200);
                self.schedule.at(now + takes, Event::House(self.life_number, HouseEvent::Publish));
            }
            HouseEvent::Publish => {
                house.writer.publish();
                self.life.writer_busy = false;
                self.schedule_writer();
            }
            HouseEvent::Errand(errand) => self.errand_ends(errand)?,
            HouseEvent::Keep => self.keep()?,
        }
        self.pump()
    }

    fn sync_takes(&mut self) -> Time {
        if self.clocks.now < self.slow_until {
            self.fate.span(MILLISECOND, 5 * SECOND)
        } else {
            self.fate.span(50, 500)
        }
    }

    fn schedule_writer(&mut self) {
        if !self.life.writer_busy {
            self.life.writer_busy = true;
            let at = self.clocks.now + self.fate.span(1, 100);
            self.schedule.at(at, Event::House(self.life_number, HouseEvent::Write));
        }
    }

    fn errand_ends(&mut self, errand: Errand) -> Result<(), Broken> {
        let Some(house) = &mut self.house else { return Ok(()) };
        let Errand::ReadBodies { call, queue, jobs } = errand else { return Ok(()) };
        self.counts.cold_reads += 1;
        if let Some(open) = self.calls.get_mut(&call) {
            open.reading = false;
        }
        let done = house.keeper.bodies().deliver(call, queue, jobs);
        let mut lost = None;
        if let Done::Bodies { queue, unreadable, .. } = &done {
            lost = unreadable.iter().find(|(job, _)| house.engine.machine().queues().is_there(*queue, *job)).cloned();
        }
        house.engine.errand_done(done);
        match lost {
            Some((_, what)) if self.damaged.is_some() => self.detected(&what.to_string()),
            Some((job, what)) if !self.is_ill() => {
                return Err(Broken::new("bodies", format!("the body of job {job} cannot be read: {what}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// Lets the engine work until it has nothing to do, and looks at all that comes of it.
    pub(crate) fn pump(&mut self) -> Result<(), Broken> {
        while !self.ended {
            let now = self.clocks.read();
            let Some(house) = &mut self.house else { return Ok(()) };
            let stepped = house.engine.step(now);
            house.open_door();
            self.note_proposals();
            self.witness_committed()?;
            self.check_machine()?;
            if let Some(house) = &self.house
                && house.engine.is_halted()
            {
                return Err(Broken::new("house", "an entry cannot be applied, though the witness could"));
            }
            let answered = self.take_answers()?;
            self.take_errands();
            if let Err(fatal) = stepped {
                return self.house_fails(&fatal);
            }
            if !answered {
                break;
            }
        }
        self.check_waiting()?;
        self.check_memory()?;
        self.schedule_wake();
        self.schedule_writer_if_needed();
        Ok(())
    }

    /// Notes when batches were proposed, to judge whether they came in time.
    pub(crate) fn note_proposals(&mut self) {
        let Some(house) = &self.house else { return };
        let batches = house.engine.totals().batches;
        while self.life.proposed_count < batches {
            let in_flight = self.life.proposed_count > self.life.committed_count;
            let free_since = if in_flight { self.clocks.now } else { self.life.free_since };
            self.life.proposed.push_back(Proposed { at: self.clocks.now, free_since });
            self.life.proposed_count += 1;
        }
    }

    /// Shows the witness what was committed.
    pub(crate) fn witness_committed(&mut self) -> Result<(), Broken> {
        let Some(house) = &self.house else { return Ok(()) };
        let applied = house.engine.machine().applied();
        while self.witness.applied() < applied {
            let index = self.witness.applied().next();
            let entry = match house.reader.read(index) {
                Ok(entry) => entry,
                // The disk has just died under us. What was committed is seen after the restart.
                Err(_) if self.is_ill() => return Ok(()),
                Err(error) => return Err(Broken::new("durable", format!("entry {index} was applied: {error}"))),
            };
            let timing = self.life.timing_of(&entry.batch, self.life_number);
            if self.life.proposed_count == self.life.committed_count {
                self.life.free_since = self.clocks.now;
            }
            self.witness.see(&entry, timing)?;
        }
        Ok(())
    }

    fn check_machine(&self) -> Result<(), Broken> {
        let Some(house) = &self.house else { return Ok(()) };
        crate::invariants::conservation::check(house.engine.machine())?;
        self.witness.digests.check("the live machine", house.engine.machine()).map(drop)
    }

    fn take_answers(&mut self) -> Result<bool, Broken> {
        let Some(house) = &mut self.house else { return Ok(false) };
        let answers: Vec<(CallId, Answer)> = house.engine.take_answers().collect();
        let any = !answers.is_empty();
        for (call, answer) in answers {
            let Some(open) = self.calls.remove(&call) else {
                return Err(Broken::new("waiting", format!("{call:?} was answered twice, or never asked")));
            };
            if matches!(answer, Answer::Failed(EngineError::BodyUnreadable | EngineError::BodyNotReadNow))
                || is_unreadable(&answer)
            {
                if let Some(damage) = self.damaged.take() {
                    self.detected(&format!("a body is unreadable: {damage}"));
                    return Ok(false);
                }
                if !self.is_ill() {
                    return Err(Broken::new("told", "a body cannot be read though nothing is wrong with the disk"));
                }
            }
            let (Some((tx, pending)), Some(door)) = (open.waiting, self.house.as_ref().and_then(|h| h.door.as_ref()))
            else {
                if let Answer::Received(Ok(received)) = &answer
                    && let Some(request) = release(received)
                {
                    self.counts.given_back += 1;
                    self.tell_engine(request);
                }
                continue;
            };
            let step = pending.answer(door, answer);
            self.follow(tx, step, None);
        }
        Ok(any)
    }

    fn take_errands(&mut self) {
        let Some(house) = &mut self.house else { return };
        let errands: Vec<Errand> = house.engine.take_errands().collect();
        for errand in errands {
            let Errand::ReadBodies { call, .. } = &errand else {
                self.life.errands.push_back(errand);
                continue;
            };
            if let Some(open) = self.calls.get_mut(call) {
                open.reading = true;
            }
            let takes = self.fate.span(100, 20 * MILLISECOND);
            self.schedule.at(self.clocks.now + takes, Event::House(self.life_number, HouseEvent::Errand(errand)));
        }
        self.schedule_keeper();
    }

    fn check_waiting(&self) -> Result<(), Broken> {
        let Some(house) = self.house.as_ref().filter(|house| house.engine.is_idle() && house.engine.is_serving())
        else {
            return Ok(());
        };
        if house.engine.machine().applied() != self.witness.applied() {
            return Ok(());
        }
        let open =
            self.calls.values().filter(|call| !call.reading && !call.cancelled).map(|call| match &call.receive {
                Some((queue, until)) => Open { receives_from: *queue, until: *until },
                None => Open { receives_from: None, until: 0 },
            });
        waiting::check(open, &self.witness.book, self.clocks.now)
    }

    fn schedule_wake(&mut self) {
        let Some(house) = &self.house else { return };
        let Some(wake) = house.engine.next_wake() else { return };
        let at = self.clocks.true_time_of(wake).max(self.clocks.now + 1);
        if self.life.wake_at.is_none_or(|planned| planned > at || planned < self.clocks.now) {
            self.life.wake_at = Some(at);
            self.schedule.at(at, Event::House(self.life_number, HouseEvent::Wake));
        }
    }

    fn schedule_writer_if_needed(&mut self) {
        // The writer is woken by every proposal and by every wish to trim; it finds out what there is to do.
        if self.house.is_some() && (self.life.proposed_count > self.life.committed_count || self.fate.chance(50)) {
            self.schedule_writer();
        }
    }

    fn house_fails(&mut self, fatal: &Fatal) -> Result<(), Broken> {
        self.line(format_args!("the house fails: {fatal}"));
        if matches!(fatal, Fatal::Log(LogError::Damaged { .. }))
            && let Some(damage) = self.damaged.take()
        {
            self.detected(&damage);
            return Ok(());
        }
        if !self.is_ill() {
            return Err(Broken::new("house", format!("it failed though nothing is wrong: {fatal}")));
        }
        self.house_dies(false);
        Ok(())
    }
}

fn is_unreadable(answer: &Answer) -> bool {
    matches!(answer, Answer::Received(Ok(received)) if received.jobs.iter().any(|job| job.grant.body.bytes > 0 && job.body.is_empty()))
}

impl Life {
    /// What is known of the proposal of a committed entry.
    fn timing_of(&mut self, batch: &[u8], life: u64) -> Option<Timing> {
        if batch.is_empty() || self.committed_count >= self.proposed_count {
            return None;
        }
        self.committed_count += 1;
        let proposed = self.proposed.pop_front().filter(|_| self.timing_known)?;
        let log_time = evenkeel_machine::batch::Batch::open(batch).ok()?.log_time;
        let ago = |time: Time| LogTime(log_time.0.saturating_sub(proposed.at.saturating_sub(time)));
        Some(Timing {
            life,
            offset: i128::from(log_time.0) - i128::from(proposed.at),
            free_since: ago(proposed.free_since),
            serving_since: ago(self.serving_since),
            before_life: self.log_time_before,
        })
    }
}
