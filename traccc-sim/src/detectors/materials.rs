//! Materials of the built-in detectors.

use traccc_core::detector::Material;
use traccc_core::units::GRAM_PER_CUBIC_CENTIMETRE;

pub(super) const fn material(x0: f64, l0: f64, mass: f64, charge: f64, density: f64) -> Material {
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

/// The mixture of the materials, each with its fraction of the volume; the fractions sum to 1.
///
/// Densities and inverse lengths add up by volume, atomic mass and nuclear charge are means over the atoms: a layer of
/// the mixture has as many electrons and radiation lengths as separate layers of its parts.
pub fn mixture(parts: &[(f64, Material)]) -> Material {
    let sum = |value: fn(&Material) -> f64| parts.iter().map(|(f, m)| f * value(m)).sum::<f64>();
    let atoms = sum(|m| m.mass_density / m.relative_atomic_mass);
    Material {
        radiation_length: 1.0 / sum(|m| 1.0 / m.radiation_length),
        interaction_length: 1.0 / sum(|m| 1.0 / m.interaction_length),
        relative_atomic_mass: sum(|m| m.mass_density) / atoms,
        nuclear_charge: sum(|m| m.nuclear_charge * m.mass_density / m.relative_atomic_mass) / atoms,
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
    /// 1 mm each of beryllium and silicon, calculated by hand: 2 mm have 1/352.8 + 1/95.7 radiation lengths and
    /// 0.1848 / 9.012 * 4 + 0.232 / 28.03 * 14 mol of electrons per cm².
    #[test]
    fn a_mixture_has_the_layers_of_its_parts() {
        let mixed = mixture(&[(0.5, BERYLLIUM_TML), (0.5, SILICON_TML)]);
        assert!((mixed.radiation_length - 150.559).abs() < 1e-3, "{}", mixed.radiation_length);
        assert!((mixed.mass_density / GRAM_PER_CUBIC_CENTIMETRE - 2.084).abs() < 1e-9);
        // 0.020506 mol of beryllium to 0.0082768 mol of silicon.
        assert!((mixed.relative_atomic_mass - 14.481).abs() < 1e-3, "{mixed:?}");
        assert!((mixed.nuclear_charge - 6.8756).abs() < 1e-3, "{mixed:?}");
        let electrons = 2.0 * mixed.nuclear_charge * mixed.molar_density() * 100.0;
        assert!((electrons / 0.197_900 - 1.0).abs() < 1e-5, "{electrons}");
    }
}
