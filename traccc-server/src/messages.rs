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
    let message = DynamicMessage::parse_text_format(descriptor("ModelConfig"), text)?;
    Ok(message.transcode_to().expect("made from the same description"))
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
