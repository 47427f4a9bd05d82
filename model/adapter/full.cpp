#include "model/adapter/full.h"

#include "model/decoder.h"
#include "model/save.h"

namespace llmft {

LinearTraining Full::linear(std::string_view, int64_t, int64_t) const {
    return {.training = LinearGroup::Training::kFull, .rank = 0, .scaling = 0, .dropout = 0};
}

void Full::initialise(Decoder& model, Run&) {
    model_ = &model;
}   // the loader filled the masters

void Full::before_step(int64_t, Run& run) {
    model_->publish(run);
}

void Full::save(const Decoder& model, const SaveFolders& folders, Run& run) const {
    save_model(model, folders, run);
}

}   // namespace llmft
