"""Posts callbacks as providers do: their formats, their authentication, their repeats."""
