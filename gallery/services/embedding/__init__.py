"""How an image gets its vector: what waits, isolated batches, who died at what, and the change of the model."""
