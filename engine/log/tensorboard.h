// An event file as TensorBoard reads it: one scalar of each kind a step, under the names that Hugging Face's trainer
// gives them (train/loss, eval/loss, …). The format is that of TensorFlow's record files (tensorflow/core/lib/io/
// record_writer.h) holding messages of event.proto and summary.proto (tensorflow/core/framework, tensorboard/compat/
// proto), of which it uses Event.wall_time, step, file_version, summary, Summary.value and Value.tag, simple_value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/file.h"
#include "engine/train/trainer.h"

namespace llmft {

// CRC-32C (Castagnoli), as RFC 3720 has it.
uint32_t crc32c(std::string_view bytes);

// A record: length, its checksum, the bytes, their checksum.
std::string tensorboard_record(std::string_view bytes);
// Event messages, not yet records. Seconds since 1970.
std::string tensorboard_version(double seconds);
std::string tensorboard_event(const StepRecord& record, double seconds);

class EventWriter {
public:
    static constexpr const char* kName = "events.out.tfevents.0.llmft";

    // folder/kName, begun anew with the records of the steps before. Errors: UserError PATH, DiskFull.
    EventWriter(const Path& folder, const std::vector<StepRecord>& before);
    void write(const StepRecord& record);
    void sync();

private:
    void append(std::string_view event);

    Path path_;
    Descriptor file_;
};

}   // namespace llmft
