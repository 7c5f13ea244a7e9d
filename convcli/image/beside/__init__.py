"""What a file holds beside its pixels that a few formats alone know, and what becomes of it."""
