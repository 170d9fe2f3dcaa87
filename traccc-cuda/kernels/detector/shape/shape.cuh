// The forms of surfaces. See `detector/shape/mod.rs`.
//
// Shapes and their local coordinates are types with static functions; the methods of `Surface` and `Mask` below choose between
// them by the shape of the surface.
#pragma once
#include "detector/surface.cuh"

namespace traccc {

/// The form of a surface.
enum class Shape : u8 {
    Rectangle = 0,
    Trapezoid = 1,
    Annulus = 2,
    Ring = 3,
    Cylinder = 4,
    ConcentricCylinder = 5,
};

/// The endless surface that a shape is cut out of.
enum class Carrier { Plane, Cylinder, ConcentricCylinder };

/// The local frame at a point of a surface.
struct LocalFrame {
    Vector3 normal;
    /// Derivatives of the global position by loc0 and loc1.
    Vector3 tangents[2];
    /// Gradients of loc0 and loc1.
    Vector3 gradients[2];

    // In `propagation/frame.cuh`.
    __device__ static __forceinline__ LocalFrame curvilinear(const Vector3& direction);
};

/// Bounds of a mask.
typedef f32 Bounds[7];

/// What a trajectory is intersected with.
__device__ __forceinline__ Carrier carrier(Shape shape) {
    return shape == Shape::Cylinder             ? Carrier::Cylinder
           : shape == Shape::ConcentricCylinder ? Carrier::ConcentricCylinder
                                                : Carrier::Plane;
}

}  // namespace traccc

#include "detector/shape/annulus.cuh"
#include "detector/shape/concentric_cylinder.cuh"
#include "detector/shape/cylinder.cuh"
#include "detector/shape/plane.cuh"
#include "detector/shape/rectangle.cuh"
#include "detector/shape/ring.cuh"
#include "detector/shape/trapezoid.cuh"

namespace traccc {

__device__ __forceinline__ bool Mask::contains(Shape shape, const Vector3& local, f32 tolerance) const {
    switch (shape) {
        case Shape::Rectangle:
            return shapes::Rectangle::contains(bounds, local, tolerance);
        case Shape::Trapezoid:
            return shapes::Trapezoid::contains(bounds, local, tolerance);
        case Shape::Annulus:
            return shapes::Annulus::contains(bounds, local, tolerance);
        case Shape::Ring:
            return shapes::Ring::contains(bounds, local, tolerance);
        case Shape::Cylinder:
            return shapes::Cylinder::contains(bounds, local, tolerance);
        default:
            return shapes::ConcentricCylinder::contains(bounds, local, tolerance);
    }
}

/// Returns a function of the local coordinates of a surface.
#define TRACCC_WITH_COORDINATES(shape, call)            \
    switch (shape) {                                    \
        case Shape::Rectangle:                          \
        case Shape::Trapezoid:                          \
            return shapes::Cartesian::call;             \
        case Shape::Annulus:                            \
        case Shape::Ring:                               \
            return shapes::Polar::call;                 \
        case Shape::Cylinder:                           \
            return shapes::Cylinder::call;              \
        default:                                        \
            return shapes::ConcentricCylinder::call;    \
    }

__device__ __noinline__ Vector3 Surface::to_global(Pair local) const {
    TRACCC_WITH_COORDINATES(shape, to_global(*this, local))
}
__device__ __noinline__ Pair Surface::to_local(Vector3 global) const {
    TRACCC_WITH_COORDINATES(shape, to_local(*this, global))
}
__device__ __noinline__ Vector3 Surface::normal(Pair local) const {
    TRACCC_WITH_COORDINATES(shape, normal(*this, local))
}
__device__ __noinline__ LocalFrame Surface::frame(Pair local) const {
    TRACCC_WITH_COORDINATES(shape, frame(*this, local))
}
#undef TRACCC_WITH_COORDINATES

}  // namespace traccc
