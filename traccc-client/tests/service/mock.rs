//! A server for tests.

use crate::events::SAMPLE;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status, async_trait};
use traccc_client::{Client, ConnectOptions};
use traccc_protocol::grpc::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use traccc_protocol::grpc::infer_parameter::ParameterChoice;
use traccc_protocol::grpc::model_infer_response::InferOutputTensor;
use traccc_protocol::grpc::*;
use traccc_protocol::{Output, RequestParameters, Tensor};
use traccc_service::{Instance, Reply};

/// What the server does beside its work.
pub(crate) struct Behaviour {
    /// So many requests are refused first.
    pub(crate) unavailable: usize,
    /// How long it waits before each answer.
    pub(crate) delay: Duration,
    /// What it does to its answers.
    pub(crate) tamper: fn(&mut ModelInferResponse),
    pub(crate) tls: Option<ServerTlsConfig>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { unavailable: 0, delay: Duration::ZERO, tamper: |_| (), tls: None }
    }
}

/// A server that is gone at once when it is dropped, as a killed one.
pub(crate) struct Mock {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
    /// What it has been asked.
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) regions: Arc<Regions>,
}

pub(crate) type Regions = Mutex<HashMap<String, (String, u64)>>;

impl Mock {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), behaviour)
    }

    pub(crate) fn start_at(address: SocketAddr, mut behaviour: Behaviour) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, regions) = <(Arc<AtomicUsize>, Arc<Regions>)>::default();
        let tls = behaviour.tls.take();
        let instance = Mutex::new(SAMPLE.instance());
        let service =
            Service { instance, behaviour, requests: requests.clone(), regions: regions.clone() };
        runtime.spawn(async move {
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).unwrap();
            }
            let service =
                GrpcInferenceServiceServer::new(service).max_decoding_message_size(1 << 28);
            let incoming = TcpIncoming::from(TcpListener::from_std(listener).unwrap());
            server.add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { runtime: Some(runtime), address, requests, regions }
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        ConnectOptions::new(format!("http://{}", self.address))
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.options()).await.unwrap()
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime may not wait for another one.
            let end = move || runtime.shutdown_timeout(Duration::from_secs(10));
            std::thread::spawn(end).join().unwrap();
        }
    }
}

struct Service {
    instance: Mutex<Instance>,
    behaviour: Behaviour,
    requests: Arc<AtomicUsize>,
    regions: Arc<Regions>,
}

/// Where a tensor is in shared memory.
struct Place {
    region: String,
    offset: u64,
    size: usize,
}

impl Place {
    fn of(parameters: &HashMap<String, InferParameter>) -> Option<Self> {
        let choice = |key: &str| parameters.get(key).and_then(|p| p.parameter_choice.clone());
        let number = |key: &str| match choice(key) {
            Some(ParameterChoice::Int64Param(value)) => value as u64,
            other => panic!("{key}: {other:?}"),
        };
        match choice("shared_memory_region")? {
            ParameterChoice::StringParam(region) => Some(Self {
                region,
                offset: number("shared_memory_offset"),
                size: number("shared_memory_byte_size") as usize,
            }),
            other => panic!("{other:?}"),
        }
    }

    fn open(&self, regions: &Regions) -> Result<std::fs::File, Status> {
        let regions = regions.lock().unwrap();
        let Some((key, size)) = regions.get(&self.region) else {
            let message = format!("Unable to find shared memory region: '{}'", self.region);
            return Err(Status::invalid_argument(message));
        };
        assert!(self.size > 0, "Triton refuses parts without bytes");
        assert!(self.offset + self.size as u64 <= *size, "a tensor beyond its region");
        let mut file = std::fs::OpenOptions::new();
        Ok(file.read(true).write(true).open(format!("/dev/shm{key}")).unwrap())
    }
}

impl Service {
    fn reconstruct(&self, request: &ModelInferRequest) -> Result<Reply, Status> {
        let mut parameters = RequestParameters::default();
        for (name, value) in &request.parameters {
            let Some(ParameterChoice::StringParam(value)) = &value.parameter_choice else {
                return Err(Status::invalid_argument(name.clone()));
            };
            let set = parameters.set(name, value);
            set.map_err(|error| Status::invalid_argument(error.to_string()))?;
        }
        let mut raw = request.raw_input_contents.iter();
        let mut contents = Vec::new();
        for input in &request.inputs {
            contents.push(match Place::of(&input.parameters) {
                Some(place) => {
                    let mut bytes = vec![0; place.size];
                    place.open(&self.regions)?.read_exact_at(&mut bytes, place.offset).unwrap();
                    bytes.into()
                }
                None => raw.next().unwrap().clone(),
            });
        }
        let tensors = request.inputs.iter().zip(&contents).map(|(input, bytes)| Tensor {
            name: &input.name,
            data_type: &input.datatype,
            shape: &input.shape,
            bytes,
        });
        let invalid =
            |failure: traccc_service::Failure| Status::invalid_argument(failure.to_string());
        let mut instance = self.instance.lock().unwrap();
        let decoded = instance.decode(&tensors.collect::<Vec<_>>(), parameters).map_err(invalid)?;
        instance.reconstruct(&decoded).map_err(invalid)
    }

