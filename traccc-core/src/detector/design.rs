use super::Detector;
use crate::Scalar;
use crate::error::Error;
use crate::event::Subspace;
use crate::index::{ModuleIndex, SurfaceIndex};
use bytemuck::{Pod, Zeroable};
use std::collections::BTreeMap;

/// The segmentation of a kind of sensor into channels, as it is described; [`Modules`] holds it flat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModuleDesign {
    /// Channel boundaries along local x and y (r and phi of polar frames), in mm (rad), ascending; one more than
    /// channels.
    pub edges: [Vec<Scalar>; 2],
    /// True errors (root mean squares of the residuals) of clusters along the same axes, in mm (rad), by their size in
    /// channels: of one channel first, the last for all larger ones. Positive; empty where they are not known.
    pub errors: [Vec<Scalar>; 2],
}

impl ModuleDesign {
    /// `bins` channels of equal width between `min` and `max` on each axis, in mm (rad); errors are not known.
    pub fn equidistant(bins: [usize; 2], min: [Scalar; 2], max: [Scalar; 2]) -> Self {
        let edges = |axis: usize| {
            let (n, lo, hi) = (bins[axis], min[axis], max[axis]);
            (0..=n).map(|i| lo + i as Scalar * (hi - lo) / n as Scalar).collect()
        };
        Self { edges: [edges(0), edges(1)], errors: Default::default() }
    }

    /// What [`Modules::segmentation`] gives of a sensor of this design.
    pub fn segmentation(&self) -> Segmentation<'_> {
        Segmentation {
            edges: [&self.edges[0], &self.edges[1]],
            errors: [&self.errors[0], &self.errors[1]],
        }
    }
}

/// The segmentation of one sensor into channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segmentation<'a> {
    /// See [`ModuleDesign::edges`].
    pub edges: [&'a [Scalar]; 2],
    /// See [`ModuleDesign::errors`].
    pub errors: [&'a [Scalar]; 2],
}

impl Segmentation<'_> {
    /// Number of channels along an axis.
    #[inline]
    pub fn channels(&self, axis: usize) -> u32 {
        (self.edges[axis].len() - 1) as u32
    }

    /// What a sensor measures: the coordinates of its segmented axes; `None` where it has only one channel.
    pub fn subspace(&self) -> Option<Subspace> {
        match [0, 1].map(|axis| self.channels(axis) > 1) {
            [true, true] => Some(Subspace::BOTH),
            [true, false] => Some(Subspace::LOC0),
            [false, true] => Some(Subspace::LOC1),
            [false, false] => None,
        }
    }

    /// Centre of a channel, in mm (rad).
    #[inline]
    pub fn centre(&self, axis: usize, channel: u32) -> Scalar {
        let edges = self.edges[axis];
        0.5 * (edges[channel as usize] + edges[channel as usize + 1])
    }
}

/// Where a segmentation lies in the tables of [`Modules`]. Pairs are for local x and y (r and phi of polar frames).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct Design {
    /// First row of [`Modules::edges`] of each axis.
    pub first_edge: [u32; 2],
    /// Number of channels; boundaries are one more.
    pub channels: [u32; 2],
    /// First row of [`Modules::errors`] of each axis.
    pub first_error: [u32; 2],
    /// Number of rows of [`Modules::errors`]; 0 where errors are not known.
    pub error_sizes: [u32; 2],
}
const _: () = assert!(size_of::<Design>() == 32);

/// All sensors in ascending surface order, with what turns their channels into local coordinates.
///
/// Flat tables, in the form that the CPU reads and a GPU copies. Equal segmentations are one row of `designs`, and
/// equal axes share their boundaries and errors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modules {
    /// The surface of each module.
    pub surface: Vec<SurfaceIndex>,
    /// The row of `designs` of each module.
    pub design: Vec<u32>,
    /// Added to the local coordinates of each module's measurements (Lorentz shift, alignment), in mm (rad).
    pub translation: Vec<[Scalar; 2]>,
    /// What each module measures.
    pub subspace: Vec<Subspace>,
    /// The distinct segmentations.
    pub designs: Vec<Design>,
    /// Channel boundaries of all designs, see [`ModuleDesign::edges`].
    pub edges: Vec<Scalar>,
    /// Errors of clusters of all designs, see [`ModuleDesign::errors`].
    pub errors: Vec<Scalar>,
    /// For each surface of the detector its module; [`ModuleIndex::NONE`] where it is none.
    pub by_surface: Vec<ModuleIndex>,
}

