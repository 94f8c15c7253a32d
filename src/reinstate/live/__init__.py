"""``Archive`` to live Keras objects and back; the only package that imports keras."""
