//! Attributes that a request gives: what is not given stays as it is.

use super::{
    ALLOW, BYTES_MAX, COUNT, GivenAttributes, JOBS_MAX, KMS_KEY, KMS_REUSE, KMS_REUSE_DEFAULT, LEASE_TIME, MANAGED_SSE,
    POLICY, boolean, count, invalid, not_a_value, number, redrive, share::GROUP_PREFIX,
};
use crate::{
    caller::Caller,
    error::SqsError,
    limits::{
        DELAY_SECONDS_MAX, KMS_KEY_BYTES_MAX, KMS_REUSE_SECONDS, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX_MIN,
        QUEUE_ATTRIBUTES_MAX, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX,
    },
    text::echo,
};
use evenkeel_engine::Description;
use evenkeel_machine::{
    command::{
        Allow, DedupScope, FairBy, FifoSettings, PapersEdit, QueueEdit, QueueSettings, Redrive, ThroughputLimit,
    },
    limits::{RETENTION_SECS, WEIGHT_MAX},
    queue::Allowed,
};
use evenkeel_policy::normal;
use evenkeel_types::{AccountId, Micros};

/// What a request gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    settings: QueueEdit<'static>,
    /// `FifoQueue`.
    is_fifo: Option<bool>,
    redrive: Option<Option<(Box<str>, u16)>>,
    /// `RedrivePolicy` as it was given, as far as a refusal repeats it.
    redrive_text: Box<str>,
    allowed: Option<Allowed>,
    notes: Vec<(&'static str, Option<Box<str>>)>,
    /// The first attribute given that only FIFO queues have.
    of_fifo: Option<&'static str>,
}

impl Given {
    /// Reads the attributes of a queue of that account, which the caller gives it.
    pub(crate) fn read(
        given: Option<&GivenAttributes<'_>>,
        account: AccountId,
        caller: &Caller<'_>,
    ) -> Result<Self, SqsError> {
        let mut read = Self::default();
        let Some(given) = given else { return Ok(read) };
        if given.count > QUEUE_ATTRIBUTES_MAX {
            return Err(SqsError::InvalidParameterValue(format!("{} attributes are too many.", given.count)));
        }
        for (name, value) in &given.kept {
            read.read_one(name, value, account, caller)?;
        }
        read.settle_encryption()?;
        Ok(read)
    }

