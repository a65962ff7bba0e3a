"""The peers, a file each with a function `measure(cell)`: as their users would run them, in float32, stopped by the clock."""
