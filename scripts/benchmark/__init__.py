"""Speed of the plugin beside a textbook implementation and fairseq's own LSTM: ``python -m scripts.benchmark``."""
