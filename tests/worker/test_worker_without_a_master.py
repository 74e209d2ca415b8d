"""A worker started as older installations did it: with the database's variables and no master."""

import os
import subprocess

import pytest

from support.processes import our_program

OLD = {"SUPABASE_HOST": "db.example", "SUPABASE_USER": "postgres", "SUPABASE_PASSWORD": "a-secret-word"}


def started(**variables):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SUPABASE_", "POSTURE_"))}
    command = [*our_program("posture-agent"), "worker"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={**clean, **variables})


@pytest.mark.integration
def test_old_variables_alone_end_with_2_and_say_what_to_do_now():
    done = started(**OLD)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "--master tcp://HOST:5570" in line
    assert "`posture-agent master`" in line
    assert OLD["SUPABASE_PASSWORD"] not in line


@pytest.mark.integration
def test_without_them_nothing_is_said_of_the_past():
    done = started()
    assert done.returncode == 2
    assert "SUPABASE" not in done.stderr
