"""Files that aren't read: which kinds there are, and how they are told."""
