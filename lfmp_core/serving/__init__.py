"""A served folder: a trained model with all that turns raw rows into scores."""
