"""What can be learned of a model file without building the model."""
