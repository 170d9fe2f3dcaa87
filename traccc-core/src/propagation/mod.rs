//! Transport of track parameters through field and material, from sensor to sensor.
//!
//! [`Propagator::to_next_sensor`] steps along the trajectory (`stepper`, adaptive Runge-Kutta-Nyström), finds the
//! surfaces on the way (`navigation`), and adds energy loss and scattering where there is material
//! (`interaction`). Derivatives travel with the stepper as three columns, so that the covariance is touched only at
//! sensors and material.

mod config;
mod frame;
mod interaction;
mod intersection;
mod navigation;
mod propagator;
mod stepper;

pub use crate::particle::Particle;
pub use config::{PropagationConfig, PropagationCuts};
pub use propagator::{Limits, PropagatedState, PropagationResult, Propagator, Scene};
