//! Models from parameters, and instances that answer requests.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use traccc::detector::Detector;
use traccc::event::{Cells, RawCell, RawCells};
use traccc::field::MagneticField;
use traccc::io::{self, Digitization};
use traccc::{Backend, ChainConfig, Setup, SetupFiles};
use traccc_protocol::{
    CellForm, Numbering, Output, OwnedTensor, RequestParameters, Selection, SensorTable,
    ServedTracks, Tensor, encode_cells,
};
use traccc_service::{Failure, FailureKind, Instance, Model, ModelError, ModelOptions, SetupCache};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulationConfig, simulate_event};

const SETTINGS: &str = "[finding]\nmin_measurements = 3\n";

/// Writes the toy detector into `folder`.
fn write_toy(folder: &Path) {
    let model = toy_detector(&ToyConfig::full()).unwrap();
    let detector = Detector::compile(&model).unwrap();
    let modules = pixel_modules(&detector, [0.05, 0.05]).unwrap();
    let digitization = Digitization::from_modules(&detector, &modules).unwrap();
    io::write_detector(folder, &model).unwrap();
    io::write_digitization(folder.join("digitization.json"), &digitization).unwrap();
    std::fs::write(folder.join("chain.toml"), SETTINGS).unwrap();
    let pairs = detector.barcodes.iter().enumerate();
    let lines: String =
        pairs.map(|(i, id)| format!("{:x},{id}\n", 0x1000_0000_u64 + i as u64)).collect();
    std::fs::write(folder.join("athena.txt"), lines).unwrap();
}

fn parameters(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = [("detector", "."), ("config", "chain.toml")].into_iter().chain(more.iter().copied());
    all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn load(folder: &Path, more: &[(&str, &str)]) -> Result<Arc<Model>, ModelError> {
    let options = ModelOptions::from_parameters(&parameters(more), folder)?;
    Ok(Arc::new(Model::load(&options, &SetupCache::new())?))
}

fn event(setup: &Setup, number: u64) -> Cells {
    let field = MagneticField::along_z(2.0);
    let config = SimulationConfig::default();
    simulate_event(&setup.detector, &setup.modules, &field, &config, 1, number).unwrap().cells
}

fn raw(cells: &Cells, setup: &Setup, id: impl Fn(traccc::SurfaceIndex) -> u64) -> RawCells {
    let raw = |cell: traccc::event::Cell| RawCell {
        geometry_id: id(setup.modules.surface[cell.module.get()]),
        channel0: cell.channel0,
        channel1: cell.channel1,
        activation: cell.activation,
        time: cell.time,
    };
    cells.iter().map(raw).collect()
}

fn answer(
    instance: &mut Instance,
    request: &[OwnedTensor],
    parameters: RequestParameters,
) -> Result<Vec<OwnedTensor>, Failure> {
    let views: Vec<Tensor<'_>> = request.iter().map(OwnedTensor::view).collect();
    let decoded = instance.decode(&views, parameters)?;
    let reply = instance.reconstruct(&decoded)?;
    let tensor = |output: Output| {
        let mut bytes = vec![0; reply.byte_size(output)];
        reply.write(output, &mut bytes)?;
        let spec = output.spec();
        Ok(OwnedTensor {
            name: spec.name,
            data_type: spec.data_type,
            shape: reply.shape(output),
            bytes,
        })
    };
    Output::ALL.into_iter().map(tensor).collect()
}

#[test]
fn an_answer_is_what_the_chain_in_process_gives() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let mut instance = load(folder.path(), &[]).unwrap().instance(Backend::Cpu, 1).unwrap();
    let setup = Setup::read(&SetupFiles::in_dir(folder.path()).unwrap()).unwrap();
    let config = traccc::settings::from_toml(SETTINGS, &ChainConfig::service()).unwrap();
    let mut chain = setup.open(Backend::Cpu, &config).unwrap();
    let detector = &setup.detector;
    let acts = |surface: traccc::SurfaceIndex| detector.geometry_ids[surface.get()];
    let table = SensorTable::acts(detector, &setup.modules);
    for number in 0..3 {
        let cells = event(&setup, number);
        let expected = chain.reconstruct(&cells).unwrap();
        let selection = Selection::new(&expected, &RequestParameters::default());
        assert!(selection.tracks() > 5, "{}", selection.tracks());
        for form in [CellForm::Plain, CellForm::CompactWithTime] {
            let request = encode_cells(&raw(&cells, &setup, acts), form).unwrap();
            let answer = answer(&mut instance, &request, RequestParameters::default()).unwrap();
            for (output, tensor) in Output::ALL.into_iter().zip(&answer) {
                let mut bytes = vec![0; selection.byte_size(output)];
                selection.write(output, &expected, &table, &mut bytes);
                assert_eq!((&tensor.shape, &tensor.bytes), (&selection.shape(output), &bytes));
            }
        }
    }
}

