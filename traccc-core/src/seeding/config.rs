use crate::Scalar;
use crate::field::FieldChoice;
use serde::{Deserialize, Serialize};

/// How seeds are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedingAlgorithm {
    /// Each space point in turn as the middle of triplets.
    #[default]
    Triplet,
}

/// Settings of the seeding: which algorithm, and all that the triplet seeding needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeedingConfig {
    /// How seeds are found; all other settings are those of the triplets.
    pub algorithm: SeedingAlgorithm,
    /// The field from whose component along z radii follow; that of the setup counts at the origin.
    pub field: FieldChoice,
    /// Smallest transverse momentum to seed, in GeV.
    pub min_pt: Scalar,
    /// Lower end of the space points' z, in mm.
    pub z_min: Scalar,
    /// Upper end of the space points' z, in mm.
    pub z_max: Scalar,
    /// Space points at this radius or beyond are not used, in whole mm.
    pub r_max: Scalar,
    /// Lower end of the collision region along z, in mm.
    pub collision_z_min: Scalar,
    /// Upper end of the collision region along z, in mm.
    pub collision_z_max: Scalar,
    /// Largest cot(theta) of a doublet.
    pub cot_theta_max: Scalar,
    /// Smallest difference of radii in a doublet, in mm.
    pub delta_r_min: Scalar,
    /// Largest difference of radii in a doublet, in mm.
    pub delta_r_max: Scalar,
    /// Largest difference of z in a doublet, in mm.
    pub delta_z_max: Scalar,
    /// Largest transverse impact parameter, in mm.
    pub impact_max: Scalar,
    /// Standard deviations of multiple scattering allowed between the doublets of a triplet.
    pub sigma_scattering: Scalar,
    /// Scattering is not reduced above this transverse momentum, in GeV.
    pub max_pt_scattering: Scalar,
    /// Material that a seed crosses, in radiation lengths.
    pub radiation_lengths_per_seed: Scalar,
    /// How many phi bins a minimum-momentum track bends across at most.
    pub phi_bin_deflection_coverage: Scalar,
    /// Bins searched below and above the middle's bin, in phi and z.
    pub neighbour_bins: [u32; 2],
    /// Seeds kept for one middle space point.
    pub max_seeds_per_middle: u32,
    /// Two triplets with the same bottom and middle are compatible when their signed curvatures differ by less, in 1/mm.
    pub delta_inverse_helix_diameter: Scalar,
    /// Weight lost per mm of impact parameter.
    pub impact_weight_factor: Scalar,
    /// Weight gained for each compatible triplet.
    pub compatible_seed_weight: Scalar,
    /// Smallest difference of top radii between compatible triplets, in mm.
    pub compatible_delta_r_min: Scalar,
    /// Compatible triplets counted at most; 0 counts none.
    pub compatible_seed_limit: u32,
    /// Bottoms beyond this radius gain `good_bottom_weight` and must reach `good_bottom_min_weight`, in mm.
    pub good_bottom_min_radius: Scalar,
    /// See `good_bottom_min_radius`.
    pub good_bottom_weight: Scalar,
    /// See `good_bottom_min_radius`.
    pub good_bottom_min_weight: Scalar,
    /// Tops within this radius gain `good_top_weight`, in mm.
    pub good_top_max_radius: Scalar,
    /// See `good_top_max_radius`.
    pub good_top_weight: Scalar,
    /// All but the best seed of a middle need a larger weight, or a bottom beyond `bottom_min_radius`.
    pub seed_min_weight: Scalar,
    /// See `seed_min_weight`, in mm.
    pub bottom_min_radius: Scalar,
}

impl Default for SeedingConfig {
    fn default() -> Self {
        Self {
            algorithm: SeedingAlgorithm::Triplet,
            field: FieldChoice::Setup,
            min_pt: 0.7,
            z_min: -2000.0,
            z_max: 2000.0,
            r_max: 200.0,
            collision_z_min: -250.0,
            collision_z_max: 250.0,
            cot_theta_max: 27.2845,
            delta_r_min: 20.0,
            delta_r_max: 80.0,
            delta_z_max: 450.0,
            impact_max: 1.0,
            sigma_scattering: 4.0,
            max_pt_scattering: 10.0,
            radiation_lengths_per_seed: 0.1,
            phi_bin_deflection_coverage: 1.0,
            neighbour_bins: [1, 1],
            max_seeds_per_middle: 5,
            delta_inverse_helix_diameter: 3.0e-5,
            impact_weight_factor: 1.0,
            compatible_seed_weight: 200.0,
            compatible_delta_r_min: 5.0,
            compatible_seed_limit: 2,
            good_bottom_min_radius: 150.0,
            good_bottom_weight: 400.0,
            good_bottom_min_weight: 380.0,
            good_top_max_radius: 150.0,
            good_top_weight: 200.0,
            seed_min_weight: 200.0,
            bottom_min_radius: 0.0,
        }
    }
}
