"""Running engines, and answering questions about what came out."""
