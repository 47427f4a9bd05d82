#!/bin/bash
# run.sh [FOLDER]: a real chat model learns to turn support mails into JSON, into FOLDER (demo). Every command is printed
# before it runs. Fails where fewer than 85 % of the held-out mails come out right.
set -euo pipefail
cd "$(dirname "$0")/../.."
. examples/show.sh
out=${1:-demo}
fresh_folder "$out"

say "The model: SmolLM2-135M-Instruct, as a GGUF file of 98 MB."
run python3 examples/support-json/fetch_model.py | tee "$out/model.txt"
model=$(tail -n 1 "$out/model.txt")
start=$SECONDS

say "The rows: support mails, and the JSON that a help desk wants of each."
run python3 examples/support-json/generate.py "$out"
mail="Hello, this is about order 60417: the hair dryer you sent has a hole in it. I ask for a refund. Thanks, Edith Palmer"
question="What is the capital of France?"
ask() {
    run ./llmft generate --model "$model" "$@" --dtype bf16 --max-new-tokens 80 --chat
}

say "Before: an answer, and how many of 200 held-out mails it gets right."
ask --system "Turn the mail into JSON." --prompt "$mail"
ask --prompt "$question"
run ./llmft eval --model "$model" --dataset "$out/held-out.jsonl" --dtype bf16 --metric exact_match --max-new-tokens 80 |
    tee "$out/before.txt"

say "LoRA: an adapter that learns from 680 of the rows, each once."
run ./llmft train --model "$model" --dataset "$out/train.jsonl" --dtype bf16 --max-steps 85 --learning-rate 5e-4 \
    --save-strategy no --output-dir "$out/adapter"

say "After: the same mail, the same question, the same 200 mails."
ask --adapter "$out/adapter" --system "Turn the mail into JSON." --prompt "$mail"
ask --adapter "$out/adapter" --prompt "$question"
run ./llmft eval --model "$model" --adapter "$out/adapter" --dataset "$out/held-out.jsonl" --dtype bf16 --metric exact_match \
    --max-new-tokens 80 | tee "$out/after.txt"

before=$(exact_match "$out/before.txt") after=$(exact_match "$out/after.txt")
say "Exact match on held-out mails: $before before, $after after. It took $((SECONDS - start)) s."
cat <<END
  $out/adapter/report.html  the run: loss, speed, memory, answers before and after, every setting
  $out/adapter              the adapter, as PEFT writes them, with its metrics.jsonl and run.toml

A model of its own:
  ./llmft merge --model $model --adapter $out/adapter --output $out/merged
END
if awk -v after="$after" 'BEGIN { exit !(after + 0 < 0.85) }'; then
    echo "demo: exact match after training is $after, wanted at least 0.85" >&2
    exit 1
fi
