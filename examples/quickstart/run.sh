#!/bin/bash
# run.sh [FOLDER]: a small base model learns to write notes as JSON, from first to last, into FOLDER (quickstart). Every
# command is printed before it runs. Fails where fewer than 90 % of the held-out notes come out right.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/show.sh
out=${1:-quickstart}
base=examples/quickstart/base
fresh_folder "$out"
start=$SECONDS

say "The rows: notes, and the same as JSON. The names and the wording of the held-out ones are in no other row; the base has
read stories with such names, but no JSON."
run python3 examples/quickstart/make_rows.py "$out"
head -n 2 "$out/held-out.jsonl" | tee "$out/two.jsonl"

say "Before: what the base model answers, and how many of 200 held-out notes it gets right."
run ./llmft generate --model $base --prompt-file "$out/two.jsonl" --max-new-tokens 40
run ./llmft eval --model $base --dataset "$out/held-out.jsonl" --metric exact_match --max-new-tokens 80 | tee "$out/before.txt"

say "QLoRA: the base in four bits, and an adapter over it that sees each row twice. --portable: the same bits on any machine."
run ./llmft train --model $base --method qlora --dataset "$out/train.jsonl" --eval-dataset "$out/held-out.jsonl" \
    --learning-rate 2e-3 --num-train-epochs 2 --portable --output-dir "$out/adapter"

say "After: the same base with its adapter."
run ./llmft generate --model $base --quantization nf4 --adapter "$out/adapter" --prompt-file "$out/two.jsonl" --max-new-tokens 80
run ./llmft eval --model $base --quantization nf4 --adapter "$out/adapter" --dataset "$out/held-out.jsonl" --metric exact_match \
    --max-new-tokens 80 | tee "$out/after.txt"

say "One model of the two, proved against them by its logits."
run ./llmft merge --model $base --adapter "$out/adapter" --output "$out/merged"

before=$(exact_match "$out/before.txt") after=$(exact_match "$out/after.txt")
say "Exact match on held-out notes: $before before, $after after. It took $((SECONDS - start)) s."
sum=$(sha256sum "$out/adapter/adapter_model.safetensors" | cut -c 1-64)
grep -q "$sum" README.md && same="as README.md says" || same="other than README.md says"
cat <<END
  $out/adapter/report.html  the run: loss, speed, memory, answers before and after, every setting
  $out/adapter              the adapter, as PEFT writes them, with its metrics.jsonl and run.toml; its SHA-256 is
                                   $sum, $same
  $out/merged               a model folder that transformers, vLLM and llama.cpp's converter read
  $out/train.jsonl          the rows; yours look the same: {"prompt": "...", "completion": "..."}

With a model of your own, a Hugging Face folder or a .gguf file:
  ./llmft plan  --model MODEL --method qlora --dataset ROWS.jsonl
  ./llmft train --model MODEL --method qlora --dataset ROWS.jsonl --eval-split 0.1 --output-dir OUT
END
if awk -v after="$after" 'BEGIN { exit !(after + 0 < 0.9) }'; then
    echo "quickstart: exact match after training is $after, wanted at least 0.9" >&2
    exit 1
fi
