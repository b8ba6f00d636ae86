"""Attention as pictures: ``draw`` functions make figures and write nothing, ``picture.save`` writes them."""
