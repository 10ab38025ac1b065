"""Attribution: which pixels move what an agent does, and whether that can be believed."""
