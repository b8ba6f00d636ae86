"""The route ``copy``: random sequences and what a model has to make of them."""
