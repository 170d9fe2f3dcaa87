//! The functions of the kernels, compiled as host C++ by g++, against those of core: to the bit. Two NaN count as equal.
//!
//! What core does not publish (update, smoothers) is compared through the stages, see `stages.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its numbers"
)]

use bytemuck::{NoUninit, Pod, Zeroable, bytes_of, cast_slice};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use testdata::shared;
use traccc::detector::{
    Detector, DetectorModel, MaskModel, Material, MaterialModel, Placement, Shape, SlabModel,
    SurfaceKind, SurfaceModel, VolumeModel, VolumeShape,
};
use traccc::field::{FieldGrid, FieldMap, MagneticField};
use traccc::io::{self, DetectorFiles};
use traccc::math::{
    Matrix5, Symmetric5, Vector3, asin, atan2, cholesky, cross, direction, dot, lerp, ln,
    probability, product, sin_cos, solve_lower, unit, wrap_phi,
};
use traccc::propagation::{Limits, PropagationConfig, PropagationResult, Propagator, Scene};
use traccc::units::GRAM_PER_CUBIC_CENTIMETRE;
use traccc::{Hypothesis, SurfaceIndex};
use traccc_sim::detectors::{ToyConfig, ToyMaterial, toy_detector};

/// The program with the functions, compiled once; `None`, with a message, where there is no g++.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let compiled = PROGRAM.get_or_init(|| {
        let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
        if !kernels.is_dir() {
            println!("skipped: the sources of the kernels are absent");
            return None;
        }
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions");
        let mut command = Command::new("g++");
        command.args(["-std=c++17", "-O2", "-ffp-contract=off", "-w", "-I"]).arg(&kernels);
        command.args(["functions.cpp", "fibers.cpp"].map(|file| kernels.join("host").join(file)));
        // Other tests are other processes, which do the same at the same time.
        let unfinished = program.with_extension(std::process::id().to_string());
        match command.arg("-o").arg(&unfinished).output() {
            Ok(done) => {
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                std::fs::rename(&unfinished, &program).unwrap();
                Some(program)
            }
            Err(error) => {
                println!("skipped: g++ cannot be run: {error}");
                None
            }
        }
    });
    if compiled.is_none() {
        println!("skipped: there is no program of the functions");
    }
    compiled.as_deref()
}

/// What the program makes of an input, as words; `None` where there is no g++.
fn run(name: &str, input: &[u8]) -> Option<Vec<u32>> {
    let program = program()?;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::write(&from, input).unwrap();
    let status = Command::new(program).arg(name).args([&from, &to]).status().unwrap();
    assert!(status.success(), "{name}: {status}");
    let bytes = std::fs::read(&to).unwrap();
    Some(bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect())
}

/// One record of a result as words, with what each of them is.
#[derive(Default)]
struct Words {
    words: Vec<u32>,
    floats: Vec<bool>,
}

impl Words {
    fn word(&mut self, word: u32) -> &mut Self {
        self.words.push(word);
        self.floats.push(false);
        self
    }

    fn floats(&mut self, values: &[f32]) -> &mut Self {
        for value in values {
            self.words.push(value.to_bits());
            self.floats.push(true);
        }
        self
    }

    fn doubles(&mut self, values: &[f64]) -> &mut Self {
        for value in values {
            assert!(!value.is_nan(), "not meant for words of two");
            let bits = value.to_bits();
            self.word(bits as u32).word((bits >> 32) as u32);
        }
        self
    }
}

/// Compares what the program makes of `inputs` with what `expected` says of each.
fn assert_same<In, F>(name: &str, before: &[u8], inputs: &[In], expected: F)
where
    In: NoUninit + Sync + std::fmt::Debug,
    F: Fn(&In) -> Words + Send + Sync,
{
    let bytes = [before, cast_slice(inputs)].concat();
    let Some(found) = run(name, &bytes) else { return };
    let wanted: Vec<Words> = inputs.par_iter().map(expected).collect();
    let size = found.len() / inputs.len();
    assert_eq!(found.len(), wanted.len() * size, "{name}");
    for ((input, found), wanted) in inputs.iter().zip(found.chunks(size)).zip(&wanted) {
        assert_eq!(size, wanted.words.len(), "{name}: words of a record");
        for (word, (&a, &b)) in found.iter().zip(&wanted.words).enumerate() {
            let (x, y) = (f32::from_bits(a), f32::from_bits(b));
            let both_nan = wanted.floats[word] && x.is_nan() && y.is_nan();
            assert!(
                a == b || both_nan,
                "{name} of {input:?}: word {word} is {a:08x} = {x}, expected {b:08x} = {y}"
            );
        }
    }
    println!("{name}: {} records of {size} words are equal", inputs.len());
}

