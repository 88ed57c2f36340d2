"""Teaching the face model of a head: babble, self-model, rollout, and judging it after the actuator."""
