// The commands: each parses its own arguments, composes engine, model and data, and returns the exit code.
#pragma once

#include <string>
#include <vector>

namespace llmft {

int cmd_train(const std::vector<std::string>& arguments);
int cmd_plan(const std::vector<std::string>& arguments);
int cmd_bench(const std::vector<std::string>& arguments);
int cmd_eval(const std::vector<std::string>& arguments);
int cmd_generate(const std::vector<std::string>& arguments);
int cmd_doctor(const std::vector<std::string>& arguments);
int cmd_merge(const std::vector<std::string>& arguments);
int cmd_quantize(const std::vector<std::string>& arguments);
int cmd_verify(const std::vector<std::string>& arguments);
int cmd_runs(const std::vector<std::string>& arguments);
int cmd_completion(const std::vector<std::string>& arguments);
int cmd_man(const std::vector<std::string>& arguments);
int cmd_inspect(const std::vector<std::string>& arguments);

}   // namespace llmft