/// A generator of numbers: splitmix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, low: f32, high: f32) -> f32 {
        (f64::from(low) + self.fraction() * f64::from(high - low)) as f32
    }

    /// Any pattern of bits, a number of everyday size, or a special one.
    fn any(&mut self) -> f32 {
        const SPECIAL: [f32; 20] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            1.5,
            -2.5,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1.0e-45,
            std::f32::consts::PI,
            -std::f32::consts::PI,
            std::f32::consts::FRAC_PI_2,
            -(i32::MIN as f32),
            8_388_608.5,
        ];
        match self.bits() % 4 {
            0 => f32::from_bits(self.bits() as u32),
            1 => SPECIAL[(self.bits() % 20) as usize],
            2 => self.within(-8.0, 8.0),
            _ => self.within(-3000.0, 3000.0),
        }
    }
}

/// Numbers all over the range, both signs.
fn numbers() -> Vec<f32> {
    let strided = (0..=0x7f80_0001_u32)
        .step_by(2039)
        .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)]);
    let mut random = Random(1);
    strided.chain(std::iter::repeat_with(|| random.any()).take(400_000)).collect()
}

fn pairs() -> Vec<[f32; 2]> {
    let mut random = Random(2);
    std::iter::repeat_with(|| [random.any(), random.any()]).take(1_500_000).collect()
}

fn words(values: &[f32]) -> Words {
    let mut words = Words::default();
    words.floats(values);
    words
}

#[test]
fn elementary_functions() {
    let numbers = numbers();
    assert_same("sin_cos", &[], &numbers, |&x| words(&<[f32; 2]>::from(sin_cos(x))));
    assert_same("asin", &[], &numbers, |&x| words(&[asin(x)]));
    assert_same("ln", &[], &numbers, |&x| words(&[ln(x)]));
    assert_same("wrap_phi", &[], &numbers, |&x| words(&[wrap_phi(x)]));
    let pairs = pairs();
    assert_same("atan2", &[], &pairs, |&[y, x]| words(&[atan2(y, x)]));
    assert_same("direction", &[], &pairs, |&[phi, theta]| words(direction(phi, theta).as_slice()));
}

