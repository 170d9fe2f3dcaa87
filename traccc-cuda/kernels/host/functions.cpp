// Functions of the kernels, for `tests/functions.rs`: `functions NAME INPUT OUTPUT` applies one to each row of a file.
#include "host/cuda.hpp"

#include <vector>

#include "detector/detector.cuh"
#include "event/event.cuh"
#include "field.cuh"
#include "kalman/kalman.cuh"
#include "kalman/mbf.cuh"
#include "kalman/two_filter.cuh"
#include "math/math.cuh"
#include "particle.cuh"
#include "propagation/propagator.cuh"

using namespace traccc;

/// The input, read from its beginning on.
struct Input {
    std::vector<unsigned char> bytes;
    size_t next = 0;

    template <class T>
    bool read(T& row) {
        if (next + sizeof(T) > bytes.size()) return false;
        memcpy((void*)&row, bytes.data() + next, sizeof(T));
        next += sizeof(T);
        return true;
    }

    /// A table: its bytes in 8 bytes, then its rows.
    template <class T>
    std::vector<T> table() {
        u64 size = 0;
        read(size);
        std::vector<T> rows(size / sizeof(T));
        if (size) memcpy((void*)rows.data(), bytes.data() + next, size);
        next += size;
        return rows;
    }
};

struct Output {
    FILE* file;

    template <class T>
    void write(const T& row) {
        fwrite((const void*)&row, sizeof(T), 1, file);
    }
};

/// Applies a function from one record to another to all rows.
template <class In, class Out, class Function>
static void map(Input& input, Output& output, Function function) {
    for (In row; input.read(row);) {
        Out result = function(row);
        output.write(result);
    }
}

/// What Rust defines.
struct Semantics {
    f32 max, min, clamp, signum, round, trunc, floor, abs, copysign;
    i32 to_i32;
    u32 to_u32;
    i32 total_cmp;
    i32 rem_euclid;
    u32 is_finite;
};

static Semantics semantics(const Pair& x) {
    const f32 a = x[0], b = x[1];
    Semantics result;
    result.max = traccc::max(a, b);
    result.min = traccc::min(a, b);
    result.clamp = traccc::clamp(a, -2.5f, 7.0f);
    result.signum = traccc::signum(a);
    result.round = traccc::round(a);
    result.trunc = traccc::trunc(a);
    result.floor = traccc::floor(a);
    result.abs = traccc::abs(a);
    result.copysign = traccc::copysign(a, b);
    result.to_i32 = traccc::to_i32(a);
    result.to_u32 = traccc::to_u32(a);
    result.total_cmp = traccc::total_cmp(a, b);
    result.rem_euclid = traccc::rem_euclid(traccc::to_i32(a), 17);
    result.is_finite = traccc::is_finite(a);
    return result;
}

struct ChiSquare {
    f32 chi2;
    i32 ndf;
};

typedef Matrix<f64, 5, 5> Wide;

struct AlgebraIn {
    Wide a, b;
    Vector3 x, y;
};
struct AlgebraOut {
    Wide product, root, solution;
    f64 dot;
    u64 has_root;
    Vector3 cross, unit, lerp;
    f32 scalar;
};

static AlgebraOut algebra(const AlgebraIn& in) {
    AlgebraOut out;
    out.product = product(in.a, in.b);
    const Option<Wide> root = cholesky(in.a);
    out.has_root = root.is_some;
    out.root = root.is_some ? root.value : Wide::zeros();
    out.solution = solve_lower(in.a, in.b);
    Vector<f64, 5> first, second;
    for (u32 i = 0; i < 5; i++) first[i] = in.a(i, 0), second[i] = in.b(i, 0);
    out.dot = dot(first, second);
    out.cross = cross(in.x, in.y);
    out.unit = unit(in.x);
    out.lerp = lerp(in.x, in.y, 0.3f);
    out.scalar = dot(in.x, in.y);
    return out;
}

template <class T>
struct Carried {
    Symmetric5<T> covariance;
    Matrix<T, 5, 5> jacobian;
};

template <class T>
static Symmetric5<T> transported(const Carried<T>& in) {
    return in.covariance.transported(in.jacobian);
}

/// The detector and the field at the beginning of the input.
struct World {
    std::vector<Surface> surfaces;
    std::vector<Mask> further_masks;
    std::vector<Volume> volumes;
    std::vector<SurfaceIndex> searched;
    std::vector<Grid> grids;
    std::vector<u32> bin_offsets;
    std::vector<SurfaceIndex> bin_entries;
    std::vector<Slab> slabs;
    std::vector<MaterialMap> maps;
    std::vector<Slab> map_slabs;
    std::vector<FieldNode> nodes;
    Detector detector;
    MagneticField field;

    explicit World(Input& input)
        : surfaces(input.table<Surface>()),
          further_masks(input.table<Mask>()),
          volumes(input.table<Volume>()),
          searched(input.table<SurfaceIndex>()),
          grids(input.table<Grid>()),
          bin_offsets(input.table<u32>()),
          bin_entries(input.table<SurfaceIndex>()),
          slabs(input.table<Slab>()),
          maps(input.table<MaterialMap>()),
          map_slabs(input.table<Slab>()),
          nodes(input.table<FieldNode>()) {
        detector = Detector{surfaces.data(), further_masks.data(), volumes.data(),       searched.data(),
                            grids.data(),    bin_offsets.data(),   bin_entries.data(),   slabs.data(),
                            maps.data(),     map_slabs.data(),     (u32)surfaces.size(), 0};
        input.read(field.is_map);
        input.read(field.constant);
        input.read(field.grid);
        field.values = nodes.data();
    }
};

