//! The published parameters of the OpenDataDetector's tracker: `xml/*.xml` of the project, state of October 2025. Lengths
//! in mm, angles in rad. N and P are the sides of negative and positive z.

/// A layer of staves around the beam.
pub(super) struct BarrelLayer {
    pub radius: f64,
    pub staves: usize,
    /// Turn of a stave about its own axis.
    pub tilt: f64,
    /// Radii of the volume around it.
    pub volume: [f64; 2],
}

/// A sensor of a barrel module.
pub(super) struct BarrelSensor {
    pub half: [f64; 2],
    pub thickness: f64,
    pub stereo: f64,
    /// Distance from the stave, outwards.
    pub offset: f64,
}

pub(super) struct Barrel {
    pub id: u8,
    pub name: &'static str,
    /// Modules along z, their length, and what lies between two.
    pub modules: usize,
    pub length: f64,
    pub gap: f64,
    pub layers: &'static [BarrelLayer],
    /// In the order of their numbers.
    pub sensors: &'static [BarrelSensor],
}

const fn layer(radius: f64, staves: usize, tilt: f64, volume: [f64; 2]) -> BarrelLayer {
    BarrelLayer { radius, staves, tilt, volume }
}

const fn barrel_sensor(half: [f64; 2], thickness: f64, stereo: f64, offset: f64) -> BarrelSensor {
    BarrelSensor { half, thickness, stereo, offset }
}

pub(super) const BARRELS: [Barrel; 3] = [
    Barrel {
        id: 17,
        name: "PixelBarrel",
        modules: 14,
        length: 72.0,
        gap: 0.5,
        layers: &[
            layer(34.0, 16, 0.12, [28.0, 38.0]),
            layer(70.0, 32, 0.12, [61.0, 76.0]),
            layer(116.0, 52, 0.12, [107.0, 121.0]),
            layer(172.0, 78, 0.12, [163.0, 177.0]),
        ],
        sensors: &[barrel_sensor([8.4, 36.0], 0.125, 0.0, -1.8)],
    },
    Barrel {
        id: 24,
        name: "ShortStripBarrel",
        modules: 21,
        length: 108.0,
        gap: 0.5,
        layers: &[
            layer(260.0, 40, -0.15, [229.0, 293.0]),
            layer(360.0, 56, -0.15, [335.0, 387.0]),
            layer(500.0, 78, -0.15, [475.0, 527.0]),
            layer(660.0, 102, -0.15, [635.0, 687.0]),
        ],
        sensors: &[barrel_sensor([24.0, 54.0], 0.2, 0.0, 0.0)],
    },
    Barrel {
        id: 29,
        name: "LongStripBarrel",
        modules: 21,
        length: 108.0,
        gap: 0.5,
        layers: &[
            layer(820.0, 60, -0.15, [802.5, 842.0]),
            layer(1020.0, 80, -0.15, [1002.5, 1042.0]),
        ],
        sensors: &[
            barrel_sensor([48.0, 54.0], 0.25, 0.04, -3.31),
            barrel_sensor([48.0, 54.0], 0.25, 0.0, 3.3),
        ],
    },
];

/// A ring of modules of a disc.
pub(super) struct Ring {
    pub radius: f64,
    pub modules: usize,
    /// Azimuth of the first module.
    pub first_phi: f64,
    /// Distance from the disc away from the origin.
    pub offset: f64,
    /// Even modules lie so far towards positive z, odd ones towards negative z.
    pub stagger: f64,
    /// Half lengths of a sensor: x at the small radius, x at the large one, y.
    pub half: [f64; 3],
    /// Radius of a sensor's centre less that of its module.
    pub radial_offset: f64,
}

/// A sensor of an endcap module; numbers for N and P.
pub(super) struct EndcapSensor {
    pub thickness: f64,
    pub stereo: [f64; 2],
    /// Distance from the module along its local y.
    pub offset: [f64; 2],
}