/// What Rust defines and C++ does not.
#[test]
fn semantics_of_rust() {
    assert_same("semantics", &[], &pairs(), |&[a, b]| {
        let mut words = Words::default();
        // The larger of two zeros may be either: not compared, and nothing may depend on it.
        let zeros = a == 0.0 && b == 0.0;
        let (max, min) = if zeros { (a, a) } else { (a.max(b), a.min(b)) };
        words.floats(&[
            max,
            min,
            a.clamp(-2.5, 7.0),
            a.signum(),
            a.round(),
            a.trunc(),
            a.floor(),
            a.abs(),
        ]);
        words.floats(&[a.copysign(b)]);
        words.word(a as i32 as u32).word(a as u32).word(a.total_cmp(&b) as i32 as u32);
        words.word((a as i32).rem_euclid(17) as u32).word(u32::from(a.is_finite()));
        words
    });
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct ChiSquare {
    chi2: f32,
    ndf: i32,
}

#[test]
fn probabilities() {
    let mut random = Random(3);
    let mut any = |i: u64| {
        let chi2 = if i.is_multiple_of(8) {
            random.any()
        } else {
            random.within(0.0, 1.0).powi(3) * 400.0
        };
        ChiSquare { chi2, ndf: (random.bits() % 130) as i32 - 5 }
    };
    let mut inputs: Vec<_> = (0..400_000).map(&mut any).collect();
    let mut long = |i: u64| ChiSquare { ndf: (i % 10_000) as i32, chi2: any(i).chi2 * 30.0 };
    inputs.extend((0..5_000).map(&mut long));
    assert_same("probability", &[], &inputs, |x| words(&[probability(x.chi2, x.ndf)]));
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct AlgebraIn {
    a: [f64; 25],
    b: [f64; 25],
    x: [f32; 3],
    y: [f32; 3],
}

#[test]
fn vectors_and_matrices() {
    let mut random = Random(4);
    let mut input = |i: u64| {
        let mut input = AlgebraIn::zeroed();
        let mut number = || 2.0 * random.fraction() - 1.0;
        input.a.fill_with(&mut number);
        input.b.fill_with(&mut number);
        // Many, but not all, are positive definite.
        (0..5).for_each(|k| input.a[6 * k] += [0.1, 1.0, 3.0][(i % 3) as usize]);
        input.x = std::array::from_fn(|_| random.within(-9.0, 9.0));
        input.y = std::array::from_fn(|_| random.within(-9.0, 9.0));
        input
    };
    let inputs: Vec<_> = (0..50_000).map(&mut input).collect();
    assert_same("algebra", &[], &inputs, |input| {
        let matrix = |values: &[f64; 25]| {
            let mut matrix = Symmetric5::<f64>::zeros().to_matrix();
            matrix.as_mut_slice().copy_from_slice(values);
            matrix
        };
        let (a, b) = (matrix(&input.a), matrix(&input.b));
        let (x, y) = (Vector3::from(input.x), Vector3::from(input.y));
        let mut words = Words::default();
        let root = cholesky(&a);
        words.doubles(product(&a, &b).as_slice());
        words.doubles(root.unwrap_or(matrix(&[0.0; 25])).as_slice());
        words.doubles(solve_lower(&a, &b).as_slice());
        words.doubles(&[dot(&a.column(0).into_owned(), &b.column(0).into_owned())]);
        words.word(u32::from(root.is_some())).word(0);
        words
            .floats(cross(&x, &y).as_slice())
            .floats(unit(&x).as_slice())
            .floats(lerp(&x, &y, 0.3).as_slice());
        words.floats(&[dot(&x, &y)]);
        words
    });
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Carried {
    covariance: [f32; 15],
    jacobian: [f32; 25],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct CarriedWide {
    covariance: [f64; 15],
    jacobian: [f64; 25],
}

#[test]
fn covariances_through_jacobians() {
    let mut random = Random(5);
    // Some elements are zeros of either sign.
    let mut number = || match random.bits() % 12 {
        0 => 0.0,
        1 => -0.0,
        _ => random.within(-2.0, 2.0),
    };
    let mut input = || Carried {
        covariance: std::array::from_fn(|_| number()),
        jacobian: std::array::from_fn(|_| number()),
    };
    let inputs: Vec<_> = (0..100_000).map(|_| input()).collect();
    assert_same("transported", &[], &inputs, |x| {
        let jacobian = Matrix5::from_column_slice(&x.jacobian);
        words(&Symmetric5(x.covariance).transported(&jacobian).0)
    });
    let wide = |x: &Carried| CarriedWide {
        covariance: x.covariance.map(|v| f64::from(v) * 1.1),
        jacobian: x.jacobian.map(|v| f64::from(v) * 0.7),
    };
    let inputs: Vec<_> = inputs.iter().map(wide).collect();
    assert_same("transported_wide", &[], &inputs, |x| {
        let mut jacobian = Symmetric5::<f64>::zeros().to_matrix();
        jacobian.as_mut_slice().copy_from_slice(&x.jacobian);
        let mut words = Words::default();
        words.doubles(&Symmetric5(x.covariance).transported(&jacobian).0);
        words
    });
}

/// A field like that of a solenoid, with what is no symmetry, on a grid that does not reach everywhere.
fn map() -> MagneticField {
    let nodes = [25_u32, 25, 41];
    let (low, step) = ([-1200.0_f32, -1200.0, -3000.0], [100.0_f32, 100.0, 150.0]);
    let mut random = Random(6);
    let mut values = Vec::new();
    for i in 0..nodes[0] {
        for j in 0..nodes[1] {
            for k in 0..nodes[2] {
                let [x, y, z] =
                    std::array::from_fn(|axis| low[axis] + step[axis] * [i, j, k][axis] as f32);
                let far = (x * x + y * y) / 4.0e6 + z * z / 2.0e7;
                values.push([
                    x * z * 1.0e-7 + random.within(-0.01, 0.01),
                    y * z * 1.0e-7 + random.within(-0.01, 0.01),
                    2.0 / (1.0 + far) + random.within(-0.01, 0.01),
                ]);
            }
        }
    }
    let to_node = [0, 1, 2].map(|axis| {
        let mut row = [0.0; 4];
        row[axis] = 1.0 / step[axis];
        row[3] = -low[axis] / step[axis];
        row
    });
    MagneticField::Map(Box::new(FieldMap { grid: FieldGrid { to_node, nodes }, values }))
}

/// Appends a table of the program's input.
fn table<T: NoUninit>(bytes: &mut Vec<u8>, rows: &[T]) {
    let rows: &[u8] = cast_slice(rows);
    bytes.extend((rows.len() as u64).to_ne_bytes());
    bytes.extend(rows);
}

/// Detector and field as the program reads them.
fn world(detector: &Detector, field: &MagneticField) -> Vec<u8> {
    let mut bytes = Vec::new();
    table(&mut bytes, &detector.surfaces);
    table(&mut bytes, &detector.further_masks);
    table(&mut bytes, &detector.volumes);
    table(&mut bytes, &detector.searched);
    table(&mut bytes, &detector.grids);
    table(&mut bytes, &detector.bin_offsets);
    table(&mut bytes, &detector.bin_entries);
    table(&mut bytes, &detector.slabs);
    table(&mut bytes, &detector.maps);
    table(&mut bytes, &detector.map_slabs);
    let (is_map, constant, grid, nodes) = match field {
        MagneticField::Constant(value) => {
            (0_u32, [value.x, value.y, value.z], FieldGrid::zeroed(), Vec::new())
        }
        MagneticField::Map(map) => {
            // What the fourth number is does not matter.
            let nodes = map.values.iter().map(|&[x, y, z]| [x, y, z, f32::NAN]).collect();
            (1, [0.0; 3], map.grid, nodes)
        }
    };
    table(&mut bytes, &nodes);
    bytes.extend(is_map.to_ne_bytes());
    bytes.extend(bytes_of(&constant));
    bytes.extend(bytes_of(&grid));
    bytes
}

fn silicon(thickness: f64) -> MaterialModel {
    let material = Material {
        radiation_length: 95.7,
        interaction_length: 465.2,
        relative_atomic_mass: 28.03,
        nuclear_charge: 14.0,
        mass_density: 2.32 * GRAM_PER_CUBIC_CENTIMETRE,
    };
    MaterialModel::Slab(SlabModel { thickness, material })
}

fn surface(
    kind: SurfaceKind,
    shape: Shape,
    placement: Placement,
    bounds: &[&[f64]],
    link: Option<usize>,
    thickness: Option<f64>,
) -> SurfaceModel {
    let masks = bounds.iter().map(|bounds| MaskModel { bounds: bounds.to_vec(), link }).collect();
    SurfaceModel { kind, source: 0, placement, shape, masks, material: thickness.map(silicon) }
}

/// Turned about z, tilted about x and moved.
fn placed(turn: f64, tilt: f64, translation: [f64; 3]) -> Placement {
    let ((s, c), (t, u)) = (turn.sin_cos(), tilt.sin_cos());
    Placement { translation, axes: [[c, s, 0.0], [-s * u, c * u, t], [s * t, -c * t, u]] }
}

fn tube(kind: SurfaceKind, r: f64, link: Option<usize>, thickness: Option<f64>) -> SurfaceModel {
    let bounds: &[&[f64]] = &[&[r, -600.0, 600.0]];
    surface(kind, Shape::ConcentricCylinder, Placement::IDENTITY, bounds, link, thickness)
}

/// The ends of the world between two radii.
fn ends(r: [f64; 2]) -> [SurfaceModel; 2] {
    [-600.0, 600.0].map(|z| {
        let place = Placement::at([0.0, 0.0, z]);
        surface(SurfaceKind::PORTAL, Shape::Ring, place, &[&r], None, None)
    })
}

/// A sensor of each flat shape on each side, one with two masks, and passive layers behind them.
fn flat_shapes() -> Vec<SurfaceModel> {
    let layers: [(Shape, &[&[f64]]); 5] = [
        (Shape::Ring, &[&[20.0, 180.0]]),
        (Shape::Annulus, &[&[40.0, 190.0, -1.2, 1.3, 0.4, 6.0, -4.0]]),
        (Shape::Trapezoid, &[&[60.0, 150.0, 140.0, 1.0 / 280.0]]),
        (Shape::Rectangle, &[&[50.0, 60.0], &[130.0, 120.0]]),
        (Shape::Rectangle, &[&[150.0, 150.0]]),
    ];
    let sides = [-1.0, 1.0].into_iter();
    let layer = |side: f64| {
        layers.iter().enumerate().map(move |(i, &(shape, bounds))| {
            let z = side * (430.0 + 30.0 * i as f64);
            let place = placed(0.7 * i as f64 + side, 0.04 * side, [2.0, -1.0, z]);
            let (kind, thickness) = match i {
                4 => (SurfaceKind::PASSIVE, 3.0),
                _ => (SurfaceKind::SENSITIVE, 0.5),
            };
            surface(kind, shape, place, bounds, Some(0), Some(thickness))
        })
    };
    sides.flat_map(layer).collect()
}

/// Sensors of every shape, tilted, one without material, in a tube without a grid; more than a list of candidates holds. Behind
/// it a bare volume, and an outer one.
fn shapes() -> DetectorModel {
    const PASSIVE: SurfaceKind = SurfaceKind::PASSIVE;
    const PORTAL: SurfaceKind = SurfaceKind::PORTAL;
    const SENSITIVE: SurfaceKind = SurfaceKind::SENSITIVE;
    let barrel = |kind, place, bounds: &[f64], thickness| {
        surface(kind, Shape::Cylinder, place, &[bounds], Some(0), thickness)
    };
    let mut inner = flat_shapes();
    inner.extend([
        barrel(SENSITIVE, placed(0.4, 0.05, [1.0, -2.0, 3.0]), &[60.0, -400.0, 400.0], Some(0.3)),
        barrel(SENSITIVE, placed(-0.8, -0.03, [-3.0, 2.0, -7.0]), &[150.0, -380.0, 380.0], None),
        barrel(PASSIVE, placed(2.0, 0.02, [0.0, 1.0, 0.0]), &[80.0, -420.0, 420.0], Some(2.0)),
        tube(SENSITIVE, 110.0, Some(0), Some(0.3)),
        tube(PORTAL, 200.0, Some(1), None),
    ]);
    inner.extend(ends([0.0, 200.0]));
    let mut gap = vec![tube(PORTAL, 200.0, Some(0), None), tube(PORTAL, 215.0, Some(2), Some(1.0))];
    gap.extend(ends([200.0, 215.0]));
    let mut outer = vec![
        tube(SENSITIVE, 300.0, Some(2), Some(0.4)),
        tube(PORTAL, 215.0, Some(1), Some(1.0)),
        tube(PORTAL, 400.0, None, None),
    ];
    outer.extend(ends([215.0, 400.0]));
    let volumes = [inner, gap, outer].into_iter().enumerate();
    let volumes = volumes.map(|(i, surfaces)| VolumeModel {
        name: format!("{i}"),
        shape: VolumeShape::Cylinder,
        surfaces,
        ..VolumeModel::default()
    });
    DetectorModel { name: "shapes".into(), volumes: volumes.collect() }
}

/// All detectors that are there.
fn detectors() -> Vec<(String, Detector)> {
    let toy = |material| toy_detector(&ToyConfig { material, ..ToyConfig::full() }).unwrap();
    let mut models = vec![
        ("shapes".to_owned(), shapes()),
        ("toy".to_owned(), toy(ToyMaterial::Homogeneous)),
        ("toy with maps".to_owned(), toy(ToyMaterial::Maps)),
    ];
    if let Some(data) = shared() {
        for name in ["generic", "odd"] {
            let files = DetectorFiles::find(data.join(name).join("geometry")).unwrap();
            models.push((name.to_owned(), io::read_detector(&files).unwrap()));
        }
    } else {
        println!("skipped: ../shared/data is absent");
    }
    models.into_iter().map(|(name, model)| (name, Detector::compile(&model).unwrap())).collect()
}

/// A place in the area of a surface, sometimes outside of it.
fn local_on(detector: &Detector, surface: SurfaceIndex, random: &mut Random) -> [f32; 2] {
    let surface = &detector.surfaces[surface.get()];
    let area = surface.mask.area(surface.shape);
    [0, 1].map(|axis| random.within(area.low[axis], area.high[axis]) * random.within(0.9, 1.05))
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct OnSurface {
    surface: SurfaceIndex,
    local: [f32; 2],
    global: [f32; 3],
    tolerance: f32,
}

#[test]
fn surfaces_material_and_fields() {
    let field = map();
    for (name, detector) in detectors() {
        let mut random = Random(7);
        let mut inputs = Vec::new();
        for i in 0..100_000 {
            let index = SurfaceIndex((i % detector.surfaces.len()) as u32);
            let local = local_on(&detector, index, &mut random);
            let global = detector.surfaces[index.get()].to_global(local);
            // For the masks a point of the surface's Cartesian frame.
            let cartesian = detector.surfaces[index.get()].to_cartesian(&global);
            let point = if i % 2 == 0 { global } else { cartesian };
            let tolerance = random.within(0.0, 3.0);
            inputs.push(OnSurface { surface: index, local, global: point.into(), tolerance });
        }
        assert_same("geometry", &world(&detector, &field), &inputs, |input| {
            let surface = &detector.surfaces[input.surface.get()];
            let global = Vector3::from(input.global);
            let frame = surface.frame(input.local);
            let mut words = Words::default();
            words
                .floats(surface.to_global(input.local).as_slice())
                .floats(surface.normal(input.local).as_slice());
            words.floats(frame.normal.as_slice());
            frame.tangents.iter().chain(&frame.gradients).for_each(|vector| {
                words.floats(vector.as_slice());
            });
            words.floats(&surface.to_local(&global));
            words.word(u32::from(surface.mask.contains(surface.shape, &global, input.tolerance)));
            let slab = detector.slab_at(surface, input.local);
            words
                .word(u32::from(slab.is_some()))
                .floats(&[slab.map_or(0.0, |slab| slab.thickness)]);
            words.floats(field.at(&global).as_slice());
            words
        });
        println!("    on the surfaces of {name}");
    }
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Start {
    vector: [f32; 5],
    surface: SurfaceIndex,
    expected: SurfaceIndex,
}

/// Rows of `kernels/settings.cuh`.
fn settings(propagator: &Propagator<'_>) -> Vec<u8> {
    let Propagator { scene, particle, limits } = propagator;
    [bytes_of(scene.cuts), bytes_of(particle), bytes_of(limits)].concat()
}

fn propagated(propagator: &Propagator<'_>, start: &Start) -> PropagationResult {
    let expected = Some(start.expected).filter(|e| e.is_some());
    propagator.to_next_sensor(&start.vector, start.surface, expected)
}

/// Tracks that start on a random sensor, mostly from the middle, and go on from sensor to sensor.
fn starts(propagator: &Propagator<'_>, tracks: u64) -> Vec<Start> {
    let detector = propagator.scene.detector;
    let sensors: Vec<SurfaceIndex> = detector.sensitive_surfaces().collect();
    let track = |track: u64| {
        let mut random = Random(track.wrapping_mul(0x1234_5678_9abc_def1));
        let surface = if random.bits().is_multiple_of(16) {
            SurfaceIndex((random.bits() % detector.surfaces.len() as u64) as u32)
        } else {
            sensors[(random.bits() % sensors.len() as u64) as usize]
        };
        let local = local_on(detector, surface, &mut random);
        let global = detector.surfaces[surface.get()].to_global(local);
        let from_middle = !random.bits().is_multiple_of(8);
        let (mut phi, mut theta) = (random.within(-3.2, 3.2), random.within(0.02, 3.12));
        if from_middle {
            let out = global - Vector3::new(0.0, 0.0, random.within(-100.0, 100.0));
            phi = atan2(out.y, out.x) + random.within(-0.2, 0.2);
            theta =
                atan2((out.x * out.x + out.y * out.y).sqrt(), out.z) + random.within(-0.05, 0.05);
        }
        let momentum = 0.08 * (random.fraction() * 8.0).exp();
        let charge = if random.bits().is_multiple_of(2) { 1.0 } else { -1.0 };
        let q_over_p = (charge / momentum) as f32;
        let vector = [local[0], local[1], phi, theta, q_over_p];
        let mut start = Start { vector, surface, expected: SurfaceIndex::NONE };
        let mut found = vec![start];
        for _ in 0..15 {
            let PropagationResult::Sensor(arrival) = propagated(propagator, &start) else { break };
            // Also with what is expected, rightly or not.
            let expected = match random.bits() % 8 {
                0 => arrival.surface,
                1 => sensors[(random.bits() % sensors.len() as u64) as usize],
                _ => SurfaceIndex::NONE,
            };
            if expected.is_some() {
                found.push(Start { expected, ..start });
            }
            start = Start {
                vector: arrival.vector,
                surface: arrival.surface,
                expected: SurfaceIndex::NONE,
            };
            // As an update would.
            start.vector[0] += random.within(-0.1, 0.1);
            start.vector[4] *= random.within(0.97, 1.03);
            found.push(start);
        }
        found
    };
    (0..tracks).into_par_iter().flat_map_iter(track).collect()
}

#[test]
fn propagation_to_the_next_sensor() {
    let fields = [
        ("2 T", MagneticField::along_z(2.0)),
        ("1 T, tilted", MagneticField::Constant(Vector3::new(0.3, -0.2, -0.9))),
        ("a map", map()),
    ];
    let cuts = PropagationConfig::default().cuts();
    let finding = Limits {
        min_p: 0.1,
        min_pt: 0.3,
        min_step_to_next_surface: 1.2,
        max_steps: 100,
        max_path: f32::MAX,
    };
    let fit = Limits {
        min_p: 0.0,
        min_pt: 0.0,
        min_step_to_next_surface: 0.0,
        max_steps: 1000,
        max_path: 5000.0,
    };
    for (name, detector) in detectors() {
        for (which, field) in &fields {
            for (hypothesis, limits) in [(Hypothesis::Pion, finding), (Hypothesis::Electron, fit)] {
                let propagator = Propagator {
                    scene: Scene { detector: &detector, field, cuts: &cuts },
                    particle: hypothesis.into(),
                    limits,
                };
                let starts = starts(&propagator, 2500);
                let before = [world(&detector, field), settings(&propagator)].concat();
                assert_same("propagate", &before, &starts, |start| {
                    let mut words = Words::default();
                    match propagated(&propagator, start) {
                        PropagationResult::Sensor(end) => {
                            words.word(0).word(end.surface.0).floats(&end.vector);
                            words
                                .floats(end.jacobian.as_slice())
                                .floats(&end.noise.0)
                                .floats(&[end.path]);
                        }
                        PropagationResult::LeftDetector => {
                            words.word(1);
                        }
                        PropagationResult::Aborted => {
                            words.word(2);
                        }
                    }
                    words.words.resize(48, 0);
                    words.floats.resize(48, false);
                    words
                });
                let mut endings = [0_usize; 3];
                for start in &starts {
                    let ending = match propagated(&propagator, start) {
                        PropagationResult::Sensor(_) => 0,
                        PropagationResult::LeftDetector => 1,
                        PropagationResult::Aborted => 2,
                    };
                    endings[ending] += 1;
                }
                assert!(endings.iter().all(|&count| count > 0), "{endings:?}");
                println!(
                    "    through {name} in {which}: {endings:?} at a sensor, outside, given up"
                );
            }
        }
    }
}
