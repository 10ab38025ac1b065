"""Sample Factory's learner with our optimiser and our auxiliary losses, and the network that it trains."""

from __future__ import annotations

from typing import Any

from sample_factory.algo.learning.learner import Learner
from sample_factory.cfg.arguments import cfg_dict
from sample_factory.model.actor_critic import ActorCriticSharedWeights

from retinoscope.agents.networks import scale_convolutions
from retinoscope.training.freed_memory import keep_freed_memory
from retinoscope.training.levers import Levers
from retinoscope.training.optimiser import PartedAdamW, parts_of


def levers_of(cfg: Any) -> Levers:
    """The levers in Sample Factory's configuration."""
    values = dict(cfg_dict(cfg))
    values["weight_decay_fall"] = values["weight_decay_fall"].split(",")  # text: Sample Factory knows no lists
    return Levers(**{name: values[name] for name in Levers.model_fields})


class LeveredActorCritic(ActorCriticSharedWeights):
    """Sample Factory's network, the initial weights of whose convolutions are scaled."""

    def __init__(self, model_factory: Any, obs_space: Any, action_space: Any, cfg: Any) -> None:
        super().__init__(model_factory, obs_space, action_space, cfg)
        scale_convolutions(self.encoder.network, cfg.initial_scale)


class LeveredLearner(Learner):
    """Sample Factory's learner, which knows Adam without weight decay only, and no loss but APPO's."""

    def load_from_checkpoint(self, policy_id: int, load_progress: bool = True) -> None:
        """Called when Sample Factory has made its optimiser and is about to load the state of the run's."""
        keep_freed_memory()
        network, cfg = self.actor_critic, self.cfg
        self.levers = levers_of(cfg)
        self.optimizer = PartedAdamW(
            parts_of(network.encoder, network.core, network),
            self.levers,
            cfg.learning_rate,
            (cfg.adam_beta1, cfg.adam_beta2),
            cfg.adam_eps,
        )
        super().load_from_checkpoint(policy_id, load_progress)

    def _apply_lr(self, lr: float) -> None:
        super()._apply_lr(lr)
        done = self.env_steps / self.cfg.train_for_env_steps
        self.optimizer.leave_decay(self.levers.share_of_weight_decay(done))

    def _calculate_losses(self, mb: Any, num_invalids: int) -> Any:
        found = super()._calculate_losses(mb, num_invalids)
        auxiliary = self.actor_critic.encoder.auxiliary_loss
        if auxiliary is None:
            return found
        distribution, policy_loss, exploration_loss, *others = found
        return (distribution, policy_loss, exploration_loss + auxiliary, *others)
