"""From a dataset to a trained network: architecture, minibatches, schedules, the loop, its checkpoints."""
