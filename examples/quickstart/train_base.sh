#!/bin/bash
# train_base.sh [FOLDER]: trains a base model for the quickstart, into FOLDER/base (quickstart-base): text, tokenizer and
# random weights by make_base.py, every weight by llmft. Takes half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/show.sh
out=${1:-quickstart-base}
run python3 examples/quickstart/make_base.py "$out"
run ./llmft train --config examples/quickstart/base.toml --model "$out/untrained" --dataset "$out/text.jsonl" --output-dir "$out/base"
