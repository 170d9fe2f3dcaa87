use super::SeedingConfig;
use crate::error::{Error, check};
use crate::field::{FieldChoice, MagneticField};
use crate::math::{asin, ln};
use crate::{Scalar, units};
use bytemuck::{Pod, Zeroable};

/// Search bins at most: more than any sound setting needs, few enough to index and to clear for each event.
const MAX_BINS: f64 = 65536.0;

/// What the seeding compares with: derived once from [`SeedingConfig`], the same record on every engine.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct SeedingCuts {
    /// Smallest z of a space point, in mm.
    pub z_min: Scalar,
    /// Largest z of a space point, in mm.
    pub z_max: Scalar,
    /// Space points lie within this radius, in whole mm.
    pub r_limit: Scalar,
    /// Lower end of the collision region, in mm.
    pub collision_z_min: Scalar,
    /// Upper end of the collision region, in mm.
    pub collision_z_max: Scalar,
    /// Largest |dz / dr| of a doublet.
    pub cot_theta_max: Scalar,
    /// Smallest difference of radii in a doublet, in mm.
    pub delta_r_min: Scalar,
    /// Largest difference of radii in a doublet, in mm.
    pub delta_r_max: Scalar,
    /// Largest difference of z in a doublet, in mm.
    pub delta_z_max: Scalar,
    /// Square of the diameter of the smallest helix, in mm².
    pub helix_diameter_squared: Scalar,
    /// `d (2 R - d)` for the largest impact parameter d and the radius R of the smallest helix, in mm².
    pub impact_reach: Scalar,
    /// Largest transverse impact parameter of a triplet, in mm.
    pub impact_max: Scalar,
    /// Largest squared difference of cot(theta) by scattering at the smallest momentum, over 1 + cot²(theta).
    pub scattering: Scalar,
    /// The same over the squared curvature (inverse diameter), in mm².
    pub scattering_per_curvature_squared: Scalar,
    /// The same at the momentum above which it is not reduced further.
    pub scattering_floor: Scalar,
    /// Square of the inverse diameter at that momentum, in 1/mm².
    pub floor_curvature_squared: Scalar,
    /// Compatible triplets differ by less in signed inverse diameter, in 1/mm.
    pub delta_inverse_helix_diameter: Scalar,
    /// Weight lost per mm of impact parameter.
    pub impact_weight_factor: Scalar,
    /// Weight gained for each compatible triplet.
    pub compatible_seed_weight: Scalar,
    /// Smallest difference of top radii between compatible triplets, in mm.
    pub compatible_delta_r_min: Scalar,
    /// Bottoms beyond this radius are good, in mm.
    pub good_bottom_min_radius: Scalar,
    /// Weight gained by a good bottom.
    pub good_bottom_weight: Scalar,
    /// Weight that a triplet with a good bottom must reach.
    pub good_bottom_min_weight: Scalar,
    /// Tops within this radius are good, in mm.
    pub good_top_max_radius: Scalar,
    /// Weight gained by a good top when the bottom is not good.
    pub good_top_weight: Scalar,
    /// All but the best seed of a middle need a larger weight, or a bottom beyond `bottom_min_radius`.
    pub seed_min_weight: Scalar,
    /// See `seed_min_weight`, in mm.
    pub bottom_min_radius: Scalar,
    /// Bins of the azimuth over \[-pi, pi\].
    pub phi_bins: u32,
    /// Bins of z over \[`z_min`, `z_max`\].
    pub z_bins: u32,
    /// Bins searched below and above the middle's bin, in phi and z.
    pub neighbour_bins: [u32; 2],
    /// Seeds kept for one middle.
    pub max_seeds_per_middle: u32,
    /// Compatible triplets counted at most.
    pub compatible_seed_limit: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<SeedingCuts>() == 132);

