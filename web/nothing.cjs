// Stands in a bundle for what is not wanted there.
