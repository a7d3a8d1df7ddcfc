"""Pages of the documentation whose code is run."""
