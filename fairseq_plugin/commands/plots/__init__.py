"""What plot_attention.py draws and prints."""
