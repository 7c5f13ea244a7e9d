"""What is shown to people who learn what a convolution is."""
