//! What each action answers, as tables: `tests/tables/*.table`, written from the AWS API Reference.
//!
//! Every case is played three times, each time over a real machine of its own: in JSON, with forms, and by GET to the queue's own
//! path. Every answer must be the one in the table, and all three must say the same, ids and handles included.
//!
//! ```text
//! == a case, named for what it shows; what stands before the first one begins each case
//! > SendMessage {"QueueUrl": "$URL", "MessageBody": "hello"}     a call; JSON goes on in lines that are indented
//! < {"MessageId": "*", "MD5OfMessageBody": "5d41402a*"}          its answer: all members; * stands for the rest, "$x" remembers
//! > DeleteMessage {"QueueUrl": "$URL", "ReceiptHandle": "$x"}    what was remembered; "@300x" is x, three hundred times
//! ! 400 MissingParameter MissingRequiredParameterException The words of the message, or their beginning
//! wait 30                                                        seconds go by
//! ```
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod common;

use common::{
    CALLER, URL,
    house::House,
    protocols::{Said, Way, Wire, read, strings},
};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// A line of a table.
#[derive(Clone, Debug)]
enum Line {
    Call { action: String, parameters: Value },
    Done(Value),
    Refused { status: u16, code: String, shape: String, words: String },
    Wait(u64),
}

/// A line and where it stands.
type Placed = (usize, Line);