impl SeedingConfig {
    /// Checks the settings and derives the cuts in a magnetic field.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is not finite, out of its range or, together with the others,
    /// gives no usable search bins; for a field without a component along z at the origin, unless the settings name
    /// another.
    pub fn cuts(&self, field: &MagneticField) -> Result<SeedingCuts, Error> {
        self.validate()?;
        let field = self.tesla(field)?.abs() * units::CURVATURE_PER_TESLA;
        let radius = self.min_pt / field;
        check(
            radius >= 0.5 * self.r_max,
            "seeding.min_pt",
            self.min_pt,
            "a momentum whose helix reaches `seeding.r_max`: at least 0.00015 GeV * field / T * r_max / mm",
        )?;
        let square = |v: Scalar| v * v;
        // Highland's formula for the material of one seed, times the momentum.
        let material = self.radiation_lengths_per_seed;
        let highland = 13.6 * units::MEV * material.sqrt() * (1.0 + 0.038 * ln(material));
        let sigma_squared = square(self.sigma_scattering);
        let phi_bins = self.phi_bins(radius)?;
        Ok(SeedingCuts {
            z_min: self.z_min,
            z_max: self.z_max,
            r_limit: self.r_max.trunc(),
            collision_z_min: self.collision_z_min,
            collision_z_max: self.collision_z_max,
            cot_theta_max: self.cot_theta_max,
            delta_r_min: self.delta_r_min,
            delta_r_max: self.delta_r_max,
            delta_z_max: self.delta_z_max,
            helix_diameter_squared: square(2.0 * radius),
            impact_reach: self.impact_max * (2.0 * radius - self.impact_max),
            impact_max: self.impact_max,
            scattering: square(highland / self.min_pt) * sigma_squared,
            // Upstream's parametrization, kept for equal seeds: (highland / B)² instead of a squared angle times pT².
            scattering_per_curvature_squared: 4.0 * square(highland / field) * sigma_squared,
            scattering_floor: square(highland / self.max_pt_scattering) * sigma_squared,
            floor_curvature_squared: square(field / (2.0 * self.max_pt_scattering)),
            delta_inverse_helix_diameter: self.delta_inverse_helix_diameter,
            impact_weight_factor: self.impact_weight_factor,
            compatible_seed_weight: self.compatible_seed_weight,
            compatible_delta_r_min: self.compatible_delta_r_min,
            good_bottom_min_radius: self.good_bottom_min_radius,
            good_bottom_weight: self.good_bottom_weight,
            good_bottom_min_weight: self.good_bottom_min_weight,
            good_top_max_radius: self.good_top_max_radius,
            good_top_weight: self.good_top_weight,
            seed_min_weight: self.seed_min_weight,
            bottom_min_radius: self.bottom_min_radius,
            phi_bins,
            z_bins: self.z_bins(phi_bins)?,
            neighbour_bins: self.neighbour_bins,
            max_seeds_per_middle: self.max_seeds_per_middle,
            compatible_seed_limit: self.compatible_seed_limit,
        })
    }

