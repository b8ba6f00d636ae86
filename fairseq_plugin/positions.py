"""Length limits as fairseq counts them."""

# fairseq takes the minimum of the limits of task and models, as integers. A recurrent network has none.
UNLIMITED = 2**31 - 1