#[test]
fn each_numbering_gives_the_same_tracks_with_its_own_ids() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let model =
        load(folder.path(), &[("geometry_ids", "athena"), ("athena_ids", "athena.txt")]).unwrap();
    let mut instance = model.instance(Backend::Cpu, 1).unwrap();
    let setup = model.setup();
    let cells = event(setup, 0);
    let mut served = |numbering: Option<Numbering>, id: &dyn Fn(traccc::SurfaceIndex) -> u64| {
        let request = encode_cells(&raw(&cells, setup, id), CellForm::Plain).unwrap();
        let parameters = RequestParameters { numbering, ..RequestParameters::default() };
        let answer = answer(&mut instance, &request, parameters).unwrap();
        let views: Vec<Tensor<'_>> = answer.iter().map(OwnedTensor::view).collect();
        ServedTracks::decode(&views).unwrap()
    };
    let athena = served(None, &|surface| 0x1000_0000 + u64::from(surface.0));
    let detray = served(Some(Numbering::Detray), &|surface| setup.detector.barcodes[surface.get()]);
    let acts = served(Some(Numbering::Acts), &|surface| setup.detector.geometry_ids[surface.get()]);
    assert!(!athena.tracks.is_empty());
    for (i, track) in athena.tracks.iter().enumerate() {
        for (k, state) in track.states.iter().enumerate() {
            let row = (state.geometry_id - 0x1000_0000) as usize;
            assert_eq!(detray.tracks[i].states[k].geometry_id, setup.detector.barcodes[row]);
            assert_eq!(acts.tracks[i].states[k].geometry_id, setup.detector.geometry_ids[row]);
        }
        assert_eq!(track.parameters.map(f32::to_bits), acts.tracks[i].parameters.map(f32::to_bits));
    }
}

#[test]
fn a_numbering_that_the_model_lacks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let instance = load(folder.path(), &[]).unwrap().instance(Backend::Cpu, 1).unwrap();
    let parameters =
        RequestParameters { numbering: Some(Numbering::Athena), ..RequestParameters::default() };
    let failure = instance.decode(&[], parameters).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::InvalidArgument);
    assert!(failure.to_string().contains("Athena"), "{failure}");
}

#[test]
fn zero_cells_give_zero_tracks() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let mut instance = load(folder.path(), &[]).unwrap().instance(Backend::Cpu, 1).unwrap();
    let request = encode_cells(&RawCells::new(), CellForm::Plain).unwrap();
    let answer = answer(&mut instance, &request, RequestParameters::default()).unwrap();
    assert_eq!(answer[0].shape, [0, 8]);
}

#[test]
fn a_cancelled_request_stops_between_stages_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let model = load(folder.path(), &[]).unwrap();
    let mut instance = model.instance(Backend::Cpu, 1).unwrap();
    let setup = model.setup();
    let acts = |surface: traccc::SurfaceIndex| setup.detector.geometry_ids[surface.get()];
    let request = encode_cells(&raw(&event(setup, 0), setup, acts), CellForm::Plain).unwrap();
    let views = request.each_ref().map(OwnedTensor::view);
    let decoded = instance.decode(&views, RequestParameters::default()).unwrap();
    let asked = AtomicUsize::new(0);
    let cancelled = |event| event == 0 && asked.fetch_add(1, Ordering::Relaxed) >= 2;
    let batch = [decoded.clone(), decoded.clone()];
    let [gone, other] = &instance.reconstruct_batch(&batch, &cancelled)[..] else { panic!("two") };
    assert_eq!(gone.as_ref().unwrap_err().kind(), FailureKind::Cancelled);
    assert!(other.as_ref().unwrap().tracks() > 0, "the rest of its batch goes on");
    assert!(instance.reconstruct(&decoded).unwrap().tracks() > 0);
}

