//! The AWS SDK for Rust against the server that the environment names: a day's work, and errors by their types.

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{QueueAttributeName, SendMessageBatchRequestEntry},
};

type Failure = Box<dyn std::error::Error>;

fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let key =
        Credentials::new(variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?, None, None, "environment");
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(variable("AWS_ENDPOINT_URL_SQS")?)
        .region(Region::new(variable("AWS_REGION")?))
        .credentials_provider(key)
        .build();
    let sqs = Client::from_conf(config);
    let made =
        sqs.create_queue().queue_name("rust").attributes(QueueAttributeName::VisibilityTimeout, "60").send().await?;
    let queue = made.queue_url().ok_or("no URL")?.to_owned();

    let again =
        sqs.create_queue().queue_name("rust").attributes(QueueAttributeName::VisibilityTimeout, "61").send().await;
    let refused = again.err().ok_or("a queue that differs was made")?.into_service_error();
    assert!(refused.is_queue_name_exists(), "{refused:?}");
    let nowhere = sqs.get_queue_url().queue_name("nowhere").send().await;
    let refused = nowhere.err().ok_or("a queue that is not there was found")?.into_service_error();
    assert!(refused.is_queue_does_not_exist(), "{refused:?}");

    let entry =
        |at: usize| SendMessageBatchRequestEntry::builder().id(format!("e{at}")).message_body(at.to_string()).build();
    let entries = (0..10).map(entry).collect::<Result<Vec<_>, _>>()?;
    let sent = sqs.send_message_batch().queue_url(&queue).set_entries(Some(entries)).send().await?;
    assert_eq!((sent.successful().len(), sent.failed().len()), (10, 0));
    let received =
        sqs.receive_message().queue_url(&queue).max_number_of_messages(10).wait_time_seconds(5).send().await?;
    let bodies: Vec<&str> = received.messages().iter().filter_map(|job| job.body()).collect();
    assert_eq!(bodies.concat(), "0123456789");
    for job in received.messages() {
        sqs.delete_message().queue_url(&queue).receipt_handle(job.receipt_handle().ok_or("no handle")?).send().await?;
    }
    let asked = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::All).send().await?;
    let told = asked.attributes().ok_or("no attributes")?;
    for name in
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible]
    {
        assert_eq!(told.get(&name).map(String::as_str), Some("0"), "{name}");
    }
    sqs.delete_queue().queue_url(&queue).send().await?;
    Ok(())
}
