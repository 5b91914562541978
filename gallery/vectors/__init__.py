"""The `.npy` store, its short codes, and the engines that search them. Django is not imported."""
