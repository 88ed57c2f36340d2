"""Teaching the face model of a head: babble, self-model, training in rollout, evaluation after the
actuator."""
