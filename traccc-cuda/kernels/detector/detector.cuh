// The apparatus as flat tables. See `detector/mod.rs`.
#pragma once
#include "detector/design.cuh"
#include "detector/grid.cuh"
#include "detector/material.cuh"
#include "detector/shape/shape.cuh"
#include "detector/surface.cuh"
#include "detector/tables.cuh"
