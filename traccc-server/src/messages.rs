//! Messages of the protocol as text and JSON.

use prost_reflect::prost::Message;
use prost_reflect::text_format::ParseError;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;
use std::sync::LazyLock;
use traccc_protocol::grpc::{FILE_DESCRIPTOR_SET, ModelConfig};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("made together with the messages")
});

fn descriptor(message: &str) -> MessageDescriptor {
    let name = format!("inference.{message}");
    POOL.get_message_by_name(&name).expect("only called with messages of the protocol")
}

/// Reads `config.pbtxt`.
pub(crate) fn parse_config(text: &str) -> Result<ModelConfig, Box<ParseError>> {
    let text = with_colons(text);
    let message = DynamicMessage::parse_text_format(descriptor("ModelConfig"), &text)?;
    Ok(message.transcode_to().expect("made from the same description"))
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
        let config = parse_config(text).unwrap();
        assert_eq!(config.name, "a # \"[ b");
        let dims = config.input.iter().map(|input| input.dims.clone()).collect::<Vec<_>>();
        assert_eq!(dims, [[-1, 4], [3, 4]]);
        assert_eq!(config.input[0].name, "x [");
        assert_eq!((&config.output[0].name[..], &config.output[0].dims[..]), ("t", &[1][..]));
        assert_eq!(config.parameters["k"].string_value, "v [");
        assert_eq!(config.instance_group[0].count, 2);
    }

    #[test]
    fn json_has_numbers_names_and_defaults() {
        let input = ModelInput {
            name: "CELL_POSITIONS".into(),
            data_type: DataType::TypeInt64.into(),
            dims: vec![-1, 4],
            optional: false,
        };
        let config = ModelConfig { input: vec![input], ..ModelConfig::default() };
        let json = json("ModelConfig", &config);
        assert_eq!(json["input"][0]["data_type"], "TYPE_INT64");
        assert_eq!(json["input"][0]["dims"], serde_json::json!([-1, 4]));
        assert_eq!(json["max_batch_size"], 0);
    }
}
