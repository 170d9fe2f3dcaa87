//! Requests whose tensors a server on the same machine finds in shared memory.

mod layout;
mod pool;
mod region;

pub use pool::SharedMemoryPool;

use crate::client::{Attempt, Client};
use crate::connection::Stub;
use crate::error::ClientError;
use crate::request::{InferOptions, Request, parameter};
use crate::response::Response;
use layout::Layout;
use region::Region;
use std::collections::HashMap;
use std::ops::Range;
use tonic::{Code, Status};
use traccc_core::event::RawCells;
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::{
    InferParameter, ModelInferRequest, ModelInferResponse, SystemSharedMemoryRegisterRequest,
    SystemSharedMemoryUnregisterRequest,
};

/// Memory that this process shares with a server on the same machine, for one request at a time.
///
/// The server must allow it, and run on this machine with the same `/dev/shm`; no balancer may stand between. The memory
/// is removed at the end, also when [`Self::close`] was not called; a process that is killed leaves it behind. A call that
/// ends without an answer, or is dropped, leaves its memory to the server, which may still use it: the next call gets other.
#[derive(Debug)]
pub struct SharedMemory {
    client: Client,
    inputs: Region,
    outputs: Region,
    /// Whether the server was told of the regions.
    registered: bool,
    /// Whether a server may still read or write the regions for a call that has ended.
    in_use: bool,
    /// Names of former regions that a server may know.
    former: Vec<String>,
    /// Whether the server was told of the end, or could not be.
    closed: bool,
}

impl SharedMemory {
    /// Makes the memory, with `output_bytes` for the tensors of a response. Room for cells is made as they need it.
    ///
    /// # Errors
    /// [`ClientError::SharedMemory`] when the machine has none to give, and those of a server that refuses it.
    pub async fn open(client: &Client, output_bytes: usize) -> Result<Self, ClientError> {
        let mut memory = Self::create(client, output_bytes)?;
        memory.register().await?;
        Ok(memory)
    }

    /// Memory of which a server is told with the first request.
    fn create(client: &Client, output_bytes: usize) -> Result<Self, ClientError> {
        let inputs = Region::create("in", FIRST_INPUT_BYTES)?;
        let outputs = Region::create("out", output_bytes.max(1))?;
        Ok(Self {
            client: client.clone(),
            inputs,
            outputs,
            registered: false,
            in_use: false,
            former: Vec::new(),
            closed: false,
        })
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
        self.send(&Request::new(cells, options)?).await
    }

    /// As [`Self::infer`], with a request that was made before: it may be sent any number of times.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub async fn send(&mut self, request: &Request) -> Result<Response, ClientError> {
        let options = &request.options;
        let layout = Layout::new(&options.outputs, self.outputs.size);
        layout.check()?;
        if self.in_use || request.byte_size() > self.inputs.size {
            self.replace(request.byte_size())?;
        }
        let message = self.place(request, &layout)?;
        let call = Call {
            message,
            regions: self.registrations(),
            registered: self.registered,
            former: self.former.clone(),
        };
        // It stays so when this call is dropped.
        (self.in_use, self.closed) = (true, false);
        let infer = |attempt: Attempt| infer(attempt, call.clone());
        let called = self.client.call(options.deadline, &options.retry, infer).await;
        self.in_use = !answered(&called);
        let (reply, attempts) = called.map_err(|error| explain(error, &layout))?;
        self.registered = true;
        self.former.clear();
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

    async fn unregister(&mut self) -> Result<(), ClientError> {
        if self.closed {
            return Ok(());
        }
        let unregistered = unregister(&self.client, self.all_names()).await;
        self.closed = true;
        unregistered
    }

    /// New regions, with room for `input_bytes`. A server is told with the next attempt.
    fn replace(&mut self, input_bytes: usize) -> Result<(), ClientError> {
        let input_bytes = input_bytes.next_power_of_two().max(self.inputs.size);
        let inputs = Region::create("in", input_bytes)?;
        let outputs = Region::create("out", self.outputs.size)?;
        let names = self.names();
        self.former.extend(names);
        (self.inputs, self.outputs) = (inputs, outputs);
        (self.registered, self.in_use) = (false, false);
        Ok(())
    }

    /// Moves the contents of a request to the region, and asks for outputs in theirs.
    fn place(&self, request: &Request, layout: &Layout) -> Result<ModelInferRequest, ClientError> {
        let empty = request.byte_size() == 0;
        // Contents are shared, not copied.
        let mut message = request.message.clone();
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
        let register = |mut stub: Stub, request: tonic::Request<[_; 2]>| async move {
            register(&mut stub, request.get_ref()).await
        };
        let outcome = self.client.ask(self.registrations(), register).await;
        self.registered = outcome.is_ok();
        if outcome.is_err() {
            // One of them may be known.
            if let Err(error) = self.unregister().await {
                tracing::debug!(%error, "shared memory is still registered");
            }
        }
        outcome
    }

    /// All names that a server may know.
    fn all_names(&self) -> Vec<String> {
        let former = self.former.iter().cloned();
        former.chain(self.names()).collect()
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (false, Ok(runtime)) = (self.closed, runtime) {
            let (client, names) = (self.client.clone(), self.all_names());
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

/// A request in shared memory.
#[derive(Clone)]
struct Call {
    message: ModelInferRequest,
    regions: [SystemSharedMemoryRegisterRequest; 2],
    registered: bool,
    former: Vec<String>,
}

/// One attempt of a request.
async fn infer(
    mut attempt: Attempt,
    call: Call,
) -> Result<tonic::Response<ModelInferResponse>, Status> {
    let Call { message, regions, registered, former } = call;
    for name in former {
        let stub = &mut attempt.stub;
        stub.system_shared_memory_unregister(SystemSharedMemoryUnregisterRequest { name }).await?;
    }
    // After a failed attempt it is perhaps another server than before.
    if !registered || attempt.number > 0 {
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

/// Whether the server is done with a call: it answered the only attempt, and not that it gave up in the middle.
fn answered<T>(called: &Result<(T, usize), ClientError>) -> bool {
    match called {
        Ok((_, attempts)) => *attempts == 1,
        Err(ClientError::Status { code, attempts, .. }) => {
            *attempts == 1 && !matches!(code, Code::DeadlineExceeded | Code::Cancelled)
        }
        Err(_) => false,
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

async fn unregister(client: &Client, names: Vec<String>) -> Result<(), ClientError> {
    let unregister = |mut stub: Stub, request: tonic::Request<Vec<String>>| async move {
        for name in request.into_inner() {
            let request = SystemSharedMemoryUnregisterRequest { name };
            stub.system_shared_memory_unregister(request).await?;
        }
        Ok(tonic::Response::new(()))
    };
    client.ask(names, unregister).await
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
    use traccc_protocol::Output;

    #[test]
    fn only_a_first_answer_says_that_the_server_is_done() {
        let status = |code, attempts| {
            answered::<()>(&Err(ClientError::Status { code, message: String::new(), attempts }))
        };
        assert!(answered(&Ok(((), 1))) && status(Code::Internal, 1));
        assert!(!answered(&Ok(((), 2))) && !status(Code::Internal, 2));
        assert!(!status(Code::Cancelled, 1) && !status(Code::DeadlineExceeded, 1));
        let deadline = std::time::Duration::ZERO;
        assert!(!answered::<()>(&Err(ClientError::Deadline { deadline, attempts: 1 })));
    }

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
