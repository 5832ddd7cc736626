"""What can be removed from a recommender, by which method, at what loss."""

__version__ = "0.1.0"
