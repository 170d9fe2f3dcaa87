//! gRPC's health protocol, for whatever service a prober names: as Triton, which has one health for all.

use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::HealthService;

/// The health of the server under any name.
#[derive(Debug)]
pub(super) struct AnyHealth(pub(super) HealthService);

/// The same request for the server as a whole.
fn of_server(mut request: Request<HealthCheckRequest>) -> Request<HealthCheckRequest> {
    request.get_mut().service.clear();
    request
}

#[tonic::async_trait]
impl Health for AnyHealth {
    type WatchStream = <HealthService as Health>::WatchStream;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.0.check(of_server(request)).await
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.0.watch(of_server(request)).await
    }
}
