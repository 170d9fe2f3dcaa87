use super::Detector;
use crate::Scalar;
use crate::error::Error;
use crate::event::Subspace;
use crate::index::{ModuleIndex, SurfaceIndex};

/// The segmentation of a kind of sensor into channels.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleDesign {
    /// Channel boundaries along local x and y (r and phi of polar frames), in mm (rad), ascending; one more than
    /// channels.
    pub edges: [Vec<Scalar>; 2],
}

impl ModuleDesign {
    /// `bins` channels of equal width between `min` and `max` on each axis, in mm (rad).
    pub fn equidistant(bins: [usize; 2], min: [Scalar; 2], max: [Scalar; 2]) -> Self {
        let edges = |axis: usize| {
            let (n, lo, hi) = (bins[axis], min[axis], max[axis]);
            (0..=n).map(|i| lo + i as Scalar * (hi - lo) / n as Scalar).collect()
        };
        Self { edges: [edges(0), edges(1)] }
    }

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
        let edges = &self.edges[axis];
        0.5 * (edges[channel as usize] + edges[channel as usize + 1])
    }
}

/// All sensors in ascending surface order, with what turns their channels into local coordinates.
#[derive(Clone, Debug, PartialEq)]
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
    pub designs: Vec<ModuleDesign>,
    by_surface: Vec<ModuleIndex>,
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
    /// If `design_of` names a row that `designs` does not have.
    pub fn new(
        detector: &Detector,
        designs: Vec<ModuleDesign>,
        mut design_of: impl FnMut(SurfaceIndex) -> Option<(usize, [Scalar; 2])>,
    ) -> Result<Self, Error> {
        let mut modules = Self {
            surface: Vec::new(),
            design: Vec::new(),
            translation: Vec::new(),
            subspace: Vec::new(),
            designs,
            by_surface: vec![ModuleIndex::NONE; detector.surfaces.len()],
        };
        for surface in detector.sensitive_surfaces() {
            let Some((design, translation)) = design_of(surface) else {
                return Err(Error::NoDesign {
                    surface: surface.0,
                    source_id: detector.sources[surface.get()],
                });
            };
            modules.by_surface[surface.get()] = ModuleIndex::from(modules.surface.len());
            modules.surface.push(surface);
            modules.design.push(design as u32);
            modules.translation.push(translation);
            let source_id = detector.sources[surface.get()];
            let subspace = modules.designs[design].subspace();
            let one_channel = Error::OneChannel { surface: surface.0, source_id };
            modules.subspace.push(subspace.ok_or(one_channel)?);
        }
        Ok(modules)
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

    /// The design of a module.
    ///
    /// # Panics
    /// If there is no such module.
    #[inline]
    pub fn design_of(&self, module: ModuleIndex) -> &ModuleDesign {
        &self.designs[self.design[module.get()] as usize]
    }
}
