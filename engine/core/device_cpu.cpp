#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "engine/core/container.h"
#include "engine/core/device.h"

namespace llmft {
namespace {

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "cpu";
}

class CpuDevice final : public Device {
public:
    explicit CpuDevice(CpuOptions options) : options_(options) {}
    DeviceKind kind() const override { return DeviceKind::kCpu; }
    Stream stream() override { return Stream(nullptr); }
    GemmEngine gemm_engine() const override { return options_.gemm; }

    DeviceProperties properties() const override {
        const int64_t machine = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
        const int64_t bytes = std::min(machine, container_limits().memory_bytes);
        return {.name = processor_name(), .memory_bytes = bytes};
    }

    // Pages come zeroed and are taken from the machine when they are first touched.
    void* allocate(int64_t bytes) override {
        void* data =
            mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == MAP_FAILED)
            throw OutOfMemory(
                fmt::format("host memory: {} bytes: {}; lower --tokens-per-microbatch", bytes, std::strerror(errno)));
        madvise(data, static_cast<size_t>(bytes), MADV_HUGEPAGE);
        return data;
    }
    void free(void* data, int64_t bytes) noexcept override { munmap(data, static_cast<size_t>(bytes)); }

    void upload(const Tensor& dst, const void* host, Stream) override {
        const size_t row_bytes = static_cast<size_t>(dst.cols * size_bytes(dst.dtype));
        if (row_bytes == 0) return;   // an empty vector has no address to copy from
        for (int64_t r = 0; r < dst.rows; ++r)
            std::memcpy(dst.row_slice(r, 1).data, static_cast<const std::byte*>(host) + r * row_bytes, row_bytes);
    }
    void download(void* host, const Tensor& src, Stream) override {
        const size_t row_bytes = static_cast<size_t>(src.cols * size_bytes(src.dtype));
        if (row_bytes == 0) return;
        for (int64_t r = 0; r < src.rows; ++r)
            std::memcpy(static_cast<std::byte*>(host) + r * row_bytes, src.row_slice(r, 1).data, row_bytes);
    }
    void zero(const Tensor& dst, Stream) override {
        for (int64_t r = 0; r < dst.rows; ++r)
            std::memset(dst.row_slice(r, 1).data, 0, static_cast<size_t>(dst.cols * size_bytes(dst.dtype)));
    }
    void synchronize(Stream) override {}

private:
    CpuOptions options_;
};

}   // namespace

std::unique_ptr<Device> make_cpu_device(CpuOptions options) {
    return std::make_unique<CpuDevice>(options);
}

}   // namespace llmft
