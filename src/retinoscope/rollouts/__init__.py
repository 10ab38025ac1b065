"""What the agent saw, did and computed: the environment, the recorder and the episode store."""
