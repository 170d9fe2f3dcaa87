//! Requests whose tensors a server on the same machine finds in shared memory.

mod layout;
mod region;

use crate::client::{Attempt, Client, Stub};
use crate::error::ClientError;
use crate::request::{InferOptions, Request, parameter};
use crate::response::Response;
use layout::Layout;
use region::Region;
use std::collections::HashMap;
use std::ops::Range;
use tonic::Status;
use traccc_core::event::RawCells;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{
    InferParameter, ModelInferRequest, ModelInferResponse, SystemSharedMemoryRegisterRequest,
    SystemSharedMemoryUnregisterRequest,
};

/// Memory that this process shares with a server on the same machine, for one request at a time.
///
/// The server must allow it, and run on this machine with the same `/dev/shm`; no balancer may stand between. The memory
/// is removed at the end, also when [`Self::close`] was not called; a process that is killed leaves it behind.
#[derive(Debug)]
pub struct SharedMemory {
    client: Client,
    inputs: Region,
    outputs: Region,
    /// Whether a server may know the regions.
    registered: bool,
}

impl SharedMemory {
    /// Makes the memory, with `output_bytes` for the tensors of a response. Room for cells is made as they need it.
    ///
    /// # Errors
    /// [`ClientError::SharedMemory`] when the machine has none to give, and those of a server that refuses it.
    pub async fn open(client: &Client, output_bytes: usize) -> Result<Self, ClientError> {
        let inputs = Region::create("in", FIRST_INPUT_BYTES)?;
        let outputs = Region::create("out", output_bytes.max(1))?;
        let mut memory = Self { client: client.clone(), inputs, outputs, registered: false };
        memory.register().await?;
        Ok(memory)
    }

    /// As [`Client::infer`]. `options.outputs` must not be empty: their places are chosen here.
    ///
    /// # Errors
    /// As [`Client::infer`]; [`ClientError::RegionTooSmall`] when the tracks need more room, with the size.
    pub async fn infer(
        &mut self,
        cells: &RawCells,
        options: &InferOptions,
    ) -> Result<Response, ClientError> {
        let request = Request::new(cells, options)?;
        self.make_room(request.byte_size()).await?;
        let layout = Layout::new(&options.outputs, self.outputs.size);
        layout.check()?;
        let message = self.place(request, &layout)?;
        let regions = self.registrations();
        let infer = |attempt: Attempt| infer(attempt, message.clone(), regions.clone());
        let called = self.client.call(options.deadline, &options.retry, infer).await;
        let (reply, attempts) = called.map_err(|error| explain(error, &layout))?;
        Response::assemble(reply, &options.outputs, attempts, |output, shape| {
            let part = layout.find(output, shape)?;
            self.outputs.read(part.start, part.len())
        })
    }

    /// Tells the server that the memory is gone, and removes it.
    ///
    /// # Errors
    /// Those of the server; the memory is removed all the same.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.unregister().await
    }

    /// Makes the region of the inputs as large as need be.
    async fn make_room(&mut self, needed: usize) -> Result<(), ClientError> {
        if needed <= self.inputs.size {
            return Ok(());
        }
        // The server has it mapped.
        self.unregister().await?;
        self.inputs.resize(needed.next_power_of_two())?;
        self.register().await
    }

    /// Moves the contents of a request to the region, and asks for outputs in theirs.
    fn place(&self, request: Request, layout: &Layout) -> Result<ModelInferRequest, ClientError> {
        let empty = request.byte_size() == 0;
        let mut message = request.message;
        // Triton refuses parts of a region without any bytes: no cells are sent in the message.
        if !empty {
            let contents = std::mem::take(&mut message.raw_input_contents);
            let mut offset = 0;
            for (input, content) in message.inputs.iter_mut().zip(contents) {
                self.inputs.write(offset, &content)?;
                input.parameters = location(&self.inputs, offset..offset + content.len());
                offset += content.len().next_multiple_of(8);
            }
        }
        for (output, (_, part)) in message.outputs.iter_mut().zip(layout.parts()) {
            output.parameters = location(&self.outputs, part);
        }
        Ok(message)
    }

    fn names(&self) -> [String; 2] {
        [&self.inputs, &self.outputs].map(|region| region.name.clone())
    }

    fn registrations(&self) -> [SystemSharedMemoryRegisterRequest; 2] {
        [&self.inputs, &self.outputs].map(|region| {
            let (name, key, byte_size) = (region.name.clone(), region.key(), region.size as u64);
            SystemSharedMemoryRegisterRequest { name, key, offset: 0, byte_size }
        })
    }

    async fn register(&mut self) -> Result<(), ClientError> {
        self.registered = true;
        let register = |mut stub: Stub, request: tonic::Request<[_; 2]>| async move {
            register(&mut stub, request.get_ref()).await
        };
        self.client.ask(self.registrations(), register).await
    }

    async fn unregister(&mut self) -> Result<(), ClientError> {
        if !std::mem::take(&mut self.registered) {
            return Ok(());
        }
        unregister(&self.client, self.names()).await
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (true, Ok(runtime)) = (self.registered, runtime) {
            let client = self.client.clone();
            let names = self.names();
            runtime.spawn(async move {
                if let Err(error) = unregister(&client, names).await {
                    tracing::debug!(%error, "shared memory is still registered");
                }
            });
        }
    }
}

