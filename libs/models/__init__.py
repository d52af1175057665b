"""Models of what members will do: fitted to their history, kept as plain numbers, pure and without I/O."""
