// Settings of the stages: the rows of core, field by field.
#pragma once
#include "common.cuh"

namespace traccc {

/// See `propagation/propagator.rs`.
struct Limits {
    f32 min_p;
    f32 min_pt;
    f32 min_step_to_next_surface;
    u32 max_steps;
    f32 max_path;
};

/// What propagation needs of a hypothesis. See `particle.rs`.
struct Particle {
    f32 mass;
    u32 electron;
};

/// See `clustering/config.rs`: 0 table, 1 pitch, 2 upstream.
struct ClusteringCuts {
    u32 errors;
};

/// See `seeding/cuts.rs`.
struct SeedingCuts {
    f32 z_min;
    f32 z_max;
    f32 r_limit;
    f32 collision_z_min;
    f32 collision_z_max;
    f32 cot_theta_max;
    f32 delta_r_min;
    f32 delta_r_max;
    f32 delta_z_max;
    f32 helix_diameter_squared;
    f32 impact_reach;
    f32 impact_max;
    f32 scattering;
    f32 scattering_per_curvature_squared;
    f32 scattering_floor;
    f32 floor_curvature_squared;
    f32 delta_inverse_helix_diameter;
    f32 impact_weight_factor;
    f32 compatible_seed_weight;
    f32 compatible_delta_r_min;
    f32 good_bottom_min_radius;
    f32 good_bottom_weight;
    f32 good_bottom_min_weight;
    f32 good_top_max_radius;
    f32 good_top_weight;
    f32 seed_min_weight;
    f32 bottom_min_radius;
    u32 phi_bins;
    u32 z_bins;
    u32 neighbour_bins[2];
    u32 max_seeds_per_middle;
    u32 compatible_seed_limit;
};

/// See `parameters/config.rs`.
struct ParametersCuts {
    f32 field;
    u32 field_is_constant;
    f32 sigma_loc[2];
    f32 sigma_phi;
    f32 sigma_theta;
    f32 sigma_q_over_p;
    f32 sigma_time;
    f32 sigma_q_over_pt;
    f32 sigma_pt_relative;
    f32 inflation[6];
};

/// See `propagation/config.rs`.
struct PropagationCuts {
    f32 min_step;
    f32 max_step;
    f32 step_tolerance;
    f32 path_tolerance;
    f32 overstep_tolerance;
    f32 min_mask_tolerance;
    f32 max_mask_tolerance;
    f32 mask_tolerance_per_path;
    f32 path_limit;
    u32 max_step_trials;
};

/// See `finding/config.rs`.
struct FindingCuts {
    Limits limits;
    Particle particle;
    f32 max_chi2;
    f32 min_voting_fraction;
    u32 max_branches_per_seed;
    u32 max_branches_per_surface;
    u32 min_measurements;
    u32 max_measurements;
    u32 max_holes;
    u32 max_consecutive_holes;
    u32 max_tracks_per_measurement;
    /// `NONE` switches the removal off.
    u32 duplicate_removal_min_length;
    /// 0 none, 1 MBF.
    u32 smoother;
};

/// See `ambiguity/config.rs`.
struct AmbiguityCuts {
    u32 min_measurements;
    u32 max_shared_measurements;
};

/// See `fitting/config.rs`.
struct FittingCuts {
    Limits limits;
    Particle particle;
    u32 iterations;
    f32 covariance_inflation;
};

/// All of them.
struct Settings {
    ClusteringCuts clustering;
    SeedingCuts seeding;
    ParametersCuts parameters;
    PropagationCuts propagation;
    FindingCuts finding;
    AmbiguityCuts ambiguity;
    FittingCuts fitting;
};

}  // namespace traccc
