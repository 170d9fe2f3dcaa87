//! The same events, reconstructed here.

use crate::args::{NamedChain, SetupArguments, read_config, threads, warn};
use anyhow::Result;
use clap::Args;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use traccc::Backend;
use traccc::event::RawCells;
use traccc_client::{InferOptions, OutputTensor, Response};
use traccc_protocol::{DataType, Numbering, encode_cells};
use traccc_service::{BatchingOptions, Instance, Model, ModelOptions, SetupCache};

/// The model as it is to be, beside its detector.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chain for --compare-local")]
pub(crate) struct LocalArguments {
    /// CSV file of pairs of Athena and detray ids; needed for Athena ids
    #[arg(long, value_name = "FILE")]
    athena_ids: Option<PathBuf>,
    /// Named settings
    #[arg(long, value_enum, default_value_t = NamedChain::Service)]
    chain: NamedChain,
    /// TOML file of settings; wins over the named ones, which hold for what it leaves out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Engine: auto, cpu, cuda, cuda:N or cuda:all
    #[arg(long, default_value_t)]
    backend: Backend,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
}

impl LocalArguments {
    /// Reads the detector, starts a chain, and tells whether `events`, their folder, are of another detector or field.
    pub(crate) fn start(
        &self,
        setup: &SetupArguments,
        options: &InferOptions,
        events: &Path,
    ) -> Result<Local> {
        let model = ModelOptions {
            files: setup.files()?,
            config: read_config(self.chain, self.config.as_deref())?,
            numbering: options.parameters.numbering.unwrap_or(Numbering::Acts),
            athena_ids: self.athena_ids.clone(),
            threads: self.threads,
            batching: BatchingOptions::default(),
        };
        let model = Arc::new(Model::load(&model, &SetupCache::new())?);
        warn(&model.setup().check_events(events));
        Ok(Local { instance: model.instance(self.backend, 1)?, options: options.clone() })
    }
}

/// A model without a server.
#[derive(Debug)]
pub(crate) struct Local {
    instance: Instance,
    options: InferOptions,
}

impl Local {
    /// Where the tensors of a response are not those that the model makes here.
    pub(crate) fn differences(
        &mut self,
        cells: &RawCells,
        response: &Response,
    ) -> Result<Vec<Difference>> {
        let tensors = encode_cells(cells, self.options.form)?;
        let views = [tensors[0].view(), tensors[1].view()];
        let decoded = self.instance.decode(&views, self.options.parameters)?;
        let reply = self.instance.reconstruct(&decoded)?;
        let mut differences = Vec::new();
        for tensor in &response.tensors {
            let mut here = vec![0; reply.byte_size(tensor.output)];
            reply.write(tensor.output, &mut here)?;
            differences.extend(compare(tensor, &reply.shape(tensor.output), &here));
        }
        Ok(differences)
    }
}

/// A tensor of the server that is not the one made here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// Of another shape.
    Shape { name: &'static str, server: Vec<i64>, here: Vec<i64> },
    /// With other elements.
    Elements {
        name: &'static str,
        different: usize,
        all: usize,
        /// Row and column of the first.
        at: [usize; 2],
        server: f64,
        here: f64,
        largest: f64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { name, server, here } => {
                write!(f, "{name}: shape {server:?} from the server, {here:?} here")
            }
            Self::Elements { name, different, all, at: [row, column], server, here, largest } => {
                write!(
                    f,
                    "{name}: {different} of {all} elements differ, the first in row {row}, column {column}: \
                     {server} from the server, {here} here; by at most {largest}"
                )
            }
        }
    }
}

/// Compares bit by bit.
fn compare(server: &OutputTensor, shape: &[i64], here: &[u8]) -> Option<Difference> {
    let spec = server.output.spec();
    if server.shape != shape {
        let (name, server, here) = (spec.name, server.shape.clone(), shape.to_vec());
        return Some(Difference::Shape { name, server, here });
    }
    let size = spec.data_type.size();
    let value = |bytes: &[u8]| match spec.data_type {
        DataType::Int64 => bytes.first_chunk().map_or(0.0, |b| i64::from_le_bytes(*b) as f64),
        DataType::Uint32 => bytes.first_chunk().map_or(0.0, |b| u32::from_le_bytes(*b).into()),
        DataType::Fp32 => bytes.first_chunk().map_or(0.0, |b| f32::from_le_bytes(*b).into()),
    };
    let pairs = server.bytes.chunks(size).zip(here.chunks(size)).enumerate();
    let mut different = pairs.filter(|(_, (server, here))| server != here);
    let (first, (a, b)) = different.next()?;
    let (server_value, here_value) = (value(a), value(b));
    let (mut count, mut largest) = (1, (server_value - here_value).abs());
    for (_, (a, b)) in different {
        count += 1;
        largest = largest.max((value(a) - value(b)).abs());
    }
    let columns = shape.get(1).map_or(1, |&columns| columns.max(1) as usize);
    Some(Difference::Elements {
        name: spec.name,
        different: count,
        all: here.len() / size,
        at: [first / columns, first % columns],
        server: server_value,
        here: here_value,
        largest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use traccc_protocol::Output;

    fn tensor(rows: i64, values: &[f32]) -> OutputTensor {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        OutputTensor { output: Output::TrackQuality, shape: vec![rows, 4], bytes: bytes.into() }
    }

    #[test]
    fn the_first_element_that_differs_is_named() {
        let server = tensor(2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let here = tensor(2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 7.0, -8.0]);
        assert_eq!(compare(&server, &[2, 4], &server.bytes), None);
        let difference = compare(&server, &[2, 4], &here.bytes).unwrap();
        assert_eq!(
            difference.to_string(),
            "TRACK_QUALITY: 2 of 8 elements differ, the first in row 1, column 1: 6 from the server, \
             6.5 here; by at most 16"
        );
        // Equal numbers, other bits.
        let (plus, minus) = (tensor(1, &[0.0; 4]), tensor(1, &[-0.0, 0.0, 0.0, 0.0]));
        assert!(compare(&plus, &[1, 4], &minus.bytes).is_some());
        let shorter = compare(&server, &[1, 4], &plus.bytes).unwrap();
        assert_eq!(shorter.to_string(), "TRACK_QUALITY: shape [2, 4] from the server, [1, 4] here");
    }
}
