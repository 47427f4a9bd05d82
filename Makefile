# Verbs. CMake does the work: every preset of CMakePresets.json builds in build/<preset>.
.DEFAULT_GOAL := all
.PHONY: all test test-all asan tsan clang clang-asan clang-tsan fuzz fuzz-programs coverage house readme readme-real format check-format lint oracle quickstart quickstart-base demo packages clean help

sources = find kernels engine model data tools tests -name '*.h' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu'
# Test cases in the suite "slow" run in test-all only.
quick = --test-suite-exclude=slow
run_tests = tools/dev/run_tests.sh

all: packages          ## builds ./llmft
	@cmake --preset release
	@cmake --build --preset release --target llmft
	@cmp -s build/release/llmft llmft || cp -f build/release/llmft llmft

test: all              ## builds, runs the quick tests, ends with "N passed, N failed, N skipped"
	@cmake --build --preset release
	@$(run_tests) build/release/llmft_test $(quick)

test-all: all          ## a minute of each fuzz target, the quick and the slow tests
	@$(MAKE) --no-print-directory fuzz
	@cmake --build --preset release
	@$(run_tests) build/release/llmft_test

asan tsan clang clang-asan clang-tsan: packages   ## the quick tests under ASan and UBSan, under TSan; by g++ or clang++
	@cmake --preset $@
	@cmake --build --preset $@
	@$(run_tests) build/$@/llmft_test $(quick) $(OPTIONS)

MINUTES ?= 1
TARGETS ?= $(notdir $(wildcard tests/fuzz/corpus/*))
fuzz: fuzz-programs    ## the fuzz targets under ASan and UBSan, MINUTES=1 each; TARGETS="jsonl config": these
	@tools/dev/fuzz.sh $$(($(MINUTES) * 60)) 0 $(TARGETS)

fuzz-programs: packages
	@tools/dev/bootstrap.sh third_party/apt-dev.txt
	@cmake --preset fuzz
	@cmake --build --preset fuzz

coverage: packages     ## which lines of engine/io and data the quick tests run, by file
	@cmake --preset coverage
	@cmake --build --preset coverage
	@python3 tools/dev/coverage.py build/coverage $(quick)

house:                 ## checks the direction of includes, foreign words, lengths, and the names in the documents
	@python3 tools/dev/check_house.py
	@python3 tools/dev/check_docs.py

readme: all            ## runs the commands of README.md in an empty folder
	@tools/dev/check_readme.sh

readme-real: all       ## and those with a real model, which it fetches: minutes
	@tools/dev/bootstrap.sh third_party/apt-demo.txt
	@tools/dev/check_readme.sh "sh real"

quickstart: all        ## a small base model learns to write notes as JSON, into quickstart/: a minute
	@examples/quickstart/run.sh

quickstart-base: all   ## trains the base model of the quickstart, into quickstart-base/: half an hour
	@examples/quickstart/train_base.sh

demo: all              ## fetches a real chat model, which learns to turn mails into JSON, into demo/: minutes
	@tools/dev/bootstrap.sh third_party/apt-demo.txt
	@examples/support-json/run.sh

format:                ## formats every source with clang-format 14
	@$(sources) | xargs clang-format-14 -i

check-format:          ## fails where format would change something
	@$(sources) | xargs clang-format-14 --dry-run -Werror

lint: packages         ## clang-tidy 14, warnings as errors
	@cmake --preset clang
	@run-clang-tidy-14 -quiet -p build/clang "$(CURDIR)/(kernels|engine|model|data|tools)/"

oracle: all            ## checks goldens and what llmft writes with transformers, PEFT and TensorBoard (several GB in build/oracle)
	@python3 -m venv build/oracle
	@build/oracle/bin/pip install --quiet -r tests/oracle/requirements.txt
	@build/oracle/bin/python tests/oracle/make_goldens.py --check
	@cmake --build --preset release --target llmft_dump_logits llmft_parity
	@build/oracle/bin/python tests/oracle/check_llmft.py ./llmft build/release/llmft_dump_logits --json build/oracle/back
	@python3 tests/oracle/parity.py build/release/llmft_parity --way-back build/oracle/back --check
	@build/oracle/bin/python tests/oracle/check_tensorboard.py ./llmft

packages:
	@tools/dev/bootstrap.sh third_party/apt.txt

clean:                 ## removes everything that was built
	@rm -rf build llmft

help:                  ## prints this
	@grep -hE '^[a-z][a-z -]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20
