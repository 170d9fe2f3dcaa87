// The scheduler of cuda.hpp, and the entry by which tests launch a kernel.
#include "host/cuda.hpp"

asm(R"(
.text
.globl traccc_switch
.type traccc_switch, @function
traccc_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

namespace traccc_host {

thread_local Block block;
thread_local dim3 thread_index, block_index, block_size, grid_size;

[[noreturn]] static void trampoline() {
    block.body(block.argument);
    leave(Waits::Ended);
    abort();
}

static void prepare(unsigned i) {
    char* top = block.stacks + (i + 1) * STACK;
    void** frame = (void**)top - 8;
    memset(frame, 0, 8 * sizeof(void*));
    // Six registers, then where to go; the stack is aligned there as after a call.
    frame[6] = (void*)trampoline;
    block.fibers[i].stack_pointer = frame;
    block.fibers[i].waits = Waits::No;
}

static void enter(unsigned i) {
    block.current = i;
    thread_index = {i, 0, 0};
    traccc_switch(&block.scheduler, block.fibers[i].stack_pointer);
}

/// Lets all threads go that wait for the block, or those of one warp that wait for each other; whether there were any.
static bool release(unsigned threads) {
    bool all_at_block = true, any = false, released = false;
    for (unsigned i = 0; i < threads; i++) {
        const Waits waits = block.fibers[i].waits;
        if (waits == Waits::Ended) continue;
        any = true;
        all_at_block &= waits == Waits::Block;
    }
    if (any && all_at_block) {
        for (unsigned i = 0; i < threads; i++)
            if (block.fibers[i].waits == Waits::Block) block.fibers[i].waits = Waits::No;
        return true;
    }
    for (unsigned first = 0; first < threads; first += 32) {
        unsigned waiting = 0, ended = 0, mask = 0;
        for (unsigned lane = 0; lane < 32; lane++) {
            const bool exists = first + lane < threads;
            const Waits waits = exists ? block.fibers[first + lane].waits : Waits::Ended;
            if (waits == Waits::Warp) waiting |= 1u << lane, mask |= block.fibers[first + lane].warp_mask;
            if (waits == Waits::Ended) ended |= 1u << lane;
        }
        if (waiting && (mask & ~ended & ~waiting) == 0) {
            for (unsigned lane = 0; lane < 32; lane++)
                if (waiting >> lane & 1) block.fibers[first + lane].waits = Waits::No;
            released = true;
        }
    }
    return released;
}

static void run_block(unsigned threads) {
    // A thread that ends without waiting leaves its stack to be used again, warm, by none: each has its own.
    for (unsigned i = 0; i < threads; i++) prepare(i);
    for (;;) {
        bool ran = false, left = false;
        for (unsigned i = 0; i < threads; i++) {
            if (block.fibers[i].waits == Waits::No) {
                enter(i);
                ran = true;
            }
        }
        for (unsigned i = 0; i < threads; i++) left |= block.fibers[i].waits != Waits::Ended;
        if (!left) return;
        if (!release(threads) && !ran) {
            fprintf(stderr, "deadlock in block (%u, %u):", block_index.x, block_index.y);
            for (unsigned i = 0; i < threads; i++) fprintf(stderr, " %d", (int)block.fibers[i].waits);
            fprintf(stderr, "\n");
            abort();
        }
    }
}

void run(unsigned grid_x, unsigned grid_y, unsigned threads, void (*body)(void*), void* argument) {
    if (threads > block.capacity) {
        block.fibers = (Fiber*)realloc(block.fibers, threads * sizeof(Fiber));
        if (block.stacks) munmap(block.stacks, block.capacity * STACK);
        block.stacks = (char*)mmap(nullptr, threads * STACK, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        block.capacity = threads;
    }
    block.body = body;
    block.argument = argument;
    block_size = {threads, 1, 1};
    grid_size = {grid_x, grid_y, 1};
    for (unsigned y = 0; y < grid_y; y++)
        for (unsigned x = 0; x < grid_x; x++) {
            block_index = {x, y, 0};
            run_block(threads);
        }
}

}  // namespace traccc_host

namespace {
struct Call {
    void (*kernel)(const void*, const void*, unsigned);
    const void* tables;
    const void* batch;
    unsigned argument;
};
}  // namespace

extern "C" void traccc_host_launch(void (*kernel)(const void*, const void*, unsigned), unsigned grid_x, unsigned grid_y,
                                   unsigned threads, const void* tables, const void* batch, unsigned argument) {
    Call call{kernel, tables, batch, argument};
    traccc_host::run(
        grid_x, grid_y, threads,
        [](void* p) {
            const Call& c = *(const Call*)p;
            c.kernel(c.tables, c.batch, c.argument);
        },
        &call);
}