    fn read_one(&mut self, name: &str, value: &str, account: AccountId, caller: &Caller<'_>) -> Result<(), SqsError> {
        let number = |min: u32, max: u32| number(name, value, min, max);
        let seconds = |max: i32| number(0, max.unsigned_abs()).map(|seconds| Some(Micros::from_secs(seconds)));
        let settings = &mut self.settings;
        match name {
            "VisibilityTimeout" => settings.lease = seconds(VISIBILITY_SECONDS_MAX)?,
            "DelaySeconds" => settings.delay = seconds(DELAY_SECONDS_MAX)?,
            "ReceiveMessageWaitTimeSeconds" => settings.receive_wait = seconds(WAIT_SECONDS_MAX)?,
            "MaximumMessageSize" => {
                let max = u32::try_from(MESSAGE_BYTES_MAX).unwrap_or(u32::MAX);
                settings.body_bytes_max = Some(number(MESSAGE_BYTES_MAX_MIN, max)?);
            }
            "MessageRetentionPeriod" => {
                settings.retention_secs = Some(number(*RETENTION_SECS.start(), *RETENTION_SECS.end())?);
            }
            "EvenkeelFairBy" => {
                settings.fair_by = Some(match value {
                    COUNT => FairBy::Count,
                    LEASE_TIME => FairBy::LeaseTime,
                    _ => return Err(invalid(name, "it is count or lease_time")),
                });
            }
            "EvenkeelDefaultWeight" => {
                let weight = number(1, WEIGHT_MAX.into())?;
                settings.default_weight = Some(u8::try_from(weight).unwrap_or(WEIGHT_MAX));
            }
            "EvenkeelGroupInFlightLimit" => settings.group_in_flight_max = Some(number(0, u32::MAX)?),
            JOBS_MAX => settings.jobs_max = Some(count(name, value)?),
            BYTES_MAX => settings.bytes_max = Some(count(name, value)?),
            "FifoQueue" => self.is_fifo = Some(value.eq_ignore_ascii_case("true")),
            "ContentBasedDeduplication" => {
                settings.dedup_by_content = Some(boolean(name, value)?);
                self.of_fifo.get_or_insert("ContentBasedDeduplication");
            }
            "DeduplicationScope" => {
                settings.dedup_scope = Some(match value {
                    "queue" => DedupScope::Queue,
                    "messageGroup" => DedupScope::Group,
                    _ => return Err(not_a_value(name)),
                });
                self.of_fifo.get_or_insert("DeduplicationScope");
            }
            "FifoThroughputLimit" => {
                settings.throughput_limit = Some(match value {
                    "perQueue" => ThroughputLimit::PerQueue,
                    "perMessageGroupId" => ThroughputLimit::PerGroup,
                    _ => return Err(not_a_value(name)),
                });
                self.of_fifo.get_or_insert("FifoThroughputLimit");
            }
            "RedrivePolicy" => {
                self.redrive = Some(redrive::policy(value, account, caller)?);
                self.redrive_text = echo(value).into();
            }
            ALLOW => {
                let allowed = redrive::allow(value, account)?;
                let said = (allowed == Allowed::Everybody && !value.is_empty()).then(|| redrive::ALLOW_ALL.into());
                self.notes.push((ALLOW, said));
                self.allowed = Some(allowed);
            }
            KMS_KEY => {
                if value.len() > KMS_KEY_BYTES_MAX || value.chars().any(char::is_control) {
                    return Err(not_a_value(name));
                }
                self.notes.push((KMS_KEY, (!value.is_empty()).then(|| value.into())));
            }
            KMS_REUSE => {
                let seconds = number(*KMS_REUSE_SECONDS.start(), *KMS_REUSE_SECONDS.end())?.to_string();
                // What holds anyway is not told of a queue without a key.
                self.notes.push((KMS_REUSE, (seconds != KMS_REUSE_DEFAULT).then(|| seconds.into())));
            }
            MANAGED_SSE => {
                let note = boolean(name, value)?.then(|| "true".into());
                self.notes.push((MANAGED_SSE, note));
            }
            POLICY => {
                let kept = (!value.is_empty()).then(|| normal(value).map_err(|error| SqsError::from(&error)));
                self.notes.push((POLICY, kept.transpose()?.map(Box::from)));
            }
            _ if name.starts_with(GROUP_PREFIX) => {
                return Err(SqsError::Unsupported(format!(
                    "{name} can be set by SetQueueAttributes only, once the queue exists."
                )));
            }
            _ => return Err(SqsError::InvalidAttributeName(name.to_owned())),
        }
        Ok(())
    }

    /// Of the two kinds of encryption a queue has one at most: what is turned on turns the other off.
    fn settle_encryption(&mut self) -> Result<(), SqsError> {
        let turns_on = |of: &str| self.notes.iter().any(|(name, value)| *name == of && value.is_some());
        match (turns_on(KMS_KEY), turns_on(MANAGED_SSE)) {
            (true, true) => Err(SqsError::MisplacedAttribute(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
                    .to_owned(),
            )),
            (true, false) => {
                self.notes.push((MANAGED_SSE, None));
                Ok(())
            }
            (false, true) => {
                self.notes.push((KMS_KEY, None));
                Ok(())
            }
            (false, false) => Ok(()),
        }
    }

    /// What `FifoQueue` was given as.
    pub(crate) fn is_fifo(&self) -> Option<bool> {
        self.is_fifo
    }

    /// Whether it is to be a FIFO queue.
    pub(crate) fn says_fifo(&self) -> bool {
        self.is_fifo == Some(true)
    }

