use crate::Verdict;
use crate::args::{NamedChain, SetupArguments, numbering, positive, read_config, threads};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use traccc_protocol::{Numbering, Output};
use traccc_service::{BatchingOptions, InstanceKind, ModelOptions, RepositoryModel};

/// Arguments of `traccc model-repository`.
#[derive(Args, Debug)]
pub(crate) struct ModelRepositoryArguments {
    /// Folder of the repository; the model gets a folder in it
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Name that clients ask for
    #[arg(long, default_value = "traccc")]
    name: String,
    /// Instances: batches that are reconstructed side by side (on each GPU, for --kind gpu) [default: half of this machine's
    /// cores, for --kind gpu 1]
    #[arg(long, value_name = "N", value_parser = threads)]
    instances: Option<usize>,
    /// Events that are given to an instance at once, where more than one waits [default: 1]
    #[arg(long, value_name = "N", value_parser = positive)]
    max_batch_events: Option<usize>,
    /// How long a request may wait for others while an engine is busy anyway, in us [default: 0]
    #[arg(long, value_name = "US")]
    max_batch_delay_us: Option<u64>,
    /// Where instances compute
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    kind: Kind,
    /// Inputs that the model takes: all of them are optional, those of upstream's service are not
    #[arg(long, value_enum, default_value_t = Tensors::All)]
    inputs: Tensors,
    /// Outputs that the model offers
    #[arg(long, value_enum, default_value_t = Tensors::All)]
    outputs: Tensors,
    /// Threads of each CPU instance [default: the server's cores divided by the instances]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    #[command(flatten)]
    setup: SetupArguments,
    /// Numbering of the sensors in requests that name none themselves
    #[arg(long, value_name = "NUMBERING", default_value = "acts", value_parser = numbering(&["acts", "detray", "athena"]))]
    geometry_ids: Numbering,
    /// CSV file of pairs of Athena and detray ids; needed for Athena ids in requests
    #[arg(long, value_name = "FILE", required_if_eq("geometry_ids", "athena"))]
    athena_ids: Option<PathBuf>,
    /// Named settings
    #[arg(long, value_enum, default_value_t = NamedChain::Service, help_heading = "Chain")]
    chain: NamedChain,
    /// TOML file of settings; wins over the named ones, which hold for what it leaves out
    #[arg(long, value_name = "FILE", help_heading = "Chain")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// On the processor
    Cpu,
    /// On GPUs
    Gpu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tensors {
    /// Those that upstream's service has
    Upstream,
    /// These and ours; a client that names no output gets all of them
    All,
}

/// Writes a model with copies of all its files, for Triton's `--model-repository` and for `traccc serve`.
pub(crate) fn model_repository(arguments: &ModelRepositoryArguments) -> Result<Verdict> {
    let options = ModelOptions {
        files: arguments.setup.files()?,
        config: read_config(arguments.chain, arguments.config.as_deref())?,
        numbering: arguments.geometry_ids,
        athena_ids: arguments.athena_ids.clone(),
        threads: arguments.threads,
        batching: BatchingOptions {
            events: arguments.max_batch_events,
            delay: arguments.max_batch_delay_us.map(Duration::from_micros),
        },
    };
    let kind = match arguments.kind {
        Kind::Cpu => InstanceKind::Cpu,
        Kind::Gpu => InstanceKind::Gpu,
    };
    let outputs = match arguments.outputs {
        Tensors::Upstream => Output::UPSTREAM.to_vec(),
        Tensors::All => Output::ALL.to_vec(),
    };
    let name = arguments.name.clone();
    let instances = arguments.instances.unwrap_or_else(|| kind.instances());
    let compact_cells = arguments.inputs == Tensors::All;
    let model = RepositoryModel { name, options, instances, kind, compact_cells, outputs };
    let folder = model.write(&arguments.output)?;
    writeln!(crate::terminal::stdout(), "model `{}` in `{}`", model.name, folder.display())?;
    Ok(Verdict::Done)
}
