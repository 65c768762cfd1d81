"""Facts → effects: modules, names, types, the call graph, and what blocks in it."""
