"""Stories end to end. A package, so that the platform they share ends with the last of them."""
