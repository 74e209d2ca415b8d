"""Alarms of the site: raised, ended, silenced."""
