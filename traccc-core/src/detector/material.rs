use super::grid::Axis;
use super::model::{Material, SlabModel};
use crate::Scalar;
use crate::math::{exp, ln};

/// A layer of material with what energy loss and scattering need, derived once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Slab {
    /// Thickness along the normal, in mm.
    pub thickness: Scalar,
    /// Thickness along the normal, in radiation lengths.
    pub thickness_in_x0: Scalar,
    /// Radiation length, in mm.
    pub radiation_length: Scalar,
    /// Half of K n_e, in GeV/mm: multiplied by (q/β)² it gives the scale of the energy loss per length.
    pub loss_scale: Scalar,
    /// Mean excitation energy, in GeV.
    pub excitation_energy: Scalar,
    /// Plasma energy, in GeV.
    pub plasma_energy: Scalar,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<Slab>() == 24);

/// K = 4 pi N_A r_e² m_e c², in GeV mm²/mol (Particle Data Group 2022, eq. 34.5).
const K: f64 = 0.307_075e-3 * 1.0e2;

impl Slab {
    /// A layer of `thickness` mm of a material.
    pub fn new(slab: &SlabModel) -> Self {
        let Material { radiation_length, nuclear_charge, .. } = slab.material;
        // mol of electrons per mm³
        let electron_density = nuclear_charge * slab.material.molar_density();
        Self {
            thickness: slab.thickness as Scalar,
            thickness_in_x0: (slab.thickness / radiation_length) as Scalar,
            radiation_length: radiation_length as Scalar,
            loss_scale: (0.5 * K * electron_density) as Scalar,
            // 16 eV Z^0.9: the usual parametrisation of the mean excitation energy.
            excitation_energy: (16.0e-9 * exp(0.9 * f64::from(ln(nuclear_charge as Scalar))))
                as Scalar,
            // 28.816 eV sqrt(rho Z / A), with the electron density in mol/cm³.
            plasma_energy: (28.816e-9 * (1000.0 * electron_density).sqrt()) as Scalar,
        }
    }

    /// Whether a track notices it.
    #[inline]
    pub fn is_some(&self) -> bool {
        self.thickness > Scalar::EPSILON
    }
}

/// Slabs on a regular grid of (loc0, loc1) of one surface.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(traccc_f64), derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct MaterialMap {
    /// Axes of loc0 and loc1; the bin of axis 0 runs fastest.
    pub axes: [Axis; 2],
    /// First row of [`Detector::map_slabs`](super::Detector::map_slabs) of this map.
    pub first_slab: u32,
}
#[cfg(not(traccc_f64))]
const _: () = assert!(size_of::<MaterialMap>() == 36);

impl MaterialMap {
    /// The row of [`Detector::map_slabs`](super::Detector::map_slabs) at local coordinates (loc0, loc1).
    #[inline]
    pub fn slab_at(&self, local: [Scalar; 2]) -> usize {
        let bin = self.axes[0].bin(local[0]) + self.axes[0].bins * self.axes[1].bin(local[1]);
        (self.first_slab + bin) as usize
    }
}
