#include <cstring>

#include "engine/core/device.h"

namespace llmft {
namespace {

// Addresses are fake but distinct, so that aliasing checks see what they would see elsewhere. Downloads give zeros.
class DryDevice final : public Device {
public:
    DeviceKind kind() const override { return DeviceKind::kDry; }
    DeviceProperties properties() const override { return {.name = "dry run", .memory_bytes = 0}; }
    Stream stream() override { return Stream(nullptr); }
    void* allocate(int64_t) override {
        return reinterpret_cast<void*>(uintptr_t{1} << 46);
    }   // NOLINT: never dereferenced
    void free(void*, int64_t) noexcept override {}
    void upload(const Tensor&, const void*, Stream) override {}
    void download(void* host, const Tensor& src, Stream) override {
        std::memset(host, 0, static_cast<size_t>(src.count() * size_bytes(src.dtype)));
    }
    void zero(const Tensor&, Stream) override {}
    void synchronize(Stream) override {}
};

}   // namespace

std::unique_ptr<Device> make_dry_device() {
    return std::make_unique<DryDevice>();
}

}   // namespace llmft
