#include "model/adapter/full.h"

#include "model/decoder.h"
#include "model/save.h"

namespace llmft {

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
