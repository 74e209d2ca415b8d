import pytest

from posture_agent.analysis.settings import AnalysisSettings, from_master


def test_settings_survive_the_way_to_the_worker():
    own = AnalysisSettings(rule="classic", keep_pictures="none")
    assert from_master(own.model_dump(mode="json")) == own


def test_settings_of_a_newer_master_are_left_out():
    given = {"rule": "classic", "newer": 1, "thresholds": {"lean_forward_deg": 17.0, "newer": 2}}
    settings = from_master(given)
    assert settings.rule == "classic"
    assert settings.thresholds.lean_forward_deg == 17.0


def test_an_unknown_value_of_a_known_setting_is_refused():
    with pytest.raises(ValueError, match="keep_pictures"):
        from_master({"keep_pictures": "blurred"})
