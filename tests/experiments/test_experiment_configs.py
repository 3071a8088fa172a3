"""Every configuration file and every preset composes into settings that a command accepts."""

from __future__ import annotations

from importlib import resources

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from envs.reward import RewardWeights
from experiments.algorithms import BanditAlgorithm, algorithm_of
from experiments.compare import CompareSettings
from experiments.contestants import TRAINED, contestant
from experiments.settings import SettingsError, fill, problem_of
from experiments.simulate import SimulateSettings
from experiments.train import settings_of
from journeys.loading import load_journey, shipped
from policies.bandits.settings import BANDITS, BanditSettings
from policies.training.bandits import BanditTraining
from policies.training.ppo import PPOSettings
from policies.training.ppo_sb3 import SB3Settings

WITH = {"bandit": ("policy=linucb",), **dict.fromkeys(BANDITS, ("training=bandit",))}  # what an option goes with
GROUPS = ("journey", "population", "learner", "env", "policy", "training", "experiment")


def options(group: str) -> list[str]:
    folder = resources.files("conf").joinpath(group)
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def composed(command: str, *overrides: str) -> dict:
    with initialize_config_module("conf", version_base="1.3"):
        return OmegaConf.to_container(compose(command, [*overrides, "folder=x"]), resolve=True)


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g)])
def test_every_option_of_every_group_trains(group: str, option: str) -> None:
    config = composed("train", f"{group}={option}", *WITH.get(option, ()))
    assert problem_of(config).journey.steps
    if group == "policy" and option not in TRAINED:
        with pytest.raises(SettingsError, match="cannot be trained"):
            algorithm_of(config)
        return
    assert settings_of(config).evaluation.users > 0
    settings = algorithm_of(config).settings
    assert (settings.training if isinstance(settings, BanditAlgorithm) else settings).total_steps > 0


def test_a_bandit_and_another_algorithm_do_not_go_together() -> None:
    for overrides, mend in ((["policy=linucb"], "training=bandit"), (["training=bandit"], "training=default")):
        with pytest.raises(SettingsError, match=f"does not train policy.*Mend: .*{mend}"):
            algorithm_of(composed("train", *overrides))


@pytest.mark.parametrize("command", ["compare", "simulate"])
def test_the_other_commands_compose(command: str) -> None:
    kind = {"compare": CompareSettings, "simulate": SimulateSettings}[command]
    config = composed(command)
    problem_of(config)
    fill(kind, {name: config[name] for name in kind.__struct_fields__}, "")


@pytest.mark.parametrize("option", sorted({*options("policy")} - {*TRAINED}))
def test_every_other_policy_guides_a_simulation(option: str) -> None:
    config = composed("simulate", f"policy={option}")
    assert contestant(config["policy"]["name"], load_journey("tiny")).name == option


@pytest.mark.parametrize("name", shipped())
def test_a_journey_through_hydra_is_the_journey_of_the_file(name: str) -> None:
    assert problem_of(composed("train", f"journey={name}")).journey.hash() == load_journey(name).hash()


def test_default_files_say_what_the_code_says() -> None:
    config = composed("train")
    assert problem_of(config).weights == RewardWeights()
    assert algorithm_of(config).settings == PPOSettings()
    assert algorithm_of(composed("train", "training=sb3")).settings == SB3Settings()
    bandit = algorithm_of(composed("train", "training=bandit", "policy=linucb")).settings
    assert isinstance(bandit, BanditAlgorithm)
    assert bandit.training == BanditTraining()
    assert bandit.bandit == BanditSettings(scale=bandit.bandit.scale)


def test_the_policy_names_the_actor() -> None:
    settings = algorithm_of(composed("train", "policy=scorer")).settings
    assert isinstance(settings, PPOSettings)
    assert (settings.actor, algorithm_of(composed("train", "policy=scorer")).name) == ("steps", "scorer")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("training.algorithm=dqn",), "training.algorithm: 'dqn' is none"),
        (("training=sb3", "policy=scorer"), "cannot be trained by sb3"),
        (("+policy.total_steps=5",), "training.total_steps is set by the group policy"),
    ],
)
def test_what_cannot_be_trained_is_refused(overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        algorithm_of(composed("train", *overrides))


def test_a_preset_changes_what_it_says() -> None:
    config = composed("train", "experiment=first_look")
    assert config["journey"]["name"] == "tiny"
    assert config["training"]["total_steps"] < composed("train")["training"]["total_steps"]
    assert composed("train", "experiment=first_look", "journey=saas")["journey"]["name"] == "saas"
