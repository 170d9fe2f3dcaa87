//! The commands, one file each: arguments and what is done with them.

mod bench_service;
mod calibrate;
mod collisions;
mod compare;
mod cuda;
mod demo;
mod effects;
mod gun;
mod infer;
mod inspect;
mod model_repository;
mod run;
mod scan;
mod serve;
mod service;
mod simulate;
mod throughput;

pub(crate) use bench_service::{BenchServiceArguments, bench_service};
pub(crate) use calibrate::{CalibrateCommand, calibrate};
pub(crate) use compare::{CompareArguments, compare};
pub(crate) use cuda::{CudaCommand, cuda};
pub(crate) use demo::{DemoArguments, demo};
pub(crate) use infer::{InferArguments, infer};
pub(crate) use inspect::{InspectArguments, inspect};
pub(crate) use model_repository::{ModelRepositoryArguments, model_repository};
pub(crate) use run::{RunArguments, run};
pub(crate) use scan::{ScanArguments, scan};
pub(crate) use serve::{ServeArguments, serve};
pub(crate) use simulate::{SimulateArguments, simulate};
pub(crate) use throughput::{ThroughputArguments, throughput};
