#!/bin/sh
# The way back: adapters and models that llmft writes, loaded by PEFT and transformers, must give llmft's logits.
#   tests/oracle/check_llmft.sh LLMFT DUMP_LOGITS PYTHON
set -eu
llmft=$1
dump=$2
python=$3
here=$(cd "$(dirname "$0")" && pwd)
base=$here/../golden/tiny-gqa
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" - "$base/batch.json" "$work/rows.jsonl" <<'PYTHON'
import json, sys
rows = [{"input_ids": row["input_ids"]} for row in json.load(open(sys.argv[1])) if len(row["input_ids"]) > 1]
open(sys.argv[2], "w").write("".join(json.dumps(row) + "\n" for row in rows))
PYTHON

train() {   # OUTPUT OPTION...
    output=$1
    shift
    "$llmft" train --model "$base" --dataset "$work/rows.jsonl" --dataset-format tokens --max-steps 5 \
        --output-dir "$work/$output" "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

train lora --lora-r 5 --lora-alpha 7 --learning-rate 1e-2
train some --lora-r 3 --target-modules q_proj,v_proj,down_proj --learning-rate 1e-2
train full --method full --learning-rate 1e-3
for adapter in lora some; do
    "$dump" "$base" "$work/$adapter" "$base/batch.json" "$work/logits.safetensors"
    "$python" "$here/check_adapter.py" "$base" "$work/$adapter" "$base/batch.json" "$work/logits.safetensors"
done
"$dump" "$work/full" none "$base/batch.json" "$work/logits.safetensors"
"$python" "$here/check_adapter.py" "$work/full" none "$base/batch.json" "$work/logits.safetensors"
