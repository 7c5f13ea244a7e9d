"""Images: their pixels and metadata, the files they come from and go to, and linear light."""
