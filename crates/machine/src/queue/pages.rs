//! Lists by pages, with as many queues and tasks as there may be: what a page visits is what is on it.

use super::{MoveStatus, Queues};
use crate::{
    batch::BatchBuilder,
    command::{Begin, Command, PapersEdit, QueueEdit, QueueKey, QueueSettings, Redrive},
    limits,
    machine::{Machine, Outcome},
    reply::Reply,
    visits,
};
use evenkeel_types::{AccountId, LogIndex, LogTime, WallTime};

const FEW: usize = 2_000;
const MANY: usize = 100_000;
/// Entries that are asked for at a time.
const PAGE: usize = 1_000;

fn key(name: &str) -> QueueKey<'_> {
    QueueKey { account: AccountId::default(), name }
}

/// A house with so many queues that all use `dead` for their dead letters, half of their names with each prefix.
struct House {
    machine: Machine,
    names: Vec<String>,
}

impl House {
    fn of(count: usize) -> Self {
        let names = (0..count).map(|at| format!("{}-{at:06}", ["a", "b"][at % 2])).collect();
        let mut house = Self { machine: Machine::default(), names };
        house.run(&[Command::Begin(Begin { feature_level: 1, secret: [1; 32] }), create("dead", None)]);
        for names in house.names.clone().chunks(100) {
            let commands: Vec<_> = names.iter().map(|name| create(name, Some("dead"))).collect();
            house.run(&commands);
        }
        house
    }

    fn run(&mut self, commands: &[Command<'_>]) -> Vec<Reply> {
        let mut batch = BatchBuilder::default();
        commands.iter().for_each(|command| batch.push(command));
        let next = LogIndex(self.machine.applied().0 + 1);
        let bytes = batch.finish(LogTime(next.0), WallTime(1_700_000_000_000));
        let mut outcome = Outcome::default();
        self.machine.apply(next, &bytes, &mut outcome).unwrap();
        outcome.replies
    }

    fn queues(&self) -> &Queues {
        self.machine.queues()
    }

    /// What each page visits, from the first to the last.
    fn pages(&self, list: impl Fn(&Queues, Option<&str>) -> Vec<std::sync::Arc<str>>) -> Vec<u64> {
        let (mut behind, mut all, mut visited) = (None, Vec::new(), Vec::new());
        loop {
            let (visits, names) = visits::of(|| list(self.queues(), behind.as_deref()));
            visited.push(visits);
            let Some(last) = names.last() else { break };
            behind = Some(last.clone());
            all.extend(names);
        }
        assert!(all.is_sorted() && all.len() >= self.names.len() / 2, "{} names", all.len());
        visited
    }
}

fn create<'a>(name: &'a str, dead: Option<&'a str>) -> Command<'a> {
    let redrive = dead.map(|target| Some(Redrive { target, grants_max: 3 }));
    let papers = PapersEdit { redrive, ..PapersEdit::default() };
    Command::CreateQueue { queue: key(name), settings: QueueSettings::default(), papers, tags: Vec::new() }
}

#[test]
fn a_page_of_queues_visits_what_is_on_it_however_many_queues_there_are() {
    let most = |count: usize| {
        let house = House::of(count);
        let account = AccountId::default();
        let lists = [
            house.pages(|queues, behind| queues.names(account, "", behind, PAGE)),
            house.pages(|queues, behind| queues.names(account, "b", behind, PAGE)),
            house.pages(|queues, behind| queues.sources_of(key("dead"), behind, PAGE)),
        ];
        assert!(lists.iter().all(|pages| pages.len() > count / 2 / PAGE));
        lists.map(|pages| pages.into_iter().max())
    };
    // The prefix ends where the next name has another one.
    let page = PAGE as u64;
    assert_eq!(most(FEW), [Some(page), Some(page), Some(page)]);
    assert_eq!(most(MANY), [Some(page), Some(page), Some(page)]);
}

#[test]
fn a_page_for_people_visits_a_few_records_a_row() {
    let most = |count: usize| {
        let house = House::of(count);
        let rows = |behind| visits::of(|| house.queues().rows(None, behind, 100)).0;
        [None, Some(key(&house.names[0])), Some(key(&house.names[count / 2])), Some(key(&house.names[count - 2]))]
            .map(rows)
    };
    assert_eq!(most(FEW), most(MANY));
}

#[test]
fn a_list_of_move_tasks_visits_those_of_its_source_however_many_there_are() {
    let visits = |count: usize| {
        let mut house = House::of(count);
        let sources: Vec<String> = house.names[..count].to_vec();
        // Every queue is the dead-letter queue of its neighbour, and has more tasks than are remembered.
        for at in 1..count {
            let redrive = Some(Some(Redrive { target: &sources[at], grants_max: 3 }));
            let edit = QueueEdit { papers: PapersEdit { redrive, ..PapersEdit::default() }, ..QueueEdit::default() };
            house.run(&[Command::ConfigureQueue { queue: key(&sources[at - 1]), edit }]);
        }
        for _ in 0..limits::MOVES_PER_SOURCE_MAX + 2 {
            for chunk in sources[1..].chunks(100) {
                let start = |source| Command::StartMove { source: key(source), destination: None, rate: None };
                let commands: Vec<_> = chunk.iter().map(|source| start(source)).collect();
                let replies = house.run(&commands);
                assert!(replies.iter().all(|reply| matches!(reply, Reply::MoveStarted(Ok(_)))), "{replies:?}");
                // They move nothing, and end.
                house.run(&[]);
            }
        }
        [1, count / 2, count - 1].map(|at| {
            let (visits, tasks) = visits::of(|| house.queues().moves_of(key(&sources[at])));
            assert_eq!(tasks.len(), limits::MOVES_PER_SOURCE_MAX);
            assert!(tasks.iter().all(|task| task.status == MoveStatus::Completed));
            visits
        })
    };
    // An entry of the index and the record that it leads to.
    assert_eq!(visits(100), [2 * limits::MOVES_PER_SOURCE_MAX as u64; 3]);
    assert_eq!(visits(5_000), [2 * limits::MOVES_PER_SOURCE_MAX as u64; 3]);
}
