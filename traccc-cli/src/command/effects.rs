use clap::Args;
use traccc_sim::{DigitizationConfig, TransportConfig};

/// Effects of flight and sensors that are off unless asked for.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Effects")]
pub(crate) struct EffectArguments {
    /// Bremsstrahlung of electrons; the photons leave
    #[arg(long)]
    bremsstrahlung: bool,
    /// Decays in flight of pions and muons
    #[arg(long)]
    decays: bool,
    /// Inelastic nuclear interactions of pions, whose charged particles fly on
    #[arg(long)]
    nuclear_interactions: bool,
    /// Charges fluctuate as energy losses in silicon do
    #[arg(long)]
    charge_fluctuations: bool,
    /// Diffusion: width of a charge that drifted through the whole sensor, in mm
    #[arg(long, value_name = "MM", default_value_t = 0.0)]
    diffusion: f64,
    /// Lorentz drift along local x: tangent of the angle; the mean shift counts as calibrated
    #[arg(long, value_name = "TAN", default_value_t = 0.0, allow_hyphen_values = true)]
    lorentz_drift: f64,
    /// Part of the channels that fire in an event without a particle, 0 to 0.01
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    noise_occupancy: f64,
    /// Part of the channels that never fire: the same in all events of a seed
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    dead_channels: f64,
}

impl EffectArguments {
    pub(crate) fn transport(&self) -> TransportConfig {
        TransportConfig {
            bremsstrahlung: self.bremsstrahlung,
            decays: self.decays,
            nuclear_interactions: self.nuclear_interactions,
            ..TransportConfig::default()
        }
    }

    pub(crate) fn digitization(&self) -> DigitizationConfig {
        DigitizationConfig {
            charge_fluctuations: self.charge_fluctuations,
            diffusion: self.diffusion,
            lorentz_drift: self.lorentz_drift,
            noise_occupancy: self.noise_occupancy,
            dead_channels: self.dead_channels,
            ..DigitizationConfig::default()
        }
    }
}