#[test]
fn every_action_answers_as_its_table_says_in_every_protocol() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables");
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let table = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let (before, named) = parse(&name, &table);
        for (case, lines) in named {
            cases += 1;
            let lines: Vec<_> = before.iter().chain(&lines).cloned().collect();
            let mut said = Vec::new();
            for way in [Way::Json, Way::Form, Way::Get] {
                match play(&lines, way) {
                    Ok(all) => said.push(all),
                    Err(why) => wrong.push(format!("{name}, {case}, {way:?}, {why}")),
                }
            }
            if !said.windows(2).all(|two| two[0] == two[1]) {
                wrong.push(format!("{name}, {case}: the protocols differ: {said:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases > 50, "{cases} cases");
}

/// Plays a case, and gives all that was said.
fn play(lines: &[Placed], way: Way) -> Result<Vec<Value>, String> {
    let mut house = House::new();
    let mut known = BTreeMap::from([("URL".to_owned(), URL.to_owned())]);
    let mut lines = lines.iter().peekable();
    let mut all = Vec::new();
    while let Some((number, line)) = lines.next() {
        let (action, parameters) = match line {
            Line::Wait(seconds) => {
                house.seconds += seconds;
                continue;
            }
            Line::Call { action, parameters } => (action, filled(parameters, &known)),
            other => return Err(format!("line {number}: nothing was asked before {other:?}")),
        };
        let wire = Wire::new(way, action, &parameters);
        let step = house.door.accept(CALLER, wire.head(), wire.body.as_bytes());
        let said = read(way, action, &house.finish(step));
        let expected = lines.next_if(|(_, line)| matches!(line, Line::Done(_) | Line::Refused { .. }));
        let checked = match expected {
            // An answer that the table does not tell must be a success.
            None if matches!(said, Said::Done(_)) => Ok(()),
            None => Err("a success".to_owned()),
            Some((_, expected)) => check(&said, expected, way, &mut known),
        };
        checked.map_err(|expected| format!("line {number}: {said:?}\n  expected {expected}"))?;
        all.push(match said {
            Said::Done(told) => strings(&told),
            // The words on a wrong type are the JSON reader's in one protocol.
            Said::Refused(_, code, _, _) if code == "MalformedInput" => code.into(),
            // By its own path a queue is named without its host.
            Said::Refused(status, code, _, message) => {
                format!("{status} {code} {message}").replace("http://localhost:9324", "").into()
            }
        });
    }
    Ok(all)
}

fn check(said: &Said, expected: &Line, way: Way, known: &mut BTreeMap<String, String>) -> Result<(), String> {
    match (said, expected) {
        (Said::Done(told), Line::Done(expected)) if way == Way::Json => agrees(told, expected, known),
        (Said::Done(told), Line::Done(expected)) => agrees(told, &strings(expected), known),
        (
            Said::Refused(status, code, shape, message),
            Line::Refused { status: number, code: name, shape: class, words },
        ) if (status, code) == (number, name)
            && shape.as_ref().is_none_or(|shape| shape.ends_with(&format!("#{class}")))
            && message.starts_with(&fill(words, known)) =>
        {
            Ok(())
        }
        _ => Err(format!("{expected:?}")),
    }
}

/// Whether an answer is as expected; remembers what the table wants remembered.
fn agrees(told: &Value, expected: &Value, known: &mut BTreeMap<String, String>) -> Result<(), String> {
    match (told, expected) {
        (Value::Object(told), Value::Object(expected)) => {
            let (names, wanted): (Vec<_>, Vec<_>) = (told.keys().collect(), expected.keys().collect());
            if names != wanted {
                return Err(format!("members {names:?}, expected {wanted:?}"));
            }
            told.iter().try_for_each(|(name, told)| agrees(told, &expected[name], known))
        }
        (Value::Array(told), Value::Array(expected)) if told.len() == expected.len() => {
            told.iter().zip(expected).try_for_each(|(told, expected)| agrees(told, expected, known))
        }
        (Value::String(told), Value::String(expected)) => {
            if let Some(name) = expected.strip_prefix('$').filter(|name| !known.contains_key(*name) && is_name(name)) {
                known.insert(name.to_owned(), told.clone());
                return Ok(());
            }
            let expected = fill(expected, known);
            match expected.strip_suffix('*') {
                Some(beginning) if told.starts_with(beginning) && told.len() > beginning.len() => Ok(()),
                _ if *told == expected => Ok(()),
                _ => Err(format!("{told:?}, expected {expected:?}")),
            }
        }
        _ if told == expected => Ok(()),
        _ => Err(format!("{told}, expected {expected}")),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A value with all that is remembered in its place.
fn filled(value: &Value, known: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (fill(name, known), filled(value, known))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| filled(value, known)).collect()),
        Value::String(text) => fill(text, known).into(),
        other => other.clone(),
    }
}

fn fill(text: &str, known: &BTreeMap<String, String>) -> String {
    let repeated = text.strip_prefix('@').and_then(|rest| {
        let (digits, what) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        Some(what.repeat(digits.parse().ok()?))
    });
    let text = repeated.unwrap_or_else(|| text.to_owned());
    // The longest first: `$ab` is not `$a` and a b.
    let mut names: Vec<_> = known.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text, |text, (name, value)| text.replace(&format!("${name}"), value))
}

/// Reads a table: the lines before the first case, and each case.
fn parse(file: &str, table: &str) -> (Vec<Placed>, Vec<(String, Vec<Placed>)>) {
    // Indented lines belong to the one before.
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(table.lines()) {
        match joined.last_mut() {
            Some((_, last)) if line.starts_with(' ') => last.push_str(line.trim()),
            _ => joined.push((number, line.to_owned())),
        }
    }
    let (mut before, mut cases) = (Vec::new(), Vec::<(String, Vec<Placed>)>::new());
    for (number, line) in joined {
        let json = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}, line {number}: {error}: {text}"))
        };
        let parsed = match line.split_once(' ').unwrap_or((&line, "")) {
            ("" | "#", _) => continue,
            ("==", name) => {
                cases.push((name.to_owned(), Vec::new()));
                continue;
            }
            (">", call) => {
                let (action, parameters) = call.split_once(' ').unwrap_or((call, "{}"));
                Line::Call { action: action.to_owned(), parameters: json(parameters) }
            }
            ("<", answer) => Line::Done(json(answer)),
            ("wait", seconds) => Line::Wait(seconds.parse().unwrap()),
            ("!", error) => {
                let mut words = error.splitn(4, ' ').map(str::to_owned);
                let mut word = || words.next().unwrap_or_default();
                let (status, code, shape, words) = (word(), word(), word(), word());
                Line::Refused { status: status.parse().unwrap(), code, shape, words }
            }
            _ => panic!("{file}, line {number}: {line}"),
        };
        cases.last_mut().map_or(&mut before, |(_, lines)| lines).push((number, parsed));
    }
    (before, cases)
}
