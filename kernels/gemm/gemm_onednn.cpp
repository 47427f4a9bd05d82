#include "kernels/gemm/gemm_onednn.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdlib>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace llmft::cpu {
namespace {

using Dnnl = dnnl::memory::data_type;

// Everything that a primitive is built for: a Gemm without its pointers.
struct Key {
    int64_t m, n, k, a_ld, b_ld, c_ld;
    Transpose a_op, b_op;
    DType operand, result;
    OutMode out_mode;
    bool operator==(const Key&) const = default;
};

struct KeyHash {
    size_t operator()(const Key& key) const {
        uint64_t h = 0;
        const auto mix = [&h](int64_t x) { h = (h ^ static_cast<uint64_t>(x)) * 0x9e3779b97f4a7c15u, h ^= h >> 29; };
        for (const int64_t x : {key.m, key.n, key.k, key.a_ld, key.b_ld, key.c_ld}) mix(x);
        mix(static_cast<int64_t>(key.a_op) | static_cast<int64_t>(key.b_op) << 8 |
            static_cast<int64_t>(key.operand) << 16 | static_cast<int64_t>(key.result) << 24 |
            static_cast<int64_t>(key.out_mode) << 32);
        return static_cast<size_t>(h);
    }
};

Dnnl dnnl_type(DType t) {
    switch (t) {
        case DType::kF32: return Dnnl::f32;
        case DType::kBf16: return Dnnl::bf16;
        default: throw InternalError(std::string("gemm: oneDNN is not asked for ") + name(t));
    }
}

// ---- the seam between oneDNN 2 and 3: whichever form the header has ----
template <class Matmul>
auto describe_matmul(const dnnl::engine& engine, const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                     const dnnl::memory::desc& c, const dnnl::primitive_attr& attr) {
    if constexpr (requires { typename Matmul::desc; }) {
        return typename Matmul::primitive_desc(typename Matmul::desc(a, b, c), attr, engine);
    } else {
        return typename Matmul::primitive_desc(engine, a, b, c, attr);
    }
}

// Never destroyed: threads of the pool may outlive statics and still hold primitives.
const dnnl::engine& cpu_engine() {
    static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
    return *engine;
}

dnnl::matmul::primitive_desc describe(const Key& key) {
    const auto strides = [](Transpose op, int64_t ld) {
        return op == Transpose::kNo ? dnnl::memory::dims{ld, 1} : dnnl::memory::dims{1, ld};
    };
    const dnnl::memory::desc a({key.m, key.k}, dnnl_type(key.operand), strides(key.a_op, key.a_ld));
    const dnnl::memory::desc b({key.k, key.n}, dnnl_type(key.operand), strides(key.b_op, key.b_ld));
    const dnnl::memory::desc c({key.m, key.n}, dnnl_type(key.result), strides(Transpose::kNo, key.c_ld));
    dnnl::post_ops after;
    if (key.out_mode == OutMode::kAccumulate) after.append_sum(1.0f);
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attr.set_fpmath_mode(dnnl::fpmath_mode::strict);
    attr.set_post_ops(after);
    return describe_matmul<dnnl::matmul>(cpu_engine(), a, b, c, attr);
}

// oneDNN 2 writes code into pages that it was not given (SIGSEGV) where there is no room for them.
void expect_room_for_code() {
    constexpr size_t kBytes = size_t{8} << 20;
    void* const room =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        throw OutOfMemory("host memory: no room for oneDNN's code; close other programs or use a smaller job");
    munmap(room, kBytes);
}

struct Primitive {
    explicit Primitive(const Key& key) : Primitive(describe(key)) {}
    explicit Primitive(const dnnl::matmul::primitive_desc& desc)
        : run(desc),
          a(desc.src_desc(), cpu_engine(), nullptr),
          b(desc.weights_desc(), cpu_engine(), nullptr),
          c(desc.dst_desc(), cpu_engine(), nullptr),
          scratch(desc.scratchpad_desc(), cpu_engine(), nullptr),
          scratch_bytes(desc.scratchpad_desc().get_size()) {}

