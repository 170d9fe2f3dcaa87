//! Materials of the built-in detectors.

use traccc_core::detector::Material;
use traccc_core::units::GRAM_PER_CUBIC_CENTIMETRE;

const fn material(x0: f64, l0: f64, mass: f64, charge: f64, density: f64) -> Material {
    Material {
        radiation_length: x0,
        interaction_length: l0,
        relative_atomic_mass: mass,
        nuclear_charge: charge,
        mass_density: density * GRAM_PER_CUBIC_CENTIMETRE,
    }
}

/// Silicon with the values of the Particle Data Group.
pub const SILICON: Material = material(93.7, 465.2, 28.0855, 14.0, 2.329);
/// Silicon with the values of the TrackML detector.
pub const SILICON_TML: Material = material(95.7, 465.2, 28.03, 14.0, 2.32);
/// Beryllium with the values of the TrackML detector.
pub const BERYLLIUM_TML: Material = material(352.8, 407.0, 9.012, 4.0, 1.848);
/// Aluminium.
pub const ALUMINIUM: Material = material(88.97, 397.0, 26.98, 13.0, 2.699);

/// The mixture of the materials, each with its fraction by mass; the fractions sum to 1.
///
/// Atomic mass, nuclear charge and density are averaged, radiation and interaction lengths harmonically.
pub fn mixture(parts: &[(f64, Material)]) -> Material {
    let sum = |value: fn(&Material) -> f64| parts.iter().map(|(f, m)| f * value(m)).sum::<f64>();
    Material {
        radiation_length: 1.0 / sum(|m| 1.0 / m.radiation_length),
        interaction_length: 1.0 / sum(|m| 1.0 / m.interaction_length),
        relative_atomic_mass: sum(|m| m.relative_atomic_mass),
        nuclear_charge: sum(|m| m.nuclear_charge),
        mass_density: sum(|m| m.mass_density),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_match_detrays_file_format_example() {
        assert!((SILICON_TML.mass_density / 1.301_424_498_867_424e21 - 1.0).abs() < 1e-12);
        assert!((SILICON_TML.molar_density() / 8.276_846_236_175_525e-5 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_mixture_of_one_material_with_itself_is_that_material() {
        let mixed = mixture(&[(0.25, ALUMINIUM), (0.75, ALUMINIUM)]);
        assert!((mixed.radiation_length - ALUMINIUM.radiation_length).abs() < 1e-12);
        assert!((mixed.mass_density / ALUMINIUM.mass_density - 1.0).abs() < 1e-12);
    }
}
