#include "engine/log/tensorboard.h"

#include <fcntl.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>

namespace llmft {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;   // of CRC-32C, its bits reversed

constexpr std::array<uint32_t, 256> make_crc_table() {
    std::array<uint32_t, 256> table = {};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
        table[byte] = crc;
    }
    return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

// As record_writer.h masks it, so that a checksum of bytes that hold checksums is a good one.
uint32_t masked(uint32_t crc) {
    return std::rotr(crc, 15) + 0xa282ead8u;
}

template <class T>
void put_little_endian(std::string& out, T value) {
    for (size_t byte = 0; byte < sizeof value; ++byte) out += static_cast<char>(value >> (8 * byte) & 0xff);
}

// Protocol buffers' wire format: a key of field number and kind, then the value.
enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
    out += static_cast<char>(value);
}

void put_key(std::string& out, uint32_t field, Wire wire) {
    put_varint(out, field << 3 | static_cast<uint32_t>(wire));
}

void put_bytes(std::string& out, uint32_t field, std::string_view bytes) {
    put_key(out, field, Wire::kBytes);
    put_varint(out, bytes.size());
    out += bytes;
}

// event.proto: wall_time = 1, step = 2, file_version = 3, summary = 5.
std::string event_at(double seconds) {
    std::string event;
    put_key(event, 1, Wire::kFixed64);
    put_little_endian(event, std::bit_cast<uint64_t>(seconds));
    return event;
}

// summary.proto: Summary.value = 1; Value.tag = 1, simple_value = 2.
void put_scalar(std::string& summary, std::string_view tag, double number) {
    std::string value;
    put_bytes(value, 1, tag);
    put_key(value, 2, Wire::kFixed32);
    put_little_endian(value, std::bit_cast<uint32_t>(static_cast<float>(number)));
    put_bytes(summary, 1, value);
}

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}   // namespace

uint32_t crc32c(std::string_view bytes) {
    uint32_t crc = ~0u;
    for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
    return ~crc;
}

std::string tensorboard_record(std::string_view bytes) {
    std::string record;
    put_little_endian(record, uint64_t{bytes.size()});
    put_little_endian(record, masked(crc32c(record)));
    record += bytes;
    put_little_endian(record, masked(crc32c(bytes)));
    return record;
}

std::string tensorboard_version(double seconds) {
    std::string event = event_at(seconds);
    put_bytes(event, 3, "brain.Event:2");
    return event;
}

std::string tensorboard_event(const StepRecord& r, double seconds) {
    std::string event = event_at(seconds), summary;
    put_key(event, 2, Wire::kVarint);
    put_varint(event, static_cast<uint64_t>(r.step));
    put_scalar(summary, "train/loss", r.loss);
    put_scalar(summary, "train/grad_norm", r.grad_norm);
    put_scalar(summary, "train/learning_rate", r.learning_rate);
    put_scalar(summary, "train/epoch", r.epoch);
    put_scalar(summary, "train/mean_token_accuracy", r.mean_token_accuracy);
    put_scalar(summary, "train/tokens_per_second", r.tokens_per_second);
    if (r.eval_loss) put_scalar(summary, "eval/loss", *r.eval_loss);
    if (r.eval_mean_token_accuracy) put_scalar(summary, "eval/mean_token_accuracy", *r.eval_mean_token_accuracy);
    put_bytes(event, 5, summary);
    return event;
}

EventWriter::EventWriter(const Path& folder, const std::vector<StepRecord>& before) : path_(folder / kName) {
    do file_ = Descriptor(open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    while (!file_ && errno == EINTR);
    if (!file_) fail_writing(path_, "open", errno);
    double seconds = seconds_now();
    for (const StepRecord& r : before) seconds -= std::isfinite(r.step_ms) ? r.step_ms / 1000 : 0;
    append(tensorboard_version(seconds));
    for (const StepRecord& r : before) {
        seconds += std::isfinite(r.step_ms) ? r.step_ms / 1000 : 0;
        append(tensorboard_event(r, seconds));
    }
}

void EventWriter::write(const StepRecord& record) {
    append(tensorboard_event(record, seconds_now()));
}

void EventWriter::sync() {
    sync_file(file_.get(), path_);
}

void EventWriter::append(std::string_view event) {
    const std::string record = tensorboard_record(event);
    write_all(file_.get(), std::as_bytes(std::span(record)), path_);
}

}   // namespace llmft
