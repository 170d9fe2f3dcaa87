use super::material_maps::cylinder_map;
use super::materials::{BERYLLIUM_TML, SILICON_TML};
use super::toy_layers::{BARREL_HALF_LENGTH, BARREL_LAYERS, ENDCAP_LAYERS};
use super::toy_volumes::Assembly;
use serde::{Deserialize, Serialize};
use traccc_core::Error;
use traccc_core::detector::{DetectorModel, MaterialModel, SlabModel};

/// Where the material of the toy detector is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToyMaterial {
    /// No material.
    None,
    /// Homogeneous slabs on the sensors and the beam pipe.
    #[default]
    Homogeneous,
    /// Binned maps on the portals and the beam pipe, none on the sensors.
    Maps,
}

/// Settings of [`toy_detector`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToyConfig {
    /// Barrel layers, 1 to 4, at radii of 32, 72, 116 and 172 mm.
    pub barrel_layers: usize,
    /// Endcap layers on each side, 0 to 7, at |z| of 600 to 1500 mm; endcaps need all four barrel layers.
    pub endcap_layers: usize,
    /// Where the material is.
    pub material: ToyMaterial,
    /// Thickness of the silicon of a sensor, in mm.
    pub module_thickness: f64,
    /// Thickness of the beryllium beam pipe, in mm.
    pub beam_pipe_thickness: f64,
}

impl Default for ToyConfig {
    fn default() -> Self {
        Self {
            barrel_layers: 4,
            endcap_layers: 3,
            material: ToyMaterial::Homogeneous,
            module_thickness: 1.5,
            beam_pipe_thickness: 0.8,
        }
    }
}

impl ToyConfig {
    /// Seven endcap layers and thin sensors (0.11 mm): what upstream's simulation and the sample events use.
    pub fn full() -> Self {
        Self { endcap_layers: 7, module_thickness: 0.11, ..Self::default() }
    }

    fn validate(&self) -> Result<(), Error> {
        let fail = |name, value: String, expected| Err(Error::Config { name, value, expected });
        if !(1..=BARREL_LAYERS.len()).contains(&self.barrel_layers) {
            return fail("toy.barrel_layers", self.barrel_layers.to_string(), "1 to 4");
        }
        if self.endcap_layers > ENDCAP_LAYERS.len() {
            return fail("toy.endcap_layers", self.endcap_layers.to_string(), "0 to 7");
        }
        if self.endcap_layers > 0 && self.barrel_layers < BARREL_LAYERS.len() {
            let expected = "0 unless there are four barrel layers";
            return fail("toy.endcap_layers", self.endcap_layers.to_string(), expected);
        }
        for (name, value) in [
            ("toy.module_thickness", self.module_thickness),
            ("toy.beam_pipe_thickness", self.beam_pipe_thickness),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return fail(name, value.to_string(), "a length in mm that is not negative");
            }
        }
        Ok(())
    }

    fn module_material(&self) -> Option<MaterialModel> {
        let slab = SlabModel { thickness: self.module_thickness, material: SILICON_TML };
        (self.material == ToyMaterial::Homogeneous).then_some(MaterialModel::Slab(slab))
    }

    fn beam_pipe_material(&self, half_length: f64) -> Option<MaterialModel> {
        let thickness = self.beam_pipe_thickness;
        match self.material {
            ToyMaterial::None => None,
            ToyMaterial::Homogeneous => {
                Some(MaterialModel::Slab(SlabModel { thickness, material: BERYLLIUM_TML }))
            }
            ToyMaterial::Maps => {
                Some(cylinder_map(BERYLLIUM_TML, [-half_length, half_length], |_| thickness))
            }
        }
    }
}

/// Detray's toy detector: tilted rectangles on up to four cylinders, trapezoids on up to seven discs a side.
///
/// Surfaces have ACTS-like identifiers (volume + 1, layer 2, number in the volume + 1).
///
/// # Errors
/// [`Error::Config`] for numbers of layers or thicknesses out of range.
pub fn toy_detector(config: &ToyConfig) -> Result<DetectorModel, Error> {
    config.validate()?;
    let pipe_half_length = match config.endcap_layers {
        0 => BARREL_HALF_LENGTH,
        layers => ENDCAP_LAYERS[layers - 1],
    };
    let assembly = Assembly {
        barrel_layers: config.barrel_layers,
        endcap_layers: config.endcap_layers,
        module_material: config.module_material(),
        beam_pipe_material: config.beam_pipe_material(pipe_half_length),
        beam_pipe_half_length: pipe_half_length,
        maps: config.material == ToyMaterial::Maps,
    };
    Ok(DetectorModel { name: "toy_detector".into(), volumes: assembly.volumes() })
}
