"""`./hub sdg pull|pulls|export|drafts`, scheduled pulls, and drafts that are in the way."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from regional_hub import settings as hub_settings
from regional_hub.operate import run as processes
from regional_hub.sdg import structure
from regional_hub.sdg.commands import sdg
from regional_hub.sdg.exchange import orders, schedule
from regional_hub.sdg.loading import Room
from tests.sdg.exchange.unsd import Unsd, observation
from tests.sdg.exchange.web import Said, web

NP = "CBS-SDGs:SDG"
FAST = {"interval": 0.0, "backoff": 0.01, "attempts": 2}


@pytest.fixture
def var(tmp_path, monkeypatch):
    """The data folder, and its settings.toml as a test writes it."""
    folder = tmp_path / "var"
    (folder / "sdg").mkdir(parents=True)
    monkeypatch.setenv("HUB_DATA", str(folder))
    return folder


@pytest.fixture
def hub(var, monkeypatch):
    """Runs `./hub sdg …`; gives the exit code and the facts."""
    patient = schedule.manners
    monkeypatch.setattr(schedule, "manners", lambda settings, hosts=(), **more: patient(settings, hosts, **FAST | more))

    def run(*arguments: object) -> tuple[int, dict]:
        done = CliRunner().invoke(sdg, [*map(str, arguments), "--json"], catch_exceptions=False)
        return done.exit_code, json.loads(done.stdout.splitlines()[-1])

    return run


def planned(var, **pulls) -> hub_settings.Settings:
    """Settings with these pulls."""
    lines = []
    for name, facts in pulls.items():
        lines += [f"[sdg.pulls.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in facts.items())]
    (var / "settings.toml").write_text("\n".join(lines))
    return hub_settings.load()


def test_a_pull_is_loaded_reviewed_and_published_by_a_second_person(hub, nepal_service):
    code, facts = hub("pull", f"{nepal_service}/v2", "--flow", NP, "--by", "ann", "--name", "np")
    assert (code, facts["outcome"], facts["differences"]["counts"]["added"]) == (0, "loaded", 701)

    code, refused = hub("publish", facts["draft"], "--by", "ann")
    assert code == 1
    assert "not validated" in refused["error"] or "second person" in refused["error"]

    listed = hub("pulls")[1]["pulls"]
    assert [(one["pull"], one["outcome"], one["draft"], one["scheduled"]) for one in listed] == [
        ("np", "loaded", facts["draft"], False)
    ]
    assert hub("pulls", "np")[1]["report"]["differences"] == facts["differences"]


def test_the_same_pull_without_a_name_is_the_same_pull(hub, nepal_service):
    first = hub("pull", f"{nepal_service}/v2", "--flow", NP)[1]
    second = hub("pull", f"{nepal_service}/v2", "--flow", NP)[1]

    assert (second["pull"], second["outcome"]) == (first["pull"], "unchanged")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (["nonsense"], "neither an address, nor unsd, nor a scheduled pull"),
        (["unsd", "--flow", "A:B"], "--flow, --key, --start, --end and --api are for SDMX services"),
        (["http://127.0.0.1:1/v2", "--flow", "A:B", "--series", "X"], "are for unsd"),
        (["http://127.0.0.1:1/v2"], "say with --flow"),
        (["http://127.0.0.1:1/v2/data/dataflow/A/B/1.0/*", "--key", "A"], "is a data URL already"),
        (["http://127.0.0.1:1/v2", "--flow", "nonsense"], "is no dataflow"),
        (["ftp://127.0.0.1/v2", "--flow", "A:B(1.0)"], "only http:// and https://"),
        (["unsd", "--name", "../x"], "cannot name a pull"),
        (["x", "--due"], "takes no source"),
    ],
)
def test_what_is_asked_wrongly_is_said(call, message, hub):
    code, facts = hub("pull", *call)

    assert code == 1
    assert message in facts["error"]


def test_others_learn_who_asks_and_whom_to_write_to(var):
    (var / "settings.toml").write_text('[site]\nname = "Hub of Bishkek\\n"\nsupport_email = "hub@example.org"\n')

    agent = schedule.manners(hub_settings.load()).agent

    assert agent == "RegionalHub/1 Hub of Bishkek (SDG exchange; hub@example.org)"


# -- scheduled ---------------------------------------------------------------------------------------------------------


def test_a_pull_runs_when_it_is_due_and_not_before(hub, var, nepal_service):
    settings = planned(var, np={"source": f"{nepal_service}/v2", "flow": NP, "every_hours": 6, "by": "nepal-robot"})
    now = datetime.now(UTC)
    assert schedule.due(settings, now) == ["np"]

    code, facts = hub("pull", "--due")
    assert (code, [one["outcome"] for one in facts["pulls"]]) == (0, ["loaded"])
    draft = Room(var / "sdg").store.draft(facts["pulls"][0]["draft"])
    assert draft.people == {"nepal-robot"}

    assert hub("pull", "--due")[1]["pulls"] == []
    assert schedule.due(settings, now + timedelta(hours=5)) == []
    assert schedule.due(settings, now + timedelta(hours=7)) == ["np"]
    (listed,) = hub("pulls")[1]["pulls"]
    assert listed["scheduled"]
    assert listed["next"] > listed["at"]


def test_a_pull_that_fails_is_reported_and_keeps_no_other_from_running(hub, var, nepal_service):
    with web(lambda _: Said(500, b"broken")) as there:
        planned(
            var,
            broken={"source": f"{there.address}/v2", "flow": "XX:DF"},
            np={"source": f"{nepal_service}/v2", "flow": NP},
        )
        code, facts = hub("pull", "--due")

    assert code == 1
    assert [(one["pull"], one["outcome"]) for one in facts["pulls"]] == [("broken", "failed"), ("np", "loaded")]
    listed = {one["pull"]: one for one in hub("pulls")[1]["pulls"]}
    assert "answers 500" in listed["broken"]["message"]
    assert listed["broken"]["next"] is not None


def test_a_fault_of_ours_does_not_end_the_round(var, nepal_service, monkeypatch):
    settings = planned(var, np={"source": f"{nepal_service}/v2", "flow": NP})

    def breaks(*_, **__):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(schedule.pulling.sources, "bring", breaks)
    (facts,) = schedule.run_due(settings)

    assert (facts["outcome"], facts["message"]) == ("failed", "RuntimeError: a mistake of ours")
    assert orders.pull(var / "sdg", "np").state.outcome == "failed"


def test_a_run_that_was_killed_goes_on_soon(var):
    settings = planned(var, np={"source": "unsd", "every_hours": 24})
    made = orders.pull(var / "sdg", "np")
    made.folder.mkdir(parents=True)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    made.save(orders.State(began="2026-01-01T00:00:00.000000Z", ended="2025-12-31T00:00:00.000000Z"))

    assert schedule.due(settings, began + timedelta(minutes=1)) == []
    assert schedule.due(settings, began + timedelta(minutes=6)) == ["np"]


def test_a_scheduled_pull_of_unsd_with_its_choices(hub, var, published):
    Room(var / "sdg").registry.add(structure.read(published / "dsd" / "IAEG-SDGs_SDG_1.4.xml"))
    rows = [observation(area=area, year=2015) for area in ("417", "762")]
    with web(Unsd({"SI_POV_DAY1": rows})) as there:
        planned(var, un={"source": "unsd", "base_url": there.address, "series": ["SI_POV_DAY1"], "areas": ["417"]})
        code, facts = hub("pull", "un")

    assert (code, facts["differences"]["counts"]["added"]) == (0, 1)


def test_the_process_is_there_only_where_something_is_scheduled(var):
    assert "puller" not in processes.recipes(hub_settings.load())

    recipes = processes.recipes(planned(var, un={"source": "unsd"}))

    assert recipes["puller"](hub_settings.load())[0][1:] == ["-m", "regional_hub.sdg.exchange.schedule"]


def test_the_process_runs_what_is_due(var, nepal_service, monkeypatch):
    planned(var, np={"source": f"{nepal_service}/v2", "flow": NP})
    monkeypatch.setattr(schedule, "LOOK", 0.0)
    looks = iter([True, True, False])

    schedule.main(lambda: next(looks))

    assert orders.pull(var / "sdg", "np").state.outcome == "loaded"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"flow": "A:B"}, "sdg.pulls.np.source"),
        ({"source": "unsd", "every_hours": 0}, "sdg.pulls.np.every_hours"),
        ({"source": "unsd", "colour": "red"}, "sdg.pulls.np.colour"),
    ],
)
def test_settings_that_do_not_fit_are_named(var, facts, message):
    with pytest.raises(hub_settings.SettingsError, match=message):
        planned(var, np=facts)


# -- exports and drafts ------------------------------------------------------------------------------------------------


@pytest.fixture
def released(hub, var, nepal_service):
    facts = hub("pull", f"{nepal_service}/v2", "--flow", NP, "--by", "ann")[1]
    store = Room(var / "sdg").store
    draft = store.draft(facts["draft"])
    draft.validate()
    store.publish(draft, by="bob", name="np1")
    return draft


def test_an_export_names_the_agency_of_the_settings(hub, var, released, tmp_path):
    (var / "settings.toml").write_text('[sdg]\nsender = "CBS"\n')

    code, facts = hub(
        "export", "--flow", NP, "--split-by", "series", "--receiver", "UNSD", "--output", tmp_path / "out"
    )

    assert code == 0, facts
    assert (facts["manifest"]["sender"], facts["manifest"]["receiver"]) == ("CBS", "UNSD")
    assert facts["manifest"]["observations"] == 701
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"manifest.json", *(one["file"] for one in facts["manifest"]["files"])}


def test_an_export_of_what_is_not_there_is_said(hub, released, tmp_path):
    code, facts = hub("export", "--flow", NP, "--where", "COLOUR=RED", "--output", tmp_path / "out")

    assert code == 1
    assert "no component 'COLOUR'" in facts["error"]


def test_old_drafts_are_pruned_and_decided_ones_kept(hub, var, released, nepal_service):
    store = Room(var / "sdg").store
    made = Room(var / "sdg").registry.structure("CBS-SDGs:SDG(1.4)")
    stale, touched, fresh = (store.start(made, by="ann") for _ in range(3))
    touched.embargo({"SERIES": ["SI_POV_DAY1"]}, "2999-01-01T00:00:00Z", by="eve")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    for draft in (released, stale, touched):
        os.utime(draft.folder / "draft.json", (long_ago, long_ago))

    code, facts = hub("drafts", "prune", "--older-than", "30")

    assert code == 0
    assert {one["id"] for one in facts["removed"]} == {released.id, stale.id}
    assert [one["id"] for one in facts["drafts"]] == [touched.id]
    assert {draft.id for draft in store.drafts()} == {released.id, touched.id, fresh.id}
    assert list(released.folder.rglob("0*.parquet")) == []
    assert not list(released.folder.glob("candidate*"))
    assert released.facts["release"] == "np1"
    store.release("np1").verify()
    assert {one["id"] for one in hub("drafts")[1]["drafts"]} == {touched.id, fresh.id}


def test_pruning_says_how_old(hub):
    assert "--older-than" in hub("drafts", "prune")[1]["error"]
