// report.html: what there is to know of a training run, on one page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "engine/core/arena.h"
#include "engine/train/trainer.h"
#include "tools/option.h"
#include "tools/report/samples.h"

namespace llmft {

struct RunReport {
    std::string name = {};                 // of the run
    std::string status = {};               // "done after step 150"
    std::vector<std::string> about = {};   // lines under the name: model and method, parameters, program and machine
    int64_t total_steps = 0;
    std::vector<StepRecord> records = {};   // every step's

    int64_t rows = 0, tokens = 0, loss_tokens = 0, evaluation_rows = 0;
    std::vector<int64_t> lengths = {};   // tokens of each row
    DataCounts counts = {};
    std::vector<std::string> data_notes = {};

    std::vector<Arena::Row> memory = {};   // by name, at the peak
    int64_t peak_bytes = 0;

    std::vector<Sample> samples = {};
    std::string sample_note = {};   // why there are none; empty where there are

    std::vector<Option> settings = {};
    std::vector<std::pair<std::string, std::string>> next = {};   // what a command is for, and the command
};

// Bounded in size whatever the run's length.
std::string run_page(const RunReport& report);

}   // namespace llmft
