// What every kernel is given: a setup and the settings of a chain. Filled by `src/tables.rs`.
#pragma once
#include "detector/design.cuh"
#include "detector/tables.cuh"
#include "field.cuh"
#include "settings.cuh"

namespace traccc {

struct Tables {
    Detector detector;
    Modules modules;
    MagneticField field;
    Settings settings;
};

}  // namespace traccc
