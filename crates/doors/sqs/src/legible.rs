//! Messages for people: what their ids stand for, and what their bodies say.

use crate::{blob::Blob, door::Door};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_engine::{Attribute, Interpreter, JobPlace, Legible};
use evenkeel_types::{BodyRef, JobId};

impl Interpreter for Door {
    fn id(&self, job: JobId, body: BodyRef) -> String {
        self.ids().message_id(job, body).iter().map(|&byte| char::from(byte)).collect()
    }

    fn place(&self, id: &str) -> Option<JobPlace> {
        self.ids().message_place(id)
    }

    fn read(&self, body: &[u8]) -> Option<Legible> {
        let blob = Blob::decode(body)?;
        let attributes = blob.attributes.map_or(Some(Vec::new()), |attributes| attributes.decode())?;
        let attributes = attributes.into_iter().map(|attribute| Attribute {
            name: attribute.name.into(),
            kind: attribute.data_type.into(),
            value: if attribute.is_binary() {
                STANDARD.encode(&attribute.value)
            } else {
                String::from_utf8_lossy(&attribute.value).into_owned()
            },
        });
        Some(Legible { text: blob.text.into(), sender: blob.sender_id.into(), attributes: attributes.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{attributes::Attribute as Given, blob, ids::Ids};
    use evenkeel_types::LogIndex;
    use std::borrow::Cow;

    #[test]
    fn what_was_sent_is_read_again_and_what_was_not_is_nothing() {
        let door = Door::new(Ids::new(&[7; 32]), "us-east-1");
        let value = |value: &'static [u8]| Cow::Borrowed(value);
        let given = [
            Given { name: "a", data_type: "Binary", value: value(&[0, 255]) },
            Given { name: "b", data_type: "Number.cents", value: value(b"12") },
        ];
        let body = blob::encode("<b>text</b>", &[0; 16], "sender", Some((&given, [0; 16])), None, None);
        let read = door.read(&body).unwrap();
        assert_eq!((&*read.text, &*read.sender), ("<b>text</b>", "sender"));
        let attributes: Vec<_> = read.attributes.iter().map(|one| (&*one.name, &*one.kind, &*one.value)).collect();
        assert_eq!(attributes, [("a", "Binary", "AP8="), ("b", "Number.cents", "12")]);
        assert_eq!((door.read(&body[..10]), door.read(b"")), (None, None));
    }

    #[test]
    fn a_job_is_found_by_what_it_is_called() {
        let door = Door::new(Ids::new(&[7; 32]), "us-east-1");
        let (job, body) = (JobId { slot: 5, generation: 1 }, BodyRef { index: LogIndex(9), offset: 40, bytes: 3 });
        let id = door.id(job, body);
        assert_eq!(door.place(&id), Some(JobPlace { index: LogIndex(9), offset: 40, slot: 5 }));
        assert_eq!(door.place("no id"), None);
    }
}
