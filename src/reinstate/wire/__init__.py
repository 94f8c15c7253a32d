"""Bytes and values: the formats below everything else, without a notion of models."""
