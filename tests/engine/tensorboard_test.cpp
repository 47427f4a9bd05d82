#include "engine/log/tensorboard.h"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/harness/temp_folder.h"

using namespace llmft;

namespace {

template <class T>
T little_endian(std::string_view bytes, size_t at) {
    T value = 0;
    for (size_t byte = 0; byte < sizeof value; ++byte)
        value |= static_cast<T>(static_cast<unsigned char>(bytes[at + byte])) << (8 * byte);
    return value;
}

// The payloads of an event file, whose checksums have to be right.
std::vector<std::string> payloads(const std::string& file) {
    std::vector<std::string> all;
    for (size_t at = 0; at < file.size();) {
        const auto length = little_endian<uint64_t>(file, at);
        const std::string payload = file.substr(at + 12, length);
        REQUIRE(payload.size() == length);
        REQUIRE(file.substr(at, 16 + length) == tensorboard_record(payload));
        all.push_back(payload);
        at += 16 + length;
    }
    return all;
}

StepRecord record_of(int64_t step) {
    StepRecord r;
    r.step = step;
    r.loss = 0.5 * static_cast<double>(step);
    r.step_ms = 250;
    return r;
}

}   // namespace

TEST_CASE("CRC-32C is that of RFC 3720's examples") {
    std::string rising, falling;
    for (int i = 0; i < 32; ++i) rising += static_cast<char>(i), falling += static_cast<char>(31 - i);
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc32c(rising) == 0x46dd794e);
    CHECK(crc32c(falling) == 0x113fdb5c);
    CHECK(crc32c("123456789") == 0xe3069283);   // the check value of the catalogue of CRCs
    CHECK(crc32c("") == 0);
}

TEST_CASE("a record is its length and its bytes, each followed by a masked checksum") {
    const std::string record = tensorboard_record("abc");
    REQUIRE(record.size() == 8 + 4 + 3 + 4);
    CHECK(little_endian<uint64_t>(record, 0) == 3);
    const uint32_t crc = crc32c("abc"), masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
    CHECK(little_endian<uint32_t>(record, 15) == masked);
}

TEST_CASE("a step's event has its time, step and named scalars in the wire format") {
    StepRecord r = record_of(300);   // takes two bytes as a varint
    r.eval_loss = 1.5;
    const std::string event = tensorboard_event(r, 2.0);
    CHECK(event.substr(0, 9) == std::string("\x09\0\0\0\0\0\0\0\x40", 9));   // field 1, the double 2
    CHECK(event.substr(9, 3) == "\x10\xac\x02");                             // field 2, 300
    // Value: tag (field 1), then simple_value (field 2), the float 150.
    CHECK(event.find(std::string("\x0a\x0atrain/loss\x15\0\0\x16\x43", 17)) != std::string::npos);
    CHECK(event.find(std::string("\x0a\x09"
                                 "eval/loss\x15\0\0\xc0\x3f",
                                 16)) != std::string::npos);
    CHECK(tensorboard_event(record_of(1), 0).find("eval/") == std::string::npos);
}

TEST_CASE("an event file begins with its version and holds the steps before and after its making, each once") {
    const test::TempFolder folder;
    for (int round = 0; round < 2; ++round) {   // the second run takes the place of the first
        EventWriter writer(folder.path(), {record_of(1), record_of(2)});
        writer.write(record_of(3));
        writer.sync();
        const std::vector<std::string> events = payloads(read_file(folder.path() / EventWriter::kName, 1 << 20));
        REQUIRE(events.size() == 4);
        CHECK(events[0].find("brain.Event:2") != std::string::npos);
        double before = 0;
        for (size_t i = 1; i < 4; ++i) {
            CHECK(events[i].substr(9, 2) == std::string{'\x10', static_cast<char>(i)});
            double seconds = 0;
            std::memcpy(&seconds, events[i].data() + 1, sizeof seconds);
            CHECK(seconds >= before);
            before = seconds;
        }
    }
}
