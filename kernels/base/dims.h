// The dimension glossary. Shape comments everywhere use these letters and no others.
//
//   T   tokens of a micro-batch: one flat run, documents one after another, no padding
//   C   channels: the residual stream's width (hidden_size)
//   H   query heads          Hk  key/value heads (H is a multiple of Hk)
//   D   head width           F   MLP width (intermediate_size)
//   V   vocabulary rows      R   LoRA rank
//   P   spare columns beside an activation, the ranks of all adapters that share it
//   N,K output and input width of a linear, in Hugging Face's (out, in) = (N, K) order
//   L   layers               B   documents of a micro-batch
//   Q   loss rows: positions whose next token is learned
#pragma once
