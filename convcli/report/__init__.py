"""Facts as text for people and as JSON for programs, both from the same fact."""
