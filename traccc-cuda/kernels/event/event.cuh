// The rows of event data. See `event/mod.rs`.
#pragma once
#include "event/measurements.cuh"
#include "event/parameters.cuh"
#include "event/seeds.cuh"
#include "event/tracks.cuh"
