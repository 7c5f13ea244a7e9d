"""The command line: one command a module, options shared, errors in one place."""
