//! A model of the toy detector, and events for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use traccc::detector::{Detector, SensorTable};
use traccc::event::RawCells;
use traccc::field::MagneticField;
use traccc::io::{self, Digitization};
use traccc::{Backend, Setup};
use traccc_protocol::{CellForm, Output, RequestParameters, encode_cells};
use traccc_service::{Instance, Model, ModelOptions, SetupCache};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{Gun, SimulationConfig, Simulator};

/// A model and four events of it.
pub(crate) struct Sample {
    pub(crate) model: Arc<Model>,
    pub(crate) events: Vec<RawCells>,
}

/// Made once for all tests.
pub(crate) static SAMPLE: LazyLock<Sample> = LazyLock::new(|| make().unwrap());

fn make() -> Result<Sample, Box<dyn std::error::Error>> {
    let folder = TempDir::new()?;
    let description = toy_detector(&ToyConfig::full())?;
    let detector = Detector::compile(&description)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    let setup = Setup::new(detector, modules, MagneticField::along_z(2.0));
    io::write_detector(folder.path(), &description)?;
    let digitization = Digitization::from_modules(&setup.detector, &setup.modules)?;
    io::write_digitization(folder.path().join("digitization.json"), &digitization)?;

    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/toy.toml");
    let parameters = BTreeMap::from([
        ("detector".to_owned(), ".".to_owned()),
        ("config".to_owned(), config.to_str().ok_or("path")?.to_owned()),
        ("chain".to_owned(), "full".to_owned()),
        ("threads".to_owned(), "1".to_owned()),
    ]);
    let options = ModelOptions::from_parameters(&parameters, folder.path())?;
    let model = Arc::new(Model::load(&options, &SetupCache::new())?);
    let events = (0..4).map(|number| event(&setup, folder.path(), number));
    Ok(Sample { model, events: events.collect::<Result<_, _>>()? })
}

/// The cells of a simulated event, by way of a file, as a client has them.
fn event(
    setup: &Setup,
    folder: &Path,
    number: u64,
) -> Result<RawCells, Box<dyn std::error::Error>> {
    let gun = Gun { particles: 20, ..Gun::default() };
    let config = SimulationConfig { gun, ..SimulationConfig::default() };
    let simulator = Simulator::new(&setup.detector, &setup.field, &config.gun, &config.transport)?;
    let event = simulator.event(&setup.modules, &config.digitization, 7, number)?;
    let sensors = SensorTable::acts(&setup.detector, &setup.modules);
    io::write_cells(folder, number, &event.cells, None, &sensors)?;
    let file = io::EventDirectory::open(folder)?.path(number, io::EventFile::Cells)?;
    Ok(io::read_raw_cells(file)?)
}

impl Sample {
    /// An instance of the model.
    pub(crate) fn instance(&self) -> Instance {
        self.model.instance(Backend::Cpu, 1).unwrap()
    }

    /// What the model makes of an event, without any network.
    pub(crate) fn expected(
        &self,
        event: usize,
        parameters: RequestParameters,
        output: Output,
    ) -> Vec<u8> {
        let mut instance = self.instance();
        let tensors = encode_cells(&self.events[event], CellForm::Plain).unwrap();
        let views = [tensors[0].view(), tensors[1].view()];
        let decoded = instance.decode(&views, parameters).unwrap();
        let reply = instance.reconstruct(&decoded).unwrap();
        let mut bytes = vec![0; reply.byte_size(output)];
        reply.write(output, &mut bytes).unwrap();
        bytes
    }
}
