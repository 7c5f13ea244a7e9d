"""BMP files."""