    /// The field along z, in T.
    fn tesla(&self, field: &MagneticField) -> Result<Scalar, Error> {
        let expected = "a field in T along z at the origin, other than 0: triplets are selected by their curvature";
        let bends = |tesla: Scalar| tesla.is_finite() && tesla != 0.0;
        match self.field {
            FieldChoice::Setup => {
                let tesla = field.along_z_at_origin();
                let found = format_args!("\"setup\", which has {tesla} T along z at the origin");
                check(bends(tesla), "seeding.field", found, expected)?;
                Ok(tesla)
            }
            FieldChoice::Constant(tesla) => {
                check(bends(tesla), "seeding.field", tesla, expected)?;
                Ok(tesla)
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let positive = |v: Scalar| v.is_finite() && v > 0.0;
        // A constant of the settings can be judged without a setup.
        if let FieldChoice::Constant(tesla) = self.field {
            self.tesla(&MagneticField::along_z(tesla))?;
        }
        for (name, value) in [
            ("seeding.min_pt", self.min_pt),
            ("seeding.cot_theta_max", self.cot_theta_max),
            ("seeding.delta_r_max", self.delta_r_max),
            ("seeding.delta_z_max", self.delta_z_max),
            ("seeding.impact_max", self.impact_max),
            ("seeding.sigma_scattering", self.sigma_scattering),
            ("seeding.max_pt_scattering", self.max_pt_scattering),
            ("seeding.radiation_lengths_per_seed", self.radiation_lengths_per_seed),
            ("seeding.phi_bin_deflection_coverage", self.phi_bin_deflection_coverage),
        ] {
            check(positive(value), name, value, "a positive number")?;
        }
        for (name, value) in [
            ("seeding.delta_r_min", self.delta_r_min),
            ("seeding.delta_inverse_helix_diameter", self.delta_inverse_helix_diameter),
            ("seeding.compatible_delta_r_min", self.compatible_delta_r_min),
        ] {
            check(value.is_finite() && value >= 0.0, name, value, "a number not below 0")?;
        }
        for (name, value) in [
            ("seeding.impact_weight_factor", self.impact_weight_factor),
            ("seeding.compatible_seed_weight", self.compatible_seed_weight),
            ("seeding.good_bottom_min_radius", self.good_bottom_min_radius),
            ("seeding.good_bottom_weight", self.good_bottom_weight),
            ("seeding.good_bottom_min_weight", self.good_bottom_min_weight),
            ("seeding.good_top_max_radius", self.good_top_max_radius),
            ("seeding.good_top_weight", self.good_top_weight),
            ("seeding.seed_min_weight", self.seed_min_weight),
            ("seeding.bottom_min_radius", self.bottom_min_radius),
            ("seeding.z_min", self.z_min),
            ("seeding.collision_z_min", self.collision_z_min),
        ] {
            check(value.is_finite(), name, value, "a finite number")?;
        }
        let above = |upper: Scalar, lower: Scalar| upper.is_finite() && upper > lower;
        check(
            above(self.z_max, self.z_min),
            "seeding.z_max",
            self.z_max,
            "a z above `seeding.z_min`",
        )?;
        check(
            above(self.collision_z_max, self.collision_z_min),
            "seeding.collision_z_max",
            self.collision_z_max,
            "a z above `seeding.collision_z_min`",
        )?;
        check(
            above(self.delta_r_max, self.delta_r_min),
            "seeding.delta_r_max",
            self.delta_r_max,
            "a distance above `seeding.delta_r_min`",
        )?;
        check(
            self.r_max.is_finite() && self.r_max >= 1.0,
            "seeding.r_max",
            self.r_max,
            "a radius of at least 1 mm",
        )
    }

    /// Bins of the azimuth: one is as wide as the softest track bends within a doublet at the edge of the detector,
    /// plus what the impact parameter adds.
    fn phi_bins(&self, radius: Scalar) -> Result<u32, Error> {
        let r_max = self.r_max;
        let angle_at = |r: Scalar| asin(r / (2.0 * radius));
        let (r_inner, inner) = if r_max > self.delta_r_max {
            (r_max - self.delta_r_max, angle_at(r_max - self.delta_r_max))
        } else {
            (r_max, 0.0)
        };
        check(
            self.impact_max <= r_inner,
            "seeding.impact_max",
            self.impact_max,
            "at most `seeding.r_max` less `seeding.delta_r_max` (or `seeding.r_max` if that is smaller)",
        )?;
        let impact = asin(self.impact_max / r_inner) - asin(self.impact_max / r_max);
        let width = (angle_at(r_max) - inner + impact.abs()) / self.phi_bin_deflection_coverage;
        // Double precision as upstream: the count must not depend on how 2 pi is rounded.
        let bins = (2.0 * std::f64::consts::PI / f64::from(width) + 0.5).round();
        check(
            width > 0.0 && bins <= MAX_BINS,
            "seeding.phi_bin_deflection_coverage",
            self.phi_bin_deflection_coverage,
            "a coverage that gives 1 to 65536 bins of the azimuth",
        )?;
        Ok(bins as u32)
    }

    fn z_bins(&self, phi_bins: u32) -> Result<u32, Error> {
        let width = self.cot_theta_max * self.delta_r_max;
        let bins = ((self.z_max - self.z_min) / width).floor().max(1.0);
        check(
            f64::from(bins) * f64::from(phi_bins) <= MAX_BINS,
            "seeding.cot_theta_max",
            self.cot_theta_max,
            "a slope that gives 1 to 65536 bins of z and azimuth (along z each is cot_theta_max * delta_r_max long)",
        )?;
        Ok(bins as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_values_give_its_search_bins() {
        let upstream = SeedingConfig {
            min_pt: 0.5,
            impact_max: 10.0,
            sigma_scattering: 3.0,
            radiation_lengths_per_seed: 0.05,
            ..SeedingConfig::default()
        };
        let cuts = upstream.cuts(&MagneticField::along_z(1.997_24)).unwrap();
        assert_eq!((cuts.phi_bins, cuts.z_bins), (78, 1));
        let radius = cuts.helix_diameter_squared.sqrt() / 2.0;
        assert!((radius - 835.06).abs() < 0.02, "{radius}");
        // 2.695 MeV at 0.5 GeV, three standard deviations.
        assert!((cuts.scattering.sqrt() - 0.016_17).abs() < 1e-5, "{}", cuts.scattering);
    }

    #[test]
    fn a_field_against_z_gives_the_same_cuts() {
        let config = SeedingConfig::default();
        let cuts = |tesla| config.cuts(&MagneticField::along_z(tesla)).unwrap();
        assert_eq!(cuts(-1.5), cuts(1.5));
        assert_ne!(cuts(1.5), cuts(2.0));
    }

    #[test]
    fn a_field_in_the_settings_wins_over_that_of_the_setup() {
        let named = SeedingConfig { field: FieldChoice::Constant(1.5), ..SeedingConfig::default() };
        for setup in [0.0, 2.0] {
            let own = SeedingConfig::default().cuts(&MagneticField::along_z(1.5));
            assert_eq!(named.cuts(&MagneticField::along_z(setup)), own);
        }
    }

    #[test]
    fn seeding_needs_a_field_along_z_at_the_origin() {
        for field in [[0.0; 3], [2.0, 1.0, 0.0], [0.0, 0.0, Scalar::NAN]] {
            let field = MagneticField::Constant(field.into());
            let message = SeedingConfig::default().cuts(&field).unwrap_err().to_string();
            assert!(message.starts_with("`seeding.field` is \"setup\", which has "), "{message}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let default = SeedingConfig::default();
        let cases = [
            (
                SeedingConfig { field: FieldChoice::Constant(0.0), ..default.clone() },
                "seeding.field",
            ),
            (SeedingConfig { min_pt: Scalar::NAN, ..default.clone() }, "seeding.min_pt"),
            (SeedingConfig { min_pt: 0.05, ..default.clone() }, "seeding.min_pt"),
            (SeedingConfig { z_max: -3000.0, ..default.clone() }, "seeding.z_max"),
            (SeedingConfig { r_max: 0.5, ..default.clone() }, "seeding.r_max"),
            (SeedingConfig { impact_max: 150.0, ..default.clone() }, "seeding.impact_max"),
            (SeedingConfig { delta_r_min: 90.0, ..default.clone() }, "seeding.delta_r_max"),
            (SeedingConfig { cot_theta_max: 1e-6, ..default.clone() }, "seeding.cot_theta_max"),
            (
                SeedingConfig { phi_bin_deflection_coverage: 1e9, ..default.clone() },
                "seeding.phi_bin_deflection_coverage",
            ),
            (
                SeedingConfig { seed_min_weight: Scalar::INFINITY, ..default },
                "seeding.seed_min_weight",
            ),
        ];
        for (config, setting) in cases {
            match config.cuts(&MagneticField::along_z(2.0)) {
                Err(Error::Config { name, .. }) => assert_eq!(name, setting),
                other => panic!("{setting}: {other:?}"),
            }
        }
    }
}
