"""Files to ``Archive`` and back: SavedModel, TF checkpoint, HDF5. Without jax and keras."""