    dnnl::matmul run;
    dnnl::memory a, b, c, scratch;
    size_t scratch_bytes;
};

// One per thread: primitives, and one scratchpad as large as the neediest of them.
class Cache {
public:
    // oneDNN splits a call over OpenMP's threads and its bits then change with their number, so the calling thread gets
    // one. The library brings the OpenMP runtime; looked up by name, so that no compiler needs its own OpenMP.
    Cache() : stream_(cpu_engine()) {
        if (void* found = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(found)(1);
    }

    void run(const Key& key, const Gemm& g) {
        auto found = primitives_.find(key);
        if (found == primitives_.end()) {
            if (primitives_.size() == kPrimitives) primitives_.clear();
            expect_room_for_code();
            found = primitives_.try_emplace(key, key).first;
        }
        Primitive& p = found->second;
        if (p.scratch_bytes > scratch_bytes_) grow(p.scratch_bytes);
        p.a.set_data_handle(g.a.data);
        p.b.set_data_handle(g.b.data);
        p.c.set_data_handle(g.c.data);
        p.scratch.set_data_handle(scratch_.get());
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p.a.get()},
                                        {DNNL_ARG_WEIGHTS, p.b.get()},
                                        {DNNL_ARG_DST, p.c.get()},
                                        {DNNL_ARG_SCRATCHPAD, p.scratch.get()}};
        // The C call: the C++ one builds a map on the heap every time.
        dnnl::error::wrap_c_api(dnnl_primitive_execute(p.run.get(), stream_.get(), 4, args), "matmul failed");
        stream_.wait();
    }

private:
    static constexpr size_t kPrimitives = 1024;   // bounds memory where every micro-batch has its own number of tokens

    void grow(size_t bytes) {
        constexpr size_t kPage = 4096;
        bytes = (bytes + kPage - 1) / kPage * kPage;
        scratch_.reset(std::aligned_alloc(kPage, bytes));
        scratch_bytes_ = scratch_ ? bytes : 0;
        if (!scratch_) throw OutOfMemory("gemm: oneDNN scratchpad of " + std::to_string(bytes) + " bytes");
    }

    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    dnnl::stream stream_;
    std::unordered_map<Key, Primitive, KeyHash> primitives_;
    std::unique_ptr<void, Free> scratch_;
    size_t scratch_bytes_ = 0;
};

std::string shape(const Key& key) {
    const auto side = [](Transpose op) { return op == Transpose::kYes ? "T" : "N"; };
    return std::string("gemm ") + side(key.a_op) + side(key.b_op) + " (M=" + std::to_string(key.m) +
           ", N=" + std::to_string(key.n) + ", K=" + std::to_string(key.k) + "), ld " + std::to_string(key.a_ld) + " " +
           std::to_string(key.b_ld) + " " + std::to_string(key.c_ld) + ", " + name(key.operand) + " to " +
           name(key.result);
}

}   // namespace

void gemm_onednn(const Gemm& g) {
    const Key key{.m = g.m,
                  .n = g.n,
                  .k = g.k,
                  .a_ld = g.a.ld,
                  .b_ld = g.b.ld,
                  .c_ld = g.c.ld,
                  .a_op = g.a_op,
                  .b_op = g.b_op,
                  .operand = g.a.dtype,
                  .result = g.c.dtype,
                  .out_mode = g.out_mode};
    try {
        thread_local Cache cache;
        cache.run(key, g);
    } catch (const dnnl::error& e) {
        if (e.status == dnnl_out_of_memory)
            throw OutOfMemory("host memory: oneDNN found none left; close other programs or use a smaller job");
        throw InternalError(shape(key) + ": oneDNN: " + e.what() + " (status " + std::to_string(e.status) + ")");
    }
}

bool gemm_onednn_has(DType t) {
    // Only a runtime that can be held to one thread gives the same bits for every number of threads.
    const unsigned runtime = dnnl_version()->cpu_runtime;
    if (runtime != DNNL_RUNTIME_OMP && runtime != DNNL_RUNTIME_SEQ) return false;
    if (t == DType::kF32) return true;
    // With less, bf16 products do not exist or are slower than f32 ones. The instruction sets are bit sets that include
    // their ancestors.
    constexpr unsigned kNeeded = dnnl_cpu_isa_avx512_core_bf16;
    return t == DType::kBf16 && (static_cast<unsigned>(dnnl_get_effective_cpu_isa()) & kNeeded) == kNeeded;
}

std::string gemm_library() {
    const dnnl_version_t* const version = dnnl_version();
    return "oneDNN " + std::to_string(version->major) + '.' + std::to_string(version->minor) + '.' +
           std::to_string(version->patch);
}

}   // namespace llmft::cpu
