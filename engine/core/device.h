// A place where tensors live and ops run. Chosen once, by name; step code never asks which one it has.
//   cpu   this machine's memory and cores
//   dry   owns no bytes and computes nothing: the same step run on it is the plan
//   cuda  a GPU (device_no_cuda.cpp refuses in a build without)
// All copies are ordered on the stream they are given; the CPU's stream runs at once.
#pragma once

#include <memory>

#include "engine/core/tensor.h"
#include "kernels/base/stream.h"
#include "kernels/gemm/gemm.h"

namespace llmft {

// A view of a stream; the device owns it.
class Stream {
public:
    explicit Stream(StreamHandle handle) : handle_(handle) {}
    StreamHandle handle() const { return handle_; }

private:
    StreamHandle handle_;
};

struct DeviceProperties {
    std::string name;           // of the processor
    int64_t memory_bytes = 0;   // what a plan may fill
};

class Device {
public:
    virtual ~Device() = default;
    virtual DeviceKind kind() const = 0;
    virtual DeviceProperties properties() const = 0;
    virtual Stream stream() = 0;   // the compute stream

    // Zeroed bytes aligned to kAlignment. Throws OutOfMemory. Only arenas call this.
    virtual void* allocate(int64_t bytes) = 0;
    virtual void free(void* data, int64_t bytes) noexcept = 0;

    // Host rows (dense, of `dst`'s dtype) → tensor, and back. download waits for the stream; upload may return before
    // the copy ends only if it has taken its own copy of `host`.
    virtual void upload(const Tensor& dst, const void* host, Stream) = 0;
    virtual void download(void* host, const Tensor& src, Stream) = 0;
    virtual void zero(const Tensor& dst, Stream) = 0;
    virtual void synchronize(Stream) = 0;

    // Which engine CPU products use; other devices ignore it.
    virtual GemmEngine gemm_engine() const { return GemmEngine::kPortable; }

    static constexpr int64_t kAlignment = 256;
};

struct CpuOptions {
    GemmEngine gemm;   // kPortable: the same bits on every machine
};
std::unique_ptr<Device> make_cpu_device(CpuOptions);
std::unique_ptr<Device> make_dry_device();
// Throws DeviceError with the build flag to set where CUDA is off.
std::unique_ptr<Device> make_cuda_device();

}   // namespace llmft