/// The first size of the region of the inputs.
const FIRST_INPUT_BYTES: usize = 1 << 20;

/// One attempt of a request.
async fn infer(
    mut attempt: Attempt,
    message: ModelInferRequest,
    regions: [SystemSharedMemoryRegisterRequest; 2],
) -> Result<tonic::Response<ModelInferResponse>, Status> {
    if attempt.number > 0 {
        // Perhaps another server than before.
        register(&mut attempt.stub, &regions).await?;
    }
    let request = attempt.request(message.clone());
    match attempt.stub.model_infer(request).await {
        // A server that was started anew since the last call.
        Err(status) if knows_no_region(&status) => {
            register(&mut attempt.stub, &regions).await?;
            let request = attempt.request(message);
            attempt.stub.model_infer(request).await
        }
        reply => reply,
    }
}

/// Makes regions known to a server that may know them already.
async fn register(
    stub: &mut Stub,
    regions: &[SystemSharedMemoryRegisterRequest],
) -> Result<tonic::Response<()>, Status> {
    for region in regions {
        let name = region.name.clone();
        stub.system_shared_memory_unregister(SystemSharedMemoryUnregisterRequest { name }).await?;
        stub.system_shared_memory_register(region.clone()).await?;
    }
    Ok(tonic::Response::new(()))
}

async fn unregister(client: &Client, names: [String; 2]) -> Result<(), ClientError> {
    for name in names {
        let request = SystemSharedMemoryUnregisterRequest { name };
        let unregister = |mut stub: Stub, request| async move {
            stub.system_shared_memory_unregister(request).await
        };
        client.ask(request, unregister).await?;
    }
    Ok(())
}

/// The parameters that say where a tensor is.
fn location(region: &Region, part: Range<usize>) -> HashMap<String, InferParameter> {
    [
        ("shared_memory_region", ParameterChoice::StringParam(region.name.clone())),
        ("shared_memory_offset", ParameterChoice::Int64Param(part.start as i64)),
        ("shared_memory_byte_size", ParameterChoice::Int64Param(part.len() as i64)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), parameter(value)))
    .collect()
}

/// Whether a server does not have the regions: in the words of Triton, and of ours.
fn knows_no_region(status: &Status) -> bool {
    let message = status.message().to_lowercase();
    message.contains("unable to find shared memory region")
        || message.contains("shared memory region") && message.contains("is not registered")
}

/// The error of an output that does not fit, which Triton words `output 'X' (..) should be at least N bytes` and our server
/// ``output `X` takes N bytes``; others as they are.
fn explain(error: ClientError, layout: &Layout) -> ClientError {
    let ClientError::Status { message, .. } = &error else {
        return error;
    };
    let named = layout.parts().map(|(output, _)| output).find(|output| {
        let name = output.spec().name;
        ['\'', '`'].iter().any(|quote| message.contains(&format!("output {quote}{name}{quote}")))
    });
    let number = ["at least ", " takes "].into_iter().find_map(|before| {
        let (_, after) = message.split_once(before)?;
        after.split_once(" bytes")?.0.parse().ok()
    });
    match (named, number) {
        (Some(output), Some(needed)) => layout.too_small(output, needed),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use traccc_protocol::Output;

    #[test]
    fn both_servers_words_for_a_small_region_are_understood() {
        let layout = Layout::new(&Output::UPSTREAM, 1000);
        let explained = |message: &str| {
            let (code, message) = (Code::Internal, message.to_owned());
            explain(ClientError::Status { code, message, attempts: 1 }, &layout)
        };
        for message in [
            "shared memory size specified with the request for output 'COVARIANCES' (640 bytes) \
             should be at least 12300 bytes to hold the results",
            "output `COVARIANCES` takes 12300 bytes, but 640 of shared memory region `x` are offered",
        ] {
            let ClientError::RegionTooSmall { output: "COVARIANCES", needed: 12_300, .. } =
                explained(message)
            else {
                panic!("{message}");
            };
        }
        assert!(matches!(explained("out of memory"), ClientError::Status { .. }));
    }
}
