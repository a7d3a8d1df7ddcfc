"""The soak: mixed load and random kills for minutes, and an account of every job at the end."""
