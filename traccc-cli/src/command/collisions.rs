use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use traccc_sim::{Collisions, Gun, HardScatter};

/// Standard deviations of the vertices of collisions along x, y and z at the LHC, in mm.
const BEAM_SPOT: [f64; 3] = [0.0125, 0.0125, 55.0];

/// The collisions of simulated events, and where they happen.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Collisions")]
pub(crate) struct CollisionArguments {
    /// Pile-up: soft proton collisions at 14 TeV in each event, 0 to 1000; the particles come from another vertex
    #[arg(long, value_name = "N")]
    mu: Option<usize>,
    /// What the vertex of the particles has beside them
    #[arg(long, value_enum)]
    hard_scatter: Option<HardScatterChoice>,
    /// Charged particles of a soft collision per unit of pseudorapidity, at 0 [default: 5.4, all inelastic collisions]
    #[arg(long, value_name = "N", requires = "mu")]
    pileup_density: Option<f64>,
    /// Largest absolute pseudorapidity of the particles of soft collisions [default: 4]
    #[arg(long, value_name = "ETA", requires = "mu")]
    pileup_eta: Option<f64>,
    /// Mean vertex, in mm
    #[arg(long, value_name = "X,Y,Z", value_parser = triple, default_value = "0,0,0", allow_hyphen_values = true)]
    vertex: [f64; 3],
    /// Standard deviations of vertices, in mm [default: 0.0125,0.0125,55 with collisions, else 0,0,0]
    #[arg(long, value_name = "X,Y,Z", value_parser = triple)]
    vertex_spread: Option<[f64; 3]>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HardScatterChoice {
    /// Nothing
    None,
    /// The leptons, jets and b hadrons of a pair of top quarks
    Ttbar,
}

impl CollisionArguments {
    /// The collisions, if there are any; the gun gets their beam spot.
    pub(crate) fn collisions(&self, gun: &mut Gun) -> Result<Option<Collisions>> {
        let any = self.mu.is_some() || self.hard_scatter.is_some();
        gun.vertex = self.vertex;
        gun.vertex_spread = self.vertex_spread.unwrap_or(if any { BEAM_SPOT } else { [0.0; 3] });
        let default = Collisions::default();
        let collisions = any.then(|| Collisions {
            mu: self.mu.unwrap_or(0),
            hard_scatter: match self.hard_scatter {
                Some(HardScatterChoice::Ttbar) => HardScatter::Ttbar,
                Some(HardScatterChoice::None) | None => HardScatter::None,
            },
            density: self.pileup_density.unwrap_or(default.density),
            max_eta: self.pileup_eta.unwrap_or(default.max_eta),
        });
        let none = |c: &Collisions| c.mu == 0 && c.hard_scatter == HardScatter::None;
        if gun.particles == 0 && collisions.as_ref().is_none_or(none) {
            bail!(
                "--particles 0: events would be empty; ask for particles, --mu or --hard-scatter ttbar"
            );
        }
        Ok(collisions)
    }
}

/// `X,Y,Z`.
fn triple(text: &str) -> Result<[f64; 3], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    let numbers = numbers.and_then(|n| n.try_into().ok());
    numbers.ok_or_else(|| "expected three numbers with commas between".to_owned())
}