    fn answer(&self, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
        let reply = self.reconstruct(&request)?;
        let mut response = ModelInferResponse {
            model_name: request.model_name,
            model_version: "1".to_owned(),
            id: request.id,
            ..ModelInferResponse::default()
        };
        for (name, value) in reply.parameters() {
            let parameter_choice = Some(ParameterChoice::Int64Param(value));
            response.parameters.insert(name.to_owned(), InferParameter { parameter_choice });
        }
        for requested in request.outputs {
            let output = Output::from_name(&requested.name).unwrap();
            let mut bytes = vec![0; reply.byte_size(output)];
            reply.write(output, &mut bytes).unwrap();
            if let Some(place) = Place::of(&requested.parameters) {
                if place.size < bytes.len() {
                    return Err(Status::internal(format!(
                        "shared memory size specified with the request for output '{}' ({} bytes) \
                         should be at least {} bytes to hold the results",
                        requested.name,
                        place.size,
                        bytes.len(),
                    )));
                }
                place.open(&self.regions)?.write_all_at(&bytes, place.offset).unwrap();
                bytes.clear();
            }
            response.raw_output_contents.push(bytes.into());
            response.outputs.push(InferOutputTensor {
                name: requested.name,
                datatype: output.spec().data_type.name().to_owned(),
                shape: reply.shape(output),
                ..InferOutputTensor::default()
            });
        }
        (self.behaviour.tamper)(&mut response);
        Ok(response)
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl GrpcInferenceService for Service {
    type ModelStreamInferStream =
        tonic::codegen::tokio_stream::Empty<Result<ModelStreamInferResponse, Status>>;

    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Answer<ServerLiveResponse> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Answer<ServerReadyResponse> {
        Ok(Response::new(ServerReadyResponse { ready: true }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Answer<ModelReadyResponse> {
        Ok(Response::new(ModelReadyResponse { ready: request.get_ref().name == "traccc" }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Answer<ServerMetadataResponse> {
        let name = "mock".to_owned();
        Ok(Response::new(ServerMetadataResponse { name, ..Default::default() }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Answer<ModelMetadataResponse> {
        match request.into_inner().name {
            name if name == "traccc" => {
                Ok(Response::new(ModelMetadataResponse { name, ..Default::default() }))
            }
            name => Err(Status::not_found(format!("no model `{name}`"))),
        }
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Answer<ModelInferResponse> {
        let before = self.requests.fetch_add(1, Ordering::SeqCst);
        if before < self.behaviour.unavailable {
            return Err(Status::unavailable("draining"));
        }
        tokio::time::sleep(self.behaviour.delay).await;
        self.answer(request.into_inner()).map(Response::new)
    }

    async fn model_stream_infer(
        &self,
        _: Request<tonic::Streaming<ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        Err(Status::unimplemented("streams"))
    }

    async fn model_config(&self, _: Request<ModelConfigRequest>) -> Answer<ModelConfigResponse> {
        Err(Status::unimplemented("configurations"))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Answer<ModelStatisticsResponse> {
        let inference_count = self.requests.load(Ordering::SeqCst) as u64;
        let name = request.into_inner().name;
        let model_stats =
            vec![ModelStatistics { name, inference_count, ..ModelStatistics::default() }];
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        _: Request<RepositoryIndexRequest>,
    ) -> Answer<RepositoryIndexResponse> {
        Err(Status::unimplemented("repositories"))
    }

    async fn system_shared_memory_status(
        &self,
        _: Request<SystemSharedMemoryStatusRequest>,
    ) -> Answer<SystemSharedMemoryStatusResponse> {
        Err(Status::unimplemented("status"))
    }

    async fn system_shared_memory_register(
        &self,
        request: Request<SystemSharedMemoryRegisterRequest>,
    ) -> Answer<SystemSharedMemoryRegisterResponse> {
        let SystemSharedMemoryRegisterRequest { name, key, byte_size, .. } = request.into_inner();
        let length = std::fs::metadata(format!("/dev/shm{key}")).unwrap().len();
        assert!(length >= byte_size);
        match self.regions.lock().unwrap().insert(name, (key, byte_size)) {
            None => Ok(Response::new(SystemSharedMemoryRegisterResponse {})),
            Some((key, _)) => Err(Status::already_exists(key)),
        }
    }

    async fn system_shared_memory_unregister(
        &self,
        request: Request<SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<SystemSharedMemoryUnregisterResponse> {
        self.regions.lock().unwrap().remove(&request.into_inner().name);
        Ok(Response::new(SystemSharedMemoryUnregisterResponse {}))
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<CudaSharedMemoryStatusRequest>,
    ) -> Answer<CudaSharedMemoryStatusResponse> {
        Err(Status::unimplemented("CUDA"))
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<CudaSharedMemoryRegisterRequest>,
    ) -> Answer<CudaSharedMemoryRegisterResponse> {
        Err(Status::unimplemented("CUDA"))
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<CudaSharedMemoryUnregisterResponse> {
        Err(Status::unimplemented("CUDA"))
    }
}
