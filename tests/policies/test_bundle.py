"""The bundle: what is written comes back, and whatever is wrong with one is refused with a reason."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from journeys.loading import load_journey, shipped
from policies import scope
from policies.bandits.settings import BANDITS
from policies.bandits.tensors import tensors_of
from policies.bundle import (
    CARD,
    JOURNEY,
    MANIFEST,
    SUCCESS_BIAS,
    WEIGHTS,
    Contents,
    bundle_of,
    files_of,
    load_bundle,
    save_bundle,
)
from policies.bundle_files import BundleError
from policies.families import FAMILIES
from policies.manifest import Manifest, canonical, sha256
from policies.network import NetworkPolicy, Weights
from policies.path import PATH_DIFFICULTIES, STEPS
from policies.persona_head import PersonaHead
from policies.step_scorer import StepScorer
from policies.success import SuccessHead
from tests.policies.bandit_learners import random_learner
from tests.policies.moments import moments_of, random_path, random_scorers

TINY = load_journey("tiny")
SIZE, ACTIONS, HIDDEN = 126, 23, 6
KINDS = ("newcomer", "expert", "anxious")


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    luck = np.random.default_rng(seed)
    shapes = [(SIZE, HIDDEN), HIDDEN, (HIDDEN, HIDDEN), HIDDEN, (HIDDEN, ACTIONS), ACTIONS]
    return {n: luck.normal(size=s).astype(np.float32) for n, s in zip(Weights._fields, shapes, strict=True)}


def path_tensors() -> dict[str, np.ndarray]:
    return {STEPS: random_path(TINY).steps, PATH_DIFFICULTIES: random_path(TINY).difficulties}


def scorer_tensors() -> dict[str, np.ndarray]:
    parts = zip(("select", "assist"), random_scorers(), strict=True)
    return {f"{part}.{name}": array for part, weights in parts for name, array in weights._asdict().items()}


def contents(**changes) -> Contents:
    head, usual = SuccessHead(np.linspace(-1, 1, SIZE), 0.25), np.full(SIZE, 0.5, np.float32)
    whole = Contents("guide", "7", TINY, "network", tensors(), 0.7, head, usual, {"seed": 3}, {"return": {"mean": 2.5}})
    return whole._replace(persona=persona_head(), **changes)


def persona_head() -> PersonaHead:
    return PersonaHead(KINDS, np.random.default_rng(5).normal(size=(SIZE, len(KINDS))), np.array([0.1, 0.2, -0.3]))


def resealed(files: dict[str, bytes], **changes) -> dict[str, bytes]:
    """The same files under a manifest that was changed by somebody who knows how to seal it."""
    manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    hashes = {name: sha256(content) for name, content in files.items() if name != MANIFEST}
    manifest = msgspec.structs.replace(manifest, **{"files": hashes, **changes}).with_digest()
    return {**files, MANIFEST: canonical(manifest)}


def with_tensors(change) -> dict[str, bytes]:
    files = files_of(contents())
    inside = load(files[WEIGHTS])
    change(inside)
    return resealed({**files, WEIGHTS: save(inside)})


def refusal(files: dict[str, bytes]) -> str:
    with pytest.raises(BundleError) as caught:
        bundle_of(files, "B")
    assert str(caught.value).startswith("B")
    assert "Mend: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_what_is_written_comes_back(tmp_path, name):
    bundle = load_bundle(save_bundle(tmp_path / "deep" / name, contents()))
    assert bundle.journey == TINY
    assert (bundle.manifest.name, bundle.manifest.version, bundle.manifest.temperature) == ("guide", "7", 0.7)
    assert (bundle.manifest.provenance, bundle.manifest.metrics) == ({"seed": 3}, {"return": {"mean": 2.5}})
    observations = np.random.default_rng(1).random((9, SIZE)).astype(np.float32)
    masks = np.random.default_rng(2).random((9, ACTIONS)) < 0.5
    masks[:, 0] = True
    original = NetworkPolicy("", Weights(**tensors()), 0.7)
    assert np.array_equal(bundle.policy.probabilities(observations, masks), original.probabilities(observations, masks))
    assert np.array_equal(bundle.success.predict(observations), contents().success.predict(observations))
    assert bundle.persona.names == bundle.manifest.personas == KINDS
    assert np.array_equal(bundle.persona.predict(observations), persona_head().predict(observations))
    assert np.array_equal(bundle.usual, contents().usual)
    assert not [entry for entry in (tmp_path / "deep").iterdir() if entry.name != name]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_makes_a_bundle(tmp_path, family):
    own = {"network": tensors(), "scorer": scorer_tensors(), "path": path_tensors()}.get(family, {})
    if family in BANDITS:
        own = tensors_of(random_learner(family, TINY))
    bundle = load_bundle(save_bundle(tmp_path / "b", Contents("x", "1", TINY, family, own)))
    assert bundle.policy.name == family
    assert (bundle.success, bundle.persona, bundle.manifest.personas) == (None, None, ())
    assert not bundle.usual.any()


def test_the_same_contents_give_the_same_bytes(tmp_path):
    one, two = (save_bundle(tmp_path / f"{i}.zip", contents()).read_bytes() for i in range(2))
    assert one == two


def test_the_card_says_what_it_is(tmp_path):
    card = (save_bundle(tmp_path / "b", contents()) / CARD).read_text()
    for text in ("guide, version 7", "`tiny`", "`network`", "return.mean | 2.5", "seed | 3"):
        assert text in card


WORTH = {"users": 80, "moments": 900, "accuracy": 0.625, "base_accuracy": 0.5, "log_loss": 0.75, "base_log_loss": 1.0}


def test_the_card_says_what_predictions_are_worth():
    metrics = {"levels": [], "predictions": {"success": WORTH, "persona": WORTH | {"accuracy": 0.7}}}
    card = files_of(contents(metrics=metrics))[CARD].decode()
    assert "| success | 0.625 | 0.5 | 0.75 | 1 | 80 | 900 |" in card
    assert "| persona | 0.7 | 0.5 | 0.75 | 1 | 80 | 900 |" in card
    assert "the *simulated* kind (newcomer, expert, anxious)" in card
    card = files_of(contents(metrics=metrics)._replace(persona=None))[CARD].decode()
    assert "| persona |" not in card
    assert "simulated* kind" not in card


@pytest.mark.parametrize("metrics", [{}, {"predictions": {"persona": dict.fromkeys(WORTH) | {"moments": 0}}}])
def test_the_card_claims_nothing_that_was_not_measured(metrics):
    assert "predictions are worth" not in files_of(contents(metrics=metrics))[CARD].decode()


def test_an_existing_target_is_refused_unless_it_is_the_same(tmp_path):
    for name in ("b", "b.zip"):
        path = save_bundle(tmp_path / name, contents())
        before = load_bundle(path).manifest
        assert save_bundle(path, contents()) == path
        with pytest.raises(BundleError, match="exists already"):
            save_bundle(path, contents(version="8"))
        assert load_bundle(path).manifest == before


def test_contents_that_make_no_sound_bundle_are_never_written(tmp_path):
    with pytest.raises(BundleError, match="'w1'"):
        save_bundle(tmp_path / "b", contents(tensors=tensors() | {"w1": np.zeros((3, 3), np.float32)}))
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(BundleError, match="no space left"):
        save_bundle(tmp_path / "b", contents())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [JOURNEY, WEIGHTS, CARD, MANIFEST])
def test_a_missing_file_is_refused(name):
    files = files_of(contents())
    del files[name]
    assert f"{name}" in refusal(files)
    assert "missing" in refusal(files)


def test_a_file_too_many_is_refused():
    assert "'notes.txt' is not in manifest.json" in refusal({**files_of(contents()), "notes.txt": b""})


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([JOURNEY, WEIGHTS, CARD, MANIFEST]), st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_is_noticed(name, place, change):
    files = files_of(contents())
    content = bytearray(files[name])
    content[place % len(content)] ^= change
    try:
        changed = bundle_of({**files, name: bytes(content)}, "B").manifest
    except BundleError:
        return
    assert name == MANIFEST  # white space of the manifest carries no meaning: the same manifest, or none
    assert changed == bundle_of(files, "B").manifest


def test_a_newer_format_is_refused_before_anything_else_is_read():
    newer = canonical({"format": 2, "and": "whatever comes"})
    assert "format 2, this installation reads up to 1" in refusal({**files_of(contents()), MANIFEST: newer})


def test_an_older_format_that_never_existed_is_refused():
    assert "format 0" in refusal(resealed(files_of(contents()), format=0))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"format":1}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(text):
    assert MANIFEST in refusal({**files_of(contents()), MANIFEST: text})


def test_another_journey_is_refused():
    other = msgspec.structs.replace(TINY, title="Another")
    files = files_of(contents()) | {JOURNEY: msgspec.json.encode(other, order="deterministic")}
    assert "not the journey" in refusal(resealed(files))


def test_a_journey_that_is_not_valid_is_refused():
    cyclic = msgspec.to_builtins(TINY)
    cyclic["steps"][0]["after"] = [TINY.steps[0].name]
    assert "waits for itself" in refusal(resealed({**files_of(contents()), JOURNEY: canonical(cyclic)}))


def test_another_observation_schema_is_refused(monkeypatch):
    files = files_of(contents())
    monkeypatch.setattr(scope, "schema_hash", lambda *_: "0" * 64)
    assert "another observation schema" in refusal(files)


def test_another_action_codec_is_refused():
    manifest = msgspec.json.decode(files_of(contents())[MANIFEST], type=Manifest)
    assert "action codec" in refusal(resealed(files_of(contents()), actions=manifest.actions[::-1]))


def test_an_unknown_family_is_refused():
    assert "family 'oracle' is unknown" in refusal(resealed(files_of(contents()), family="oracle"))


def test_a_temperature_of_nothing_is_refused():
    assert "temperature" in refusal(resealed(files_of(contents()), temperature=0.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("w1", np.zeros((SIZE + 1, HIDDEN), np.float32)),
        ("b1", np.zeros((HIDDEN, 1), np.float32)),
        ("b1", np.zeros((), np.float32)),
        ("w2", np.zeros((HIDDEN, HIDDEN), np.float64)),
        ("w3", np.full((HIDDEN, ACTIONS), np.nan, np.float32)),
        ("b3", np.full(ACTIONS, np.inf, np.float32)),
        ("success.weight", np.zeros(SIZE - 1)),
        ("success.weight", np.full(SIZE, np.nan)),
        ("success.bias", np.zeros(2)),
        ("persona.weight", np.zeros((SIZE, 2))),
        ("persona.weight", np.zeros((SIZE - 1, 3))),
        ("persona.weight", np.zeros((SIZE, 3), np.float32)),
        ("persona.weight", np.full((SIZE, 3), np.inf)),
        ("persona.bias", np.zeros((3, 1))),
        ("persona.bias", np.full(3, np.nan)),
        ("usual", np.zeros(SIZE)),
        ("extra", np.zeros(1)),
    ],
)
def test_a_wrong_tensor_is_refused_by_name(name, value):
    assert f"tensor {name!r}" in refusal(with_tensors(lambda inside: inside.update({name: value})))


@pytest.mark.parametrize("name", ["w2", SUCCESS_BIAS, "persona.weight", "persona.bias"])
def test_a_missing_tensor_is_refused(name):
    assert "tensor" in refusal(with_tensors(lambda inside: inside.pop(name)))


@pytest.mark.parametrize(
    ("personas", "says"),
    [
        ((), "manifest.json, field 'personas' names none, and tensor 'persona.weight'"),
        (KINDS[:2], "tensor 'persona.weight' is float64 (126, 3), expected float64 (126, 2)"),
        (("expert", "newcomer", "expert"), "manifest.json, field 'personas': a persona head has one name or more"),
        (("expert", "newcomer", ""), "manifest.json: Expected `str` of length >= 1"),
    ],
)
def test_names_that_do_not_fit_the_persona_head_are_refused(personas, says):
    assert says in refusal(resealed(files_of(contents()), personas=personas))


def test_names_and_a_persona_head_come_together():
    without = resealed(files_of(contents()._replace(persona=None)), personas=KINDS)
    assert "tensor 'persona.weight' is missing, and manifest.json, field 'personas', names 3" in refusal(without)


def test_a_bundle_without_a_persona_head_has_the_manifest_that_it_always_had():
    """So bundles written before there was such a head are read, and their digests still hold."""
    files = files_of(contents()._replace(persona=None))
    manifest = msgspec.json.decode(files[MANIFEST])
    assert sorted(manifest) == [
        "actions", "digest", "family", "files", "format", "journey", "metrics", "name", "observation", "onnx",
        "provenance", "temperature", "version",
    ]  # fmt: skip
    assert bundle_of(files, "B").persona is None


def test_weights_that_are_no_tensors_are_refused():
    assert WEIGHTS in refusal(resealed({**files_of(contents()), WEIGHTS: b"cos\nsystem\n(S'true'\ntR."}))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..\\evil", ".."])
def test_a_zip_that_leads_out_is_refused_and_nothing_is_unpacked(tmp_path, name):
    path = save_bundle(tmp_path / "in" / "b.zip", contents())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"out")
    with pytest.raises(BundleError, match="flat"):
        load_bundle(path)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["in", "b.zip"]


def test_a_huge_zip_is_refused_without_unpacking_it(tmp_path, monkeypatch):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(MANIFEST, "w") as member:
        for _ in range(257):
            member.write(bytes(2**20))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(BundleError, match="at most"):
        load_bundle(path)


def test_a_zip_that_is_none_and_a_path_that_is_nothing_are_refused(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "nest" / "inner").mkdir(parents=True)
    for name, reason in (("b.zip", "not a readable zip"), ("nowhere", "no such bundle"), ("nest", "plain file")):
        with pytest.raises(BundleError, match=reason):
            load_bundle(tmp_path / name)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_zip_is_refused_or_harmless(tmp_path_factory, place, change):
    path = save_bundle(tmp_path_factory.mktemp("zip") / "b.zip", contents())
    whole = load_bundle(path).manifest
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(bytes(content))
    try:
        assert load_bundle(path).manifest == whole  # times and the like carry no meaning
    except BundleError as error:
        assert "Mend: " in str(error)  # noqa: PT017 - either outcome is right


ANYWHERE = Contents("guide", "1", None, "scorer", scorer_tensors(), 0.5)


@pytest.mark.parametrize("name", shipped())
def test_a_bundle_of_any_journey_serves_each_at_once(tmp_path, name):
    path, journey, moments = save_bundle(tmp_path / "b", ANYWHERE), load_journey(name), moments_of(name)
    bundle = load_bundle(path, journey)
    own = StepScorer("", *random_scorers(), journey, 0.5)
    seen = moments.observations, moments.masks
    assert np.array_equal(bundle.policy.probabilities(*seen), own.probabilities(*seen))
    assert (bundle.journey, bundle.success, bundle.manifest.journey) == (journey, None, None)
    assert bundle.usual.shape == moments.observations.shape[1:]
    assert not (path / JOURNEY).exists()


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"network", "scorer", "path", *BANDITS}))
def test_baselines_can_be_bundled_for_any_journey(tmp_path, family):
    path = save_bundle(tmp_path / "b", Contents("x", "1", None, family))
    assert load_bundle(path, TINY).policy.name == family


@pytest.mark.parametrize("family", ["network", "path"])
def test_what_knows_one_journey_serves_no_other_by_leaving_its_name_out(tmp_path, family):
    own = {"network": tensors(), "path": path_tensors()}[family]
    with pytest.raises(BundleError, match=f"family '{family}' serves one journey, and manifest.json names none"):
        save_bundle(tmp_path / "b", Contents("x", "1", None, family, own))


def test_a_path_that_cannot_be_walked_is_no_bundle(tmp_path):
    turned = {name: tensor[::-1].copy() for name, tensor in path_tensors().items()}
    with pytest.raises(BundleError, match=r"tensor 'path.steps': step 'find-it' stands before '.*', which it waits"):
        save_bundle(tmp_path / "b", Contents("x", "1", TINY, "path", turned))


def test_a_bundle_of_any_journey_has_to_be_told_which():
    assert "--journey my.yaml" in refusal(files_of(ANYWHERE))


def test_a_bundle_of_one_journey_serves_no_other(tmp_path):
    path = save_bundle(tmp_path / "b", contents())
    assert load_bundle(path, TINY).journey == TINY
    with pytest.raises(BundleError, match=r"made for journey 'tiny' version 1 .* not for 'saas'"):
        load_bundle(path, load_journey("saas"))


def test_a_dense_network_is_never_of_any_journey(tmp_path):
    """Its inputs are those of one journey; on the next it would read beyond the observation, or amiss."""
    bundle = files_of(Contents("x", "1", None, "network", tensors()))
    assert "serves one journey" in refusal(bundle)
    with pytest.raises(BundleError, match="serves one journey"):
        bundle_of(bundle, "B", TINY)


def test_what_is_of_one_journey_is_refused_in_a_bundle_of_any():
    with pytest.raises(BundleError, match=r"'usual' does not belong to .* of any journey"):
        bundle_of(files_of(ANYWHERE._replace(usual=np.zeros(SIZE, np.float32))), "B", TINY)
    with pytest.raises(BundleError, match=r"'persona\.bias' does not belong to .* of any journey"):
        bundle_of(files_of(ANYWHERE._replace(persona=persona_head())), "B", TINY)


def test_other_features_of_a_step_are_refused(monkeypatch):
    files = files_of(ANYWHERE)
    monkeypatch.setattr(scope, "feature_hash", lambda: "0" * 64)
    with pytest.raises(BundleError, match="another observation schema"):
        bundle_of(files, "B", TINY)


def test_a_wrong_tensor_of_a_scorer_is_refused_by_name():
    wrong = {"assist.w3": np.zeros((24, 3), np.float32)}
    with pytest.raises(BundleError, match=r"tensor 'assist\.w3' is float32"):
        bundle_of(files_of(ANYWHERE._replace(tensors=scorer_tensors() | wrong)), "B", TINY)


def test_the_card_of_any_journey_says_so():
    card = files_of(ANYWHERE)[CARD].decode()
    for text in ("any valid journey", "`scorer`", "no journey in particular", "No `policy.onnx`"):
        assert text in card


def recipe() -> str:
    """The Python of docs/bundle.md that recomputes the digest."""
    text = (Path(__file__).parents[2] / "docs" / "bundle.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]


AWKWARD = {
    "1e-7": 1e-7,
    "big": 1e22,
    "text": 'a "quoted  \\" text\twith { spaces }',
    "ü": [0.1 + 0.2, 5e-324, 1.0, -0.0],
}


def test_the_documented_recipe_recomputes_the_digest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_bundle("guide", contents(metrics=AWKWARD, provenance={"of": "  two  spaces  "}))
    exec(recipe(), {})


def test_the_documented_recipe_notices_a_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = save_bundle("guide", contents(metrics={"x": 1e-7})) / MANIFEST
    manifest.write_text(manifest.read_text().replace("1e-7", "2e-7"))
    with pytest.raises(AssertionError):
        exec(recipe(), {})
