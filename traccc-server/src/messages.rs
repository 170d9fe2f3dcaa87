//! Messages of the protocol as text and JSON.

use prost_reflect::prost::Message;
use prost_reflect::text_format::ParseError;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use traccc_protocol::grpc::{FILE_DESCRIPTOR_SET, ModelConfig};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("made together with the messages")
});

fn descriptor(message: &str) -> MessageDescriptor {
    let name = format!("inference.{message}");
    POOL.get_message_by_name(&name).expect("only called with messages of the protocol")
}

/// Reads `config.pbtxt`, and names what it sets and [`used`] does not have: each field once, as `instance_group.passive`.
pub(crate) fn parse_config(text: &str) -> Result<(ModelConfig, BTreeSet<String>), Box<ParseError>> {
    let text = with_colons(text);
    let message = DynamicMessage::parse_text_format(descriptor("ModelConfig"), &text)?;
    let mut unused = BTreeSet::new();
    collect_unused(&message, "", &mut unused);
    Ok((message.transcode_to().expect("made from the same description"), unused))
}

/// The fields of a message in a model's configuration that this server uses; `None`: all of them.
fn used(message: &str) -> Option<&'static [&'static str]> {
    Some(match message {
        "ModelConfig" => &[
            "name",
            "backend",
            "version_policy",
            "max_batch_size",
            "input",
            "output",
            "instance_group",
            "parameters",
            "model_transaction_policy",
        ],
        "ModelInput" => &["name", "data_type", "dims", "optional"],
        "ModelOutput" => &["name", "data_type", "dims"],
        "ModelInstanceGroup" => &["name", "count", "gpus", "kind"],
        _ => return None,
    })
}

fn collect_unused(message: &DynamicMessage, prefix: &str, unused: &mut BTreeSet<String>) {
    let Some(used) = used(message.descriptor().name()) else { return };
    for (field, value) in message.fields() {
        let path = format!("{prefix}{}", field.name());
        if !used.contains(&field.name()) {
            unused.insert(path);
        } else if let Some(list) = value.as_list() {
            let messages = list.iter().filter_map(prost_reflect::Value::as_message);
            messages.for_each(|message| collect_unused(message, &format!("{path}."), unused));
        }
    }
}

/// Puts a colon between the name of a field and a list of messages: `input [ {} ]`, as most configurations have it, is
/// right without one, but the parser does not know that.
fn with_colons(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars();
    let mut after_name = false;
    while let Some(c) = chars.next() {
        match c {
            '[' if after_name => out.push(':'),
            // To the end of the comment, or of the text.
            '#' => {
                out.push(c);
                out.extend(chars.by_ref().take_while(|&c| c != '\n'));
                out.push('\n');
                continue;
            }
            '"' | '\'' => {
                out.push(c);
                while let Some(inner) = chars.next() {
                    out.push(inner);
                    match inner {
                        '\\' => out.extend(chars.next()),
                        inner if inner == c => break,
                        _ => {}
                    }
                }
                after_name = false;
                continue;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            after_name = c.is_alphanumeric() || c == '_';
        }
        out.push(c);
    }
    out
}

/// A message as the HTTP protocol has it: names as in the description, 64-bit integers as numbers, nothing left out.
pub(crate) fn json(name: &str, message: &impl Message) -> Value {
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor(name), &bytes[..]);
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    dynamic
        .expect("made from the same description")
        .serialize_with_options(serde_json::value::Serializer, &options)
        .expect("maps have keys that are text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_protocol::grpc::{DataType, ModelInput};

    #[test]
    fn lists_of_messages_need_no_colon() {
        let text = r#"
            name: "a # \"[ b" # input [ {} ]
            input [ { name: 'x [' dims: [ -1, 4 ] }, { name: "y" dims: 3 dims: 4 } ]
            output # of tracks
            [ { name: "t" dims [ 1 ] } ]
            parameters { key: "k" value { string_value: "v [" } }
            instance_group: [ { count: 2 } ]"#;
        let (config, unused) = parse_config(text).unwrap();
        assert!(unused.is_empty(), "{unused:?}");
        assert_eq!(config.name, "a # \"[ b");
        let dims = config.input.iter().map(|input| input.dims.clone()).collect::<Vec<_>>();
        assert_eq!(dims, [[-1, 4], [3, 4]]);
        assert_eq!(config.input[0].name, "x [");
        assert_eq!((&config.output[0].name[..], &config.output[0].dims[..]), ("t", &[1][..]));
        assert_eq!(config.parameters["k"].string_value, "v [");
        assert_eq!(config.instance_group[0].count, 2);
    }

    #[test]
    fn what_triton_knows_and_this_server_does_not_use_is_named() {
        let text = r#"
            name: "a" platform: "" runtime: "x" default_model_filename: "m"
            input [ { name: "x" dims: [ -1 ] format: FORMAT_NONE allow_ragged_batch: true } ]
            instance_group [ { count: 1 rate_limiter { resources [ { name: "r" count: 2 } ] priority: 1 } },
                             { count: 2 passive: true rate_limiter { } host_policy: "h" } ]
            dynamic_batching { preferred_batch_size: [ 4, 8 ] default_queue_policy { max_queue_size: 7 } }
            model_warmup [ { name: "w" inputs { key: "x" value: { data_type: TYPE_INT64 dims: [ 1, 4 ] zero_data: true } } } ]
            optimization { cuda { graphs: true graph_spec { batch_size: 1 } } input_pinned_memory { enable: true } }
            response_cache { enable: true } cc_model_filenames { key: "8.0" value: "y" } metric_tags { key: "a" value: "b" }
            model_metrics { metric_control: [ { metric_identifier: { family: "f" } histogram_options: { buckets: [ 1, 2 ] } } ] }
            version_policy: { specific { versions: [ 1 ] } } model_transaction_policy { decoupled: false }"#;
        let (config, unused) = parse_config(text).unwrap();
        let expected = [
            "cc_model_filenames",
            "default_model_filename",
            "dynamic_batching",
            "input.allow_ragged_batch",
            "instance_group.host_policy",
            "instance_group.passive",
            "instance_group.rate_limiter",
            "metric_tags",
            "model_metrics",
            "model_warmup",
            "optimization",
            "response_cache",
            "runtime",
        ];
        assert_eq!(unused.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!((config.instance_group.len(), &config.runtime[..]), (2, "x"));
        let (_, unused) = parse_config("ensemble_scheduling { max_inflight_requests: 2 }").unwrap();
        assert!(unused.contains("ensemble_scheduling"), "{unused:?}");
        for wrong in [
            "dynamic_batchin { }",
            "dynamic_batching { x: 1 }",
            "instance_group { gpu: 1 }",
            "<xml/>",
        ] {
            parse_config(wrong).unwrap_err();
        }
    }

    #[test]
    fn json_has_numbers_names_and_defaults() {
        let input = ModelInput {
            name: "CELL_POSITIONS".into(),
            data_type: DataType::TypeInt64.into(),
            dims: vec![-1, 4],
            ..ModelInput::default()
        };
        let config = ModelConfig { input: vec![input], ..ModelConfig::default() };
        let json = json("ModelConfig", &config);
        assert_eq!(json["input"][0]["data_type"], "TYPE_INT64");
        assert_eq!(json["input"][0]["dims"], serde_json::json!([-1, 4]));
        assert_eq!(json["max_batch_size"], 0);
    }
}
