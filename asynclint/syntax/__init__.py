"""Source text → facts. With fix/, the only room that knows LibCST."""