pub(super) struct Endcap {
    /// N and P.
    pub ids: [u8; 2],
    pub name: &'static str,
    /// Whether every even module is turned back to front.
    pub flip: bool,
    /// |z| of the discs, ascending.
    pub discs: &'static [f64],
    /// Half of the length of the volume of a disc.
    pub half_length: f64,
    pub rings: &'static [Ring],
    pub sensors: &'static [EndcapSensor],
    /// Radii between rings, which `extra` of the identifier counts.
    pub ring_cuts: &'static [f64],
    /// |z| of a plate without sensors, which counts as a layer.
    pub passive_disc: Option<f64>,
    /// Bins of the search grid (radius, azimuth), and what is added to the radii of a sensor when it is filled.
    pub bins: [usize; 2],
    pub radial_margin: f64,
}

const fn ring(
    radius: f64,
    modules: usize,
    first_phi: f64,
    offset: f64,
    stagger: f64,
    half: [f64; 3],
    radial_offset: f64,
) -> Ring {
    Ring { radius, modules, first_phi, offset, stagger, half, radial_offset }
}

pub(super) const ENDCAPS: [Endcap; 3] = [
    Endcap {
        ids: [16, 18],
        name: "PixelEndcap",
        flip: false,
        discs: &[620.0, 720.0, 840.0, 980.0, 1120.0, 1320.0, 1520.0],
        half_length: 10.0,
        rings: &[
            ring(76.0, 24, 0.0, -3.5, 0.6, [8.5, 14.5, 34.0], 0.0),
            ring(144.0, 36, 0.0, 3.5, 0.6, [10.5, 16.5, 34.0], -5.0),
        ],
        sensors: &[EndcapSensor { thickness: 0.125, stereo: [0.0, 0.0], offset: [-0.3, 0.3] }],
        ring_cuts: &[100.0],
        passive_disc: Some(1950.0),
        bins: [2, 36],
        radial_margin: 10.0,
    },
    Endcap {
        ids: [23, 25],
        name: "ShortStripEndcap",
        flip: true,
        discs: &[1300.0, 1550.0, 1850.0, 2200.0, 2550.0, 2950.0],
        half_length: 15.0,
        rings: &[
            ring(318.0, 42, 0.0, -5.0, 2.5, [18.4, 32.2, 78.0], 0.0),
            ring(470.0, 42, 0.0748, 5.0, 2.5, [30.2, 44.0, 78.0], 0.0),
            ring(622.0, 42, 0.0, -5.0, 2.5, [40.8, 56.4, 78.0], 0.0),
        ],
        sensors: &[EndcapSensor { thickness: 0.25, stereo: [0.0, 0.0], offset: [0.0, 0.0] }],
        ring_cuts: &[400.0, 550.0],
        passive_disc: None,
        bins: [3, 42],
        radial_margin: 15.0,
    },
    Endcap {
        ids: [28, 30],
        name: "LongStripEndcap",
        flip: true,
        discs: &[1300.0, 1600.0, 1900.0, 2250.0, 2600.0, 3000.0],
        half_length: 35.0,
        rings: &[
            ring(820.0, 48, 0.0, -15.0, 8.0, [53.2, 58.6, 78.0], 0.0),
            ring(990.0, 48, 0.0, 15.0, 8.0, [64.6, 70.0, 78.0], 0.0),
        ],
        sensors: &[
            EndcapSensor { thickness: 0.25, stereo: [-0.02, 0.02], offset: [2.5, 2.5] },
            EndcapSensor { thickness: 0.25, stereo: [0.02, -0.02], offset: [-2.5, -2.5] },
        ],
        ring_cuts: &[850.0],
        passive_disc: None,
        bins: [2, 48],
        radial_margin: 30.0,
    },
];

/// Radius and half length of the world: the inside of the solenoid.
pub(super) const WORLD: [f64; 2] = [1160.0, 3150.0];
/// Radii of the parts, and half lengths of their barrels.
pub(super) const PIXEL_RADII: [f64; 2] = [24.0, 200.0];
pub(super) const SUPPORT_TUBE_RADII: [f64; 2] = [200.0, 203.0];
pub(super) const SHORT_STRIP_RADII: [f64; 2] = [203.0, 720.0];
pub(super) const LONG_STRIP_RADII: [f64; 2] = [720.0, 1160.0];
pub(super) const PIXEL_HALF_LENGTH: f64 = 580.0;
pub(super) const STRIP_HALF_LENGTH: f64 = 1200.0;
