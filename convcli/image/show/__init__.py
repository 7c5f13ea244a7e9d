"""Images made to be looked at: previews, source and result side by side."""