struct Start {
    f32 vector[5];
    SurfaceIndex surface;
    SurfaceIndex expected;
};
/// `PropagationResult` of core.
enum : u32 { SENSOR, LEFT_DETECTOR, ABORTED };
struct End {
    u32 kind;
    SurfaceIndex surface;
    f32 vector[5];
    Matrix5 jacobian;
    Symmetric5<f32> noise;
    f32 path;
};

static void propagate(Input& input, Output& output) {
    const World world(input);
    PropagationCuts cuts;
    Particle particle;
    Limits limits;
    if (!(input.read(cuts) && input.read(particle) && input.read(limits))) exit(6);
    // A block, as the kernels have it; threads without a start of their own help.
    struct Starts {
        std::vector<Start> starts;
        std::vector<End> ends;
        std::vector<u32> rows;
        u32 next;
        Scene scene;
        Particle particle;
        Limits limits;

        void turn(propagation::Propagation& propagation) {
            u32& row = rows[threadIdx.x];
            if (propagation.task != propagation::Task::IDLE) ends[row] = end(propagation);
            row = next++;
            if (row >= starts.size())
                propagation.task = propagation::Task::FINISHED;
            else
                propagation.start(starts[row].vector, starts[row].surface, starts[row].expected);
        }

        static End end(propagation::Propagation& propagation) {
            using propagation::Task;
            End end;
            memset((void*)&end, 0, sizeof(end));
            PropagatedState state;
            end.kind = propagation.task == Task::LEFT_DETECTOR                            ? LEFT_DETECTOR
                       : propagation.task == Task::SENSOR && propagation.arrive(state) ? SENSOR
                                                                                         : ABORTED;
            if (end.kind != SENSOR) return end;
            end.surface = state.surface;
            memcpy(end.vector, state.vector, sizeof(end.vector));
            end.jacobian = propagation.work.jacobian;
            end.noise = propagation.work.noise;
            end.path = state.path;
            return end;
        }
    };
    Starts starts{{}, {}, std::vector<u32>(propagation::TEAM), 0, Scene{&world.detector, &world.field, &cuts}, particle, limits};
    for (Start start; input.read(start);) starts.starts.push_back(start);
    starts.ends.resize(starts.starts.size());
    traccc_host::run(
        1, 1, propagation::TEAM,
        [](void* argument) {
            static propagation::NavigationMemory memory;
            Starts& starts = *(Starts*)argument;
            Workspace work;
            propagation::Propagation propagation{starts.scene, starts.particle, starts.limits, work};
            propagate_all(propagation, (u32)starts.starts.size(), memory, starts);
        },
        &starts);
    for (const End& end : starts.ends) output.write(end);
}

struct OnSurface {
    u32 surface;
    Pair local;
    Vector3 global;
    f32 tolerance;
};
struct Geometry {
    Vector3 to_global, normal;
    LocalFrame frame;
    Pair to_local;
    u32 contains;
    u32 has_slab;
    f32 thickness;
    Vector3 field;
};

static void geometry(Input& input, Output& output) {
    const World world(input);
    map<OnSurface, Geometry>(input, output, [&](const OnSurface& in) {
        const Surface& surface = world.detector.surfaces[in.surface];
        Geometry out;
        out.to_global = surface.to_global(in.local);
        out.normal = surface.normal(in.local);
        out.frame = surface.frame(in.local);
        out.to_local = surface.to_local(in.global);
        out.contains = surface.mask.contains(surface.shape, in.global, in.tolerance);
        const Slab* slab = world.detector.slab_at(surface, in.local);
        out.has_slab = slab != nullptr;
        out.thickness = slab ? slab->thickness : 0.0f;
        out.field = world.field.at(in.global);
        return out;
    });
}

int main(int count, char** arguments) {
    if (count != 4) return 2;
    Input input;
    FILE* file = fopen(arguments[2], "rb");
    if (!file) return 3;
    fseek(file, 0, SEEK_END);
    input.bytes.resize((size_t)ftell(file));
    rewind(file);
    if (fread(input.bytes.data(), 1, input.bytes.size(), file) != input.bytes.size()) return 3;
    fclose(file);
    Output output{fopen(arguments[3], "wb")};
    if (!output.file) return 4;
    const auto is = [&](const char* name) { return strcmp(arguments[1], name) == 0; };
    if (is("sin_cos")) {
        map<f32, SinCos>(input, output, [](f32 x) { return traccc::sin_cos(x); });
    } else if (is("asin")) {
        map<f32, f32>(input, output, [](f32 x) { return traccc::asin(x); });
    } else if (is("ln")) {
        map<f32, f32>(input, output, [](f32 x) { return traccc::ln(x); });
    } else if (is("wrap_phi")) {
        map<f32, f32>(input, output, [](f32 x) { return wrap_phi(x); });
    } else if (is("atan2")) {
        map<Pair, f32>(input, output, [](const Pair& x) { return traccc::atan2(x[0], x[1]); });
    } else if (is("direction")) {
        map<Pair, Vector3>(input, output, [](const Pair& x) { return direction(x[0], x[1]); });
    } else if (is("semantics")) {
        map<Pair, Semantics>(input, output, semantics);
    } else if (is("probability")) {
        map<ChiSquare, f32>(input, output, [](const ChiSquare& x) { return probability(x.chi2, x.ndf); });
    } else if (is("algebra")) {
        map<AlgebraIn, AlgebraOut>(input, output, algebra);
    } else if (is("transported")) {
        map<Carried<f32>, Symmetric5<f32>>(input, output, transported<f32>);
    } else if (is("transported_wide")) {
        map<Carried<f64>, Symmetric5<f64>>(input, output, transported<f64>);
    } else if (is("geometry")) {
        geometry(input, output);
    } else if (is("propagate")) {
        propagate(input, output);
    } else {
        return 5;
    }
    return fclose(output.file) == 0 ? 0 : 4;
}