#[test]
fn a_panic_is_a_failure_of_one_request() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let mut instance = load(folder.path(), &[]).unwrap().instance(Backend::Cpu, 1).unwrap();
    let request = encode_cells(&RawCells::new(), CellForm::Plain).unwrap();
    let views = request.each_ref().map(OwnedTensor::view);
    let decoded = instance.decode(&views, RequestParameters::default()).unwrap();
    let panics = |_| panic!("on purpose");
    let results = instance.reconstruct_batch(&[&decoded], &panics);
    let failure = results[0].as_ref().unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Internal);
    assert!(failure.to_string().contains("on purpose"), "{failure}");
    assert!(instance.reconstruct(&decoded).is_ok());
}

#[test]
fn models_of_one_detector_share_it_while_one_lives() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let cache = SetupCache::new();
    let load = |more: &[(&str, &str)]| {
        let options = ModelOptions::from_parameters(&parameters(more), folder.path()).unwrap();
        Arc::new(Model::load(&options, &cache).unwrap())
    };
    let (one, other) = (load(&[]), load(&[("chain", "full")]));
    assert!(Arc::ptr_eq(one.setup(), other.setup()));
    let in_another_field = load(&[("field", "constant:0,0,1")]);
    assert!(!Arc::ptr_eq(one.setup(), in_another_field.setup()));
    let setup = Arc::downgrade(one.setup());
    let path = folder.path().join("digitization.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n")).unwrap();
    assert!(!Arc::ptr_eq(one.setup(), load(&[]).setup()), "a file that has changed is read again");
    drop((one, other));
    assert!(setup.upgrade().is_none(), "the cache keeps nothing alive");
}

#[test]
fn wrong_parameters_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    std::fs::write(folder.path().join("foreign.txt"), "1,17\n").unwrap();
    std::fs::write(folder.path().join("old.toml"), "[seeding]\nbz = 1.99724\n").unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[finding]\nsmoother = \"none\"\n").unwrap();
    for (more, part) in [
        (&[("detectr", "x")][..], "`detectr` does not exist: there are detector, geometry,"),
        (&[("chain", "fast")], "`chain` is `fast`, expected one of service, full"),
        (&[("geometry_ids", "athena")], "`athena_ids` is missing"),
        (&[("geometry", "geometry.json")], "`detector` and `geometry` exclude each other"),
        (&[("detector", "")], "`detector` is missing"),
        (&[("field", "2T")], "`field` is `2T`"),
        (&[("threads", "0")], "`threads` is `0`"),
        (&[("max_batch_events", "0")], "`max_batch_events` is `0`, expected a whole number from 1"),
        (&[("max_batch_delay_us", "-1")], "`max_batch_delay_us` is `-1`"),
        (&[("config", "absent.toml")], "absent.toml"),
        (&[("config", "bad.toml")], "finding.smoother"),
        (&[("athena_ids", "chain.toml")], "chain.toml"),
        (&[("athena_ids", "foreign.txt")], "none of the 1 ids in"),
        (&[("digitization", "chain.toml")], "chain.toml"),
        (&[("field", "constant:0,0,0")], "`constant:0,0,0` cannot be used for seeds"),
        (&[("config", "old.toml")], "line 2: `seeding.bz` is removed: delete this line"),
    ] {
        let error = load(folder.path(), more).unwrap_err();
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn an_engine_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_toy(folder.path());
    let model = load(folder.path(), &[]).unwrap();
    let message = model.instance(Backend::Cuda { device: 1 }, 1).unwrap_err().to_string();
    assert!(message.contains("cuda:1"), "{message}");
}