    /// The first attribute given that only FIFO queues have.
    pub(crate) fn of_fifo(&self) -> Option<&'static str> {
        self.of_fifo
    }

    /// `RedrivePolicy`, for a refusal to repeat; empty if there is none.
    pub(crate) fn redrive_text(&self) -> &str {
        &self.redrive_text
    }

    /// As a change of a queue.
    pub(crate) fn edit(&self) -> QueueEdit<'_> {
        let mut edit: QueueEdit<'_> = self.settings.clone();
        edit.papers = self.papers();
        edit
    }

    /// What of it goes beside the settings.
    pub(crate) fn papers(&self) -> PapersEdit<'_> {
        let redrive = self
            .redrive
            .as_ref()
            .map(|redrive| redrive.as_ref().map(|(target, grants_max)| Redrive { target, grants_max: *grants_max }));
        let allow = self.allowed.as_ref().map(|allowed| match allowed {
            Allowed::Everybody => None,
            Allowed::Nobody => Some(Allow::Nobody),
            Allowed::These(names) => Some(Allow::These(names.iter().map(|name| &**name).collect())),
        });
        let notes = self.notes.iter().map(|(name, value)| (*name, value.as_deref())).collect();
        PapersEdit { redrive, allow, notes }
    }

    /// The settings of a new queue; `None` if something was given that only a FIFO queue has, and it is none.
    pub(crate) fn new_queue(&self) -> Option<QueueSettings> {
        let fifo = self.says_fifo().then(FifoSettings::default);
        self.settings.over(QueueSettings { fifo, ..QueueSettings::default() })
    }

    /// The first attribute given whose value a queue does not have.
    pub(crate) fn difference(&self, present: &Description) -> Option<&'static str> {
        let QueueEdit {
            lease,
            delay,
            receive_wait,
            body_bytes_max,
            fair_by,
            default_weight,
            group_in_flight_max,
            jobs_max,
            bytes_max,
            retention_secs,
            dedup_by_content,
            dedup_scope,
            throughput_limit,
            papers: _,
        } = &self.settings;
        fn differs<T: PartialEq>(given: &Option<T>, present: Option<T>) -> bool {
            given.is_some() && *given != present
        }
        let settings = &present.settings;
        let fifo = settings.fifo;
        let papers = present.papers.as_deref();
        let redrive =
            papers.and_then(|papers| papers.redrive.as_ref()).map(|(target, max)| (Box::from(&**target), *max));
        let allowed = papers.map(|papers| papers.allowed.clone()).unwrap_or_default();
        let note_differs = |(name, value): &(&'static str, Option<Box<str>>)| {
            let present = papers.and_then(|papers| papers.notes.get(*name)).map(|text| &**text);
            // Logs of before hold this one as it was sent.
            let present = present.filter(|text| *name != KMS_REUSE || *text != KMS_REUSE_DEFAULT);
            *name != ALLOW && present != value.as_deref()
        };
        let checks = [
            (differs(&self.is_fifo, Some(fifo.is_some())), "FifoQueue"),
            (differs(lease, Some(settings.lease)), "VisibilityTimeout"),
            (differs(delay, Some(settings.delay)), "DelaySeconds"),
            (differs(receive_wait, Some(settings.receive_wait)), "ReceiveMessageWaitTimeSeconds"),
            (differs(body_bytes_max, Some(settings.body_bytes_max)), "MaximumMessageSize"),
            (differs(retention_secs, Some(settings.retention_secs)), "MessageRetentionPeriod"),
            (differs(fair_by, Some(settings.fair_by)), "EvenkeelFairBy"),
            (differs(default_weight, Some(settings.default_weight)), "EvenkeelDefaultWeight"),
            (differs(group_in_flight_max, Some(settings.group_in_flight_max)), "EvenkeelGroupInFlightLimit"),
            (differs(jobs_max, Some(settings.jobs_max)), JOBS_MAX),
            (differs(bytes_max, Some(settings.bytes_max)), BYTES_MAX),
            (differs(dedup_by_content, fifo.map(|fifo| fifo.dedup_by_content)), "ContentBasedDeduplication"),
            (differs(dedup_scope, fifo.map(|fifo| fifo.dedup_scope)), "DeduplicationScope"),
            (differs(throughput_limit, fifo.map(|fifo| fifo.throughput_limit)), "FifoThroughputLimit"),
            (differs(&self.redrive, Some(redrive)), "RedrivePolicy"),
            (differs(&self.allowed, Some(allowed)), ALLOW),
        ];
        let note = self.notes.iter().find(|note| note_differs(note)).map(|(name, _)| *name);
        checks.into_iter().find(|(differs, _)| *differs).map(|(_, name)| name).or(note)
    }
}