/// Lists of numbers one after another, each once.
#[derive(Default)]
struct Pool {
    values: Vec<Scalar>,
    known: BTreeMap<Vec<u64>, u32>,
}

impl Pool {
    /// The row where `list` begins.
    fn place(&mut self, list: &[Scalar]) -> u32 {
        let bits = list.iter().map(|&value| f64::from(value).to_bits()).collect();
        *self.known.entry(bits).or_insert_with(|| {
            let first = self.values.len() as u32;
            self.values.extend_from_slice(list);
            first
        })
    }
}

impl Modules {
    /// Gives each sensitive surface of `detector` a design.
    ///
    /// `design_of(surface)` names a row of `designs` and the module's translation. A module measures the coordinates of its
    /// segmented axes, those with more than one channel.
    ///
    /// # Errors
    /// [`Error::NoDesign`] when `design_of` has no answer for a sensitive surface, [`Error::OneChannel`] when its design has
    /// one channel only.
    ///
    /// # Panics
    /// If `design_of` names a row that `designs` does not have, or a design has an axis without boundaries.
    pub fn new(
        detector: &Detector,
        designs: Vec<ModuleDesign>,
        mut design_of: impl FnMut(SurfaceIndex) -> Option<(usize, [Scalar; 2])>,
    ) -> Result<Self, Error> {
        let by_surface = vec![ModuleIndex::NONE; detector.surfaces.len()];
        let mut modules = Self { by_surface, ..Self::default() };
        let rows = modules.flatten(designs);
        for surface in detector.sensitive_surfaces() {
            let Some((design, translation)) = design_of(surface) else {
                return Err(Error::NoDesign {
                    surface: surface.0,
                    geometry_id: detector.geometry_ids[surface.get()],
                });
            };
            let module = ModuleIndex::from(modules.surface.len());
            modules.by_surface[surface.get()] = module;
            modules.surface.push(surface);
            modules.design.push(rows[design]);
            modules.translation.push(translation);
            let geometry_id = detector.geometry_ids[surface.get()];
            let subspace = modules.segmentation(module).subspace();
            let one_channel = Error::OneChannel { surface: surface.0, geometry_id };
            modules.subspace.push(subspace.ok_or(one_channel)?);
        }
        Ok(modules)
    }

    /// Fills `designs`, `edges` and `errors`, and gives the row of each of `designs`.
    fn flatten(&mut self, designs: Vec<ModuleDesign>) -> Vec<u32> {
        let (mut edges, mut errors) = (Pool::default(), Pool::default());
        let mut known = BTreeMap::new();
        let rows = designs.into_iter().map(|design| {
            let row = Design {
                first_edge: [0, 1].map(|axis| edges.place(&design.edges[axis])),
                channels: [0, 1].map(|axis| design.edges[axis].len() as u32 - 1),
                first_error: [0, 1].map(|axis| errors.place(&design.errors[axis])),
                error_sizes: [0, 1].map(|axis| design.errors[axis].len() as u32),
            };
            *known.entry(row).or_insert_with(|| {
                self.designs.push(row);
                self.designs.len() as u32 - 1
            })
        });
        let rows = rows.collect();
        (self.edges, self.errors) = (edges.values, errors.values);
        rows
    }

    /// Number of modules.
    #[inline]
    pub fn len(&self) -> usize {
        self.surface.len()
    }

    /// Whether there is no module.
    pub fn is_empty(&self) -> bool {
        self.surface.is_empty()
    }

    /// The module of a surface, if it is sensitive.
    #[inline]
    pub fn module_of(&self, surface: SurfaceIndex) -> Option<ModuleIndex> {
        self.by_surface.get(surface.get()).copied().filter(|m| m.is_some())
    }

    /// Number of channels of a module along its axes.
    ///
    /// # Panics
    /// If there is no such module.
    #[inline]
    pub fn channels(&self, module: ModuleIndex) -> [u32; 2] {
        self.designs[self.design[module.get()] as usize].channels
    }

    /// The segmentation of a module.
    ///
    /// # Panics
    /// If there is no such module.
    #[inline]
    pub fn segmentation(&self, module: ModuleIndex) -> Segmentation<'_> {
        let design = &self.designs[self.design[module.get()] as usize];
        let rows = |values, first: u32, count: u32| -> &[Scalar] {
            let values: &[Scalar] = values;
            &values[first as usize..][..count as usize]
        };
        Segmentation {
            edges: [0, 1]
                .map(|axis| rows(&self.edges, design.first_edge[axis], design.channels[axis] + 1)),
            errors: [0, 1]
                .map(|axis| rows(&self.errors, design.first_error[axis], design.error_sizes[axis])),
        }
    }
}
