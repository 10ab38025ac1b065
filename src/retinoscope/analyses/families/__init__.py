"""The families of analyses, one file each: the entries by which `analyses/registry.py` knows them."""
