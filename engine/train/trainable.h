// What the loop needs from whatever it trains. The trainer never names a model, a method or an objective.
#pragma once

#include "engine/optim/parameter.h"
#include "engine/train/batch.h"

namespace llmft {

// Raw sums over predicted tokens, never means: they add up over micro-batches, windows and ranks.
struct Sums {
    double loss = 0;      // nats
    double correct = 0;   // greedy matches
    int64_t tokens = 0;   // predicted tokens, the weight of the loss
    Sums& operator+=(const Sums& other) {
        loss += other.loss;
        correct += other.correct;
        tokens += other.tokens;
        return *this;
    }
};

// Told, while a backward runs, which part of the flat gradient has had its last addition of this micro-batch: where a
// reduce-scatter may start.
class GradSink {
public:
    virtual ~GradSink() = default;
    virtual void ready(Range range) = 0;
};

// One rank has nobody to send gradients to while the backward runs.
class NoSink final : public GradSink {
public:
    void ready(Range) override {}
};

class Trainable {
public:
    virtual ~Trainable() = default;
    // Adds the gradients of the *sum* of losses to the parameters' gradients, and losses to the running sums.
    virtual void forward_backward(const Batch&, GradSink&, Run&) = 0;
    // Forward only: losses to the running sums.
    virtual void evaluate(const Batch&, Run&) = 0;
    // Reads the running sums back (one synchronisation) and sets them to zero.
    virtual Sums take_sums(Run&) = 0;
    virtual const ParameterSet& parameters() const = 0;
};

}   // namespace llmft
