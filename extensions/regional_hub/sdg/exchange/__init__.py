"""Data from other services and for other organisations: pulls into drafts, schedules, and exports of what is public."""
