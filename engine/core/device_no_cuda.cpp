// Stand-in for device_cuda.cpp in a build without CUDA.
#include "engine/core/device.h"

namespace llmft {

std::unique_ptr<Device> make_cuda_device() {
    throw DeviceError(
        "--device cuda: this llmft was built without CUDA; configure with -DLLMFT_CUDA=ON, or use --device cpu");
}

}   // namespace llmft
